//! Where a program waits: a task in each kind of wait, and what the task graph and the monitor say
//! of it.
//!
//! Every place where a server waits is one line: for a client, a request, a lock, a place in a
//! queue, another task, the pool. Then the loop is blocked on purpose, and the monitor still
//! answers, since it has a thread of its own.
//!
//! Course: "I/O: le nerf de la guerre", where a server waits (D3); visual guide, the view of READY
//! and WAITING (E3: the states add up to the tasks); 8.7, aiomonitor (C34); with `--monitor` it
//! stays, and `telnet localhost 50101` shows `ps` and `where`.
//!
//! ```text
//! cargo run --release -p course --bin where_it_waits [-- --monitor]
//! ```

use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::rc::Rc;

use myrt::net::{TcpListener, TcpStream};
use myrt::sync::{Mutex, Queue, Semaphore};
use myrt::task::Builder;
use myrt::time::{Duration, sleep};

const LONG: Duration = Duration::from_secs(3600);

/// A task with a name, that is left to itself.
fn start(name: &str, future: impl Future<Output = ()> + 'static) {
    drop(Builder::new().name(name).spawn(future));
}

async fn one_of_each() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let stream = TcpStream::connect(address).await?;
    let full = TcpStream::connect(address).await?;
    let (peer, _) = listener.accept().await?;
    let mute = listener.accept().await?;
    start("accepts", async move {
        drop((listener.accept().await, mute, peer));
    });
    start("reads", async move { drop(stream.read(&mut [0]).await) });
    start("writes", async move {
        while full.write_all(&[0; 65536]).await.is_ok() {}
    });
    start("sleeps", async { sleep(LONG).await });

    let lock = Rc::new(Mutex::new(()));
    let held = Rc::clone(&lock).lock_owned().await;
    start("locks", async move { drop(lock.lock().await) });
    let none = Rc::new(Semaphore::new(0));
    start("wants a permit", async move { drop(none.acquire().await) });
    let queue = Rc::new(Queue::<String>::new(1));
    start("wants a job", async move { drop(queue.get().await) });
    let other = Builder::new().name("is joined").spawn(sleep(LONG));
    start("joins", async move { drop((other.await, held)) });
    Ok(())
}

/// What the monitor answers to a command, asked over its socket as telnet does.
fn ask(monitor: SocketAddr, command: &str) -> io::Result<String> {
    let mut stream = std::net::TcpStream::connect(monitor)?;
    stream.set_read_timeout(Some(Duration::from_millis(500)))?;
    writeln!(stream, "{command}\nexit")?;
    let lines = BufReader::new(stream).lines().map_while(Result::ok);
    Ok(lines.map(|line| format!("  {line}\n")).collect())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a client of its own, and a loop that is blocked on purpose"
)]
fn ask_while_blocked(monitor: SocketAddr) -> io::Result<String> {
    let asking = std::thread::spawn(move || ask(monitor, "ps"));
    std::thread::sleep(Duration::from_millis(300));
    asking
        .join()
        .unwrap_or_else(|_| Err(io::Error::other("the client panicked")))
}

#[myrt::main]
async fn main() -> io::Result<()> {
    let stay = std::env::args().any(|argument| argument == "--monitor");
    one_of_each().await?;
    sleep(Duration::from_millis(50)).await; // all of them wait now
    let graph = myrt::task::graph();
    println!("{graph}");
    println!(
        "{} tasks in the graph, {} in all",
        graph.tasks().len(),
        myrt::task::all().len()
    );
    let monitor = myrt::monitor::start(if stay {
        "127.0.0.1:50101"
    } else {
        "127.0.0.1:0"
    })?;
    let address = monitor
        .local_addr()
        .ok_or_else(|| io::Error::other("the monitor listens on TCP"))?;
    println!("The monitor at {address}, while the loop is blocked:");
    print!("{}", ask_while_blocked(address)?);
    if stay {
        sleep(LONG).await;
    }
    Ok(())
}
