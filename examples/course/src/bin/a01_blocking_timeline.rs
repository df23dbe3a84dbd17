//! What blocking means: lines of time of a call that waits, and of one that does not. No runtime in
//! the first half.
//!
//! A server on this machine answers after 50 ms, so that the wait can be seen. The blocking thread
//! stands still meanwhile. A `send` blocks, too, as soon as the buffers are full: here until the
//! peer begins to read after 50 ms. In the second half a task waits for the same answer while
//! another one counts.
//!
//! Course: 8.5, "Qu'est-ce que le blocage" (A1; the claim N2), "Opérations bloquantes courantes"
//! (A2), and the lines of time of non-blocking I/O (A8).
//!
//! ```text
//! cargo run --release -p course --bin blocking_timeline
//! strace -T -e connect,sendto,recvfrom …                            shows the waits in the calls
//! ```

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use myrt::time::{Duration, Instant, interval};

const DELAY: Duration = Duration::from_millis(50);
/// More than the buffers of both sides take.
const MUCH: usize = 16 * 1024 * 1024;

/// A server that lets 50 ms pass, then reads everything there is and answers.
#[expect(
    clippy::disallowed_methods,
    reason = "a server that blocks needs a thread"
)]
fn slow_server() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::sleep(DELAY);
            let _ = stream.write_all(b"answer");
            let _ = stream.read_to_end(&mut Vec::new()); // an error is that client's
        }
    });
    Ok(address)
}

fn tell(start: Instant, what: &str) {
    println!("  {:>3} ms  {what}", start.elapsed().as_millis());
}

fn blocking(server: SocketAddr) -> io::Result<()> {
    println!("A thread that receives:");
    let start = Instant::now();
    tell(start, "start");
    let mut stream = TcpStream::connect(server)?;
    tell(start, "connected; recv is called");
    stream.read_exact(&mut [0; 6])?;
    tell(start, "recv returned: the thread did nothing else");

    drop(stream);
    println!(
        "A thread that sends {} MB to a peer that does not read yet:",
        MUCH / 1024 / 1024
    );
    let mut stream = TcpStream::connect(server)?;
    let start = Instant::now();
    tell(start, "send is called");
    stream.write_all(&vec![0; MUCH])?;
    tell(start, "send returned: it waited for room in the buffers");
    Ok(())
}

async fn nonblocking(server: SocketAddr) -> io::Result<()> {
    println!("A task that receives, beside one that counts:");
    let start = Instant::now();
    let counter = myrt::spawn(async move {
        let mut ticks = interval(Duration::from_millis(10));
        loop {
            ticks.tick().await;
            tell(start, "the other task has its turn");
        }
    });
    let stream = myrt::net::TcpStream::connect(server).await?;
    tell(start, "connected; the read is awaited");
    stream.read_exact(&mut [0; 6]).await?;
    tell(start, "the read is done");
    counter.cancel().await;
    Ok(())
}

fn main() -> io::Result<()> {
    let server = slow_server()?;
    blocking(server)?;
    myrt::run(nonblocking(server))
}
