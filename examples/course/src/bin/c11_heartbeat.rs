//! A heartbeat beside a conversation, and no task left when it ends.
//!
//! The client says `ping` at an interval while it waits for what the server says; the server hangs
//! up on who is silent for too long. The heart stops with the conversation, because both are
//! branches of one `select!`, and not a task that somebody must remember to cancel. Over TCP, line
//! by line; the WebSocket form is among the WebSocket programs.
//!
//! Course: 8.7, "Heartbeat" (C11).
//!
//! ```text
//! cargo run --release -p course --bin heartbeat -- --every 100 (ms)
//! ```

use std::io;

use lexopt::ValueExt;
use myrt::io::{ReadError, Reader};
use myrt::net::{TcpListener, TcpStream};
use myrt::time::{Duration, Instant, interval, sleep, timeout};

/// A server that says something now and then, and counts the heartbeats.
async fn server(listener: TcpListener, every: Duration) -> io::Result<()> {
    let (stream, _) = listener.accept().await?;
    let start = Instant::now();
    let listen = async {
        let mut reader = Reader::new(&stream);
        let mut line = String::new();
        loop {
            line.clear();
            // Three beats missed: the client is gone, even if nothing says so.
            match timeout(3 * every, reader.read_line(&mut line)).await {
                Ok(Ok(1..)) => println!(
                    "  {:>4} ms  server: {}",
                    start.elapsed().as_millis(),
                    line.trim_end()
                ),
                Ok(Ok(0)) => {
                    return {
                        println!(
                            "  {:>4} ms  server: the client has hung up",
                            start.elapsed().as_millis()
                        );
                        Ok(())
                    };
                }
                Ok(Err(error)) => return Err(error),
                Err(_) => {
                    return {
                        println!(
                            "  {:>4} ms  server: no heartbeat any more",
                            start.elapsed().as_millis()
                        );
                        Ok(())
                    };
                }
            }
        }
    };
    let talk = async {
        loop {
            sleep(every.mul_f64(2.5)).await;
            stream.write_all(b"news\n").await?;
        }
    };
    myrt::select! {
        result = listen => result.map_err(io::Error::from),
        result = talk => result,
    }
}

async fn client(stream: TcpStream, every: Duration, messages: usize) -> Result<(), ReadError> {
    let converse = async {
        let mut reader = Reader::new(&stream);
        let mut line = String::new();
        for _ in 0..messages {
            reader.read_line(&mut line).await?;
        }
        println!("           client: heard {messages} messages, that is enough");
        Ok(())
    };
    let beat = async {
        let mut ticks = interval(every);
        loop {
            ticks.tick().await;
            stream.write_all(b"ping\n").await?;
        }
    };
    myrt::select! {
        result = converse => result,
        result = beat => result,
    }
}

#[myrt::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut every = Duration::from_millis(100);
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            lexopt::Arg::Long("every") => {
                every = Duration::from_millis(arguments.value()?.parse()?);
            }
            other => return Err(other.unexpected().into()),
        }
    }
    println!("A heartbeat every {} ms:", every.as_millis());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let stream = TcpStream::connect(listener.local_addr()?).await?;
    let server = myrt::spawn(server(listener, every));
    client(stream, every, 2).await?;
    server.await??;
    println!("{} task is left: main", myrt::task::all().len());
    Ok(())
}
