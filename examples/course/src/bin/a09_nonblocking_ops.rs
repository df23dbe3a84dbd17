//! The four operations on sockets that do not block: each says at once that it is not done.
//!
//! Shows `connect` (EINPROGRESS), `accept`, `recv` and `send` (EAGAIN), first bare, then what the
//! runtime makes of them: `try_…` says the same, and the plain method waits until the kernel
//! reports that a try is worthwhile.
//!
//! Course: 8.5, "I/O non-bloquant" (A8, A9), and the first rule of 8.6 (B22: a socket on a loop is
//! non-blocking).
//!
//! ```text
//! cargo run --release -p course --bin nonblocking_ops
//! strace -e connect,accept4,recvfrom,sendto …
//! ```

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use myrt::time::{Duration, Instant, timeout};
use socket2::{Domain, Socket, Type};

/// Says what an operation said, and whether it came back at once.
fn tell<T>(what: &str, start: Instant, result: &io::Result<T>) {
    let said = match result {
        Ok(_) => "done".to_owned(),
        Err(error) => format!("{:?}: {error}", error.kind()),
    };
    println!(
        "  {what:<8} came back after {:>4} µs: {said}",
        start.elapsed().as_micros()
    );
}

fn bare() -> io::Result<()> {
    println!("Bare:");
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let start = Instant::now();
    let accepted = listener.accept();
    tell("accept", start, &accepted);
    assert_eq!(accepted.unwrap_err().kind(), io::ErrorKind::WouldBlock);

    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    let start = Instant::now();
    let connected = socket.connect(&listener.local_addr()?.into());
    tell("connect", start, &connected);
    let mut stream = TcpStream::from(socket);

    let start = Instant::now();
    let read = stream.read(&mut [0; 16]);
    tell("recv", start, &read);
    assert_eq!(read.unwrap_err().kind(), io::ErrorKind::WouldBlock);

    let full = fill(|bytes| stream.write(bytes));
    let start = Instant::now();
    let written = stream.write(b"more");
    tell("send", start, &written);
    assert_eq!(written.unwrap_err().kind(), io::ErrorKind::WouldBlock);
    println!("           ({full} bytes fitted into the buffers)");
    Ok(())
}

/// Sends until the buffers are full.
fn fill(mut write: impl FnMut(&[u8]) -> io::Result<usize>) -> usize {
    let mut sum = 0;
    while let Ok(sent) = write(&[0; 64 * 1024]) {
        sum += sent;
    }
    sum
}

async fn on_the_runtime() -> io::Result<()> {
    println!("On the runtime:");
    let listener = myrt::net::TcpListener::bind("127.0.0.1:0").await?;
    let address: SocketAddr = listener.local_addr()?;
    let stream = myrt::net::TcpStream::connect(address).await?;
    let (peer, _) = listener.accept().await?;

    let start = Instant::now();
    let read = stream.try_read(&mut [0; 16]);
    tell("try_read", start, &read);
    assert_eq!(read.unwrap_err().kind(), io::ErrorKind::WouldBlock);
    let read = timeout(Duration::from_millis(20), stream.read(&mut [0; 16])).await;
    println!(
        "  read     waits, and can be given up: {}",
        read.unwrap_err()
    );

    fill(|bytes| stream.try_write(bytes));
    let start = Instant::now();
    tell("try_write", start, &stream.try_write(b"more"));
    // The write is done when the peer has read enough.
    let read = async {
        let mut scratch = vec![0; 256 * 1024];
        while peer.read(&mut scratch).await.is_ok() {}
    };
    let written = myrt::select! {
        written = stream.write(b"more") => written,
        () = read => unreachable!("the peer reads as long as there is somebody who writes"),
    };
    tell("write", start, &written);
    Ok(())
}

fn main() -> io::Result<()> {
    bare()?;
    myrt::run(on_the_runtime())
}
