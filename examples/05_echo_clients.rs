//! Five clients against a server that takes a second for each: five seconds, or one.
//!
//! Shows the course's measurement with real sockets. The server is the same both times, but for one
//! word: it either awaits the client it has accepted, or spawns a task for it and accepts the next.
//!
//! Course: "I/O: le nerf de la guerre", the echo servers and their clients (D6: 5.013 s; D7: 1.002
//! s; D8: "Ohé !"); the claim N21. That code is of a Python before 3.8, with one port in its
//! comment and another in its text (R15). Next: `06_multiplexing`.
//!
//! ```text
//! cargo run --example 05_echo_clients
//! ```
//!
//! The clients are part of it. To try the servers by hand see `04_echo_server`.

use std::io;
use std::net::SocketAddr;

use myrt::net::{TcpListener, TcpStream};
use myrt::time::{Duration, Instant, sleep};

const CLIENTS: usize = 5;

/// One request: what came is sent back a second later.
async fn serve(stream: TcpStream) -> io::Result<()> {
    let mut buf = [0; 64];
    let n = stream.read(&mut buf).await?;
    sleep(Duration::from_secs(1)).await; // the work that takes so long
    stream.write_all(&buf[..n]).await
}

/// Serves a client to its end before it accepts the next.
async fn one_by_one(listener: TcpListener) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        serve(stream).await?;
    }
}

/// Accepts the next client at once.
async fn side_by_side(listener: TcpListener) -> io::Result<()> {
    loop {
        // An error is passed over: accept waits a little before it tries again.
        if let Ok((stream, _)) = listener.accept().await {
            drop(myrt::spawn(serve(stream)));
        }
    }
}

/// Says something, waits for the echo, tells when it came.
async fn client(number: usize, server: SocketAddr, start: Instant) -> io::Result<()> {
    let stream = TcpStream::connect(server).await?;
    let text = "Ohé !"; // six bytes
    stream.write_all(text.as_bytes()).await?;
    let mut buf = [0; 6];
    stream.read_exact(&mut buf).await?;
    assert_eq!(buf, text.as_bytes(), "an echo is what was sent");
    println!(
        "  client {number}: {text:?} came back after {:.3} s",
        start.elapsed().as_secs_f64()
    );
    Ok(())
}

/// Lets all clients loose on a server that has just been started.
async fn measure(server: SocketAddr) -> io::Result<Duration> {
    let start = Instant::now();
    let mut clients = Vec::new();
    for number in 1..=CLIENTS {
        clients.push(myrt::spawn(client(number, server, start)));
    }
    for client in clients {
        client.await.expect("nobody cancels it")?;
    }
    Ok(start.elapsed())
}

#[myrt::main]
async fn main() -> io::Result<()> {
    println!("The server serves one client after the other:");
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let server = myrt::spawn(one_by_one(listener));
    let sequence = measure(address).await?;
    server.cancel();

    println!("The server has a task for each client:");
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let server = myrt::spawn(side_by_side(listener));
    let together = measure(address).await?;
    server.cancel();

    println!(
        "one by one {:.3} s, side by side {:.3} s",
        sequence.as_secs_f64(),
        together.as_secs_f64()
    );
    Ok(())
}
