//! What the chapter shows of step 8: its run, its figure, its measurement.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use draw::{Kind, Log};
use step08::{TcpListener, TcpStream, block_on, spawn, yield_now};
use sys::count::{allocations, calls};

// ANCHOR: serve
/// Serves clients, each by a task of its own, as long as it is polled.
async fn serve(listener: TcpListener) -> io::Result<()> {
    loop {
        let (client, _) = listener.accept().await?;
        drop(spawn(echo(client)));
    }
}

async fn echo(client: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        match client.read(&mut buffer).await? {
            0 => return Ok(()),
            n => client.write_all(&buffer[..n]).await?,
        }
    }
}
// ANCHOR_END: serve

// ANCHOR: client
async fn client(address: SocketAddr, times: usize) -> io::Result<()> {
    let server = TcpStream::connect(address).await?;
    for _ in 0..times {
        server.write_all(b"hello").await?;
        let (mut answer, mut got) = ([0; 5], 0);
        while got < answer.len() {
            match server.read(&mut answer[got..]).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                n => got += n,
            }
        }
        assert_eq!(&answer, b"hello");
    }
    Ok(())
}
// ANCHOR_END: client

/// Server and `clients` clients in one loop, each with `times` echoes.
fn echoes(clients: usize, times: usize) {
    block_on(async move {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        drop(spawn(serve(listener)));
        let clients: Vec<_> = (0..clients).map(|_| spawn(client(address, times))).collect();
        for client in clients {
            client.await.expect("it does not panic").expect("it is served");
        }
    });
}

pub fn run() {
    let calls = calls(|| echoes(100, 10));
    println!("100 clients, each with 10 echoes, and their server, on one thread:");
    for (name, n) in calls {
        println!("{n:>6}  {name}");
    }
}

/// One client and its server: what each does, in the order in which it happens.
fn one_echo() -> Vec<(&'static str, &'static str)> {
    let log = Rc::new(RefCell::new(Vec::new()));
    let events = Rc::clone(&log);
    block_on(async move {
        let say = move |who, what| log.borrow_mut().push((who, what));
        let serves = say.clone();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let server = spawn(async move {
            serves("server", "accept");
            let (client, _) = listener.accept().await?;
            serves("server", "read");
            let n = client.read(&mut [0; 8]).await?;
            serves("server", "write");
            client.write_all(&[0; 8][..n]).await
        });
        say("client", "connect");
        let stream = TcpStream::connect(address).await.expect("the server listens");
        yield_now().await; // the server waits for bytes first
        say("client", "write");
        stream.write_all(b"x").await.expect("there is room");
        say("client", "read");
        stream.read(&mut [0; 8]).await.expect("it is served");
        say("client", "done");
        server.await.expect("it does not panic").expect("it serves");
    });
    events.take()
}

pub fn figure() -> String {
    let events = one_echo();
    let mut log = Log::new("event");
    for lane in ["client", "server"] {
        let mine: Vec<_> = (0..events.len()).filter(|at| events[*at].0 == lane).collect();
        for (n, at) in mine.iter().enumerate() {
            let (from, what) = (*at as f64, events[*at].1);
            log.span(lane, from, from + 0.45, Kind::Run, "");
            log.point(lane, from + 0.2, Kind::Run, what);
            if let Some(next) = mine.get(n + 1) {
                log.span(lane, from + 0.45, *next as f64, Kind::Wait, "");
            }
        }
    }
    log.svg("Client and server in one loop: where one waits, the other runs")
}

pub fn measure() -> String {
    let mut text = String::from(
        "| clients | echoes | epoll_wait | epoll_ctl | read | write | allocations |\n|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for clients in [1, 10, 100] {
        let allocated = Cell::new(0);
        let calls = calls(|| allocated.set(allocations(|| echoes(clients, 200))));
        let of = |name: &str| calls.get(name).copied().unwrap_or(0);
        text += &format!(
            "| {clients} | {} | {} | {} | {} | {} | {} |\n",
            clients * 200,
            of("epoll_wait"),
            of("epoll_ctl"),
            of("read"),
            of("write"),
            allocated.get()
        );
    }
    text
}
