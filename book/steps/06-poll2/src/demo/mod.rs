//! What the chapter shows of step 6: its run, its figure, its measurement.

use std::cell::RefCell;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::rc::Rc;
use std::thread;

use draw::{Kind, Log};
use step06::{Direction, block_on, ready, spawn};
use sys::count::calls;

use self::echo::serve;

mod echo;

/// `idle` clients that say nothing, and one that has `times` bytes echoed: the server's system
/// calls.
fn busy_and_idle(idle: usize, times: usize) -> std::collections::BTreeMap<&'static str, u64> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let clients = thread::spawn(move || {
        let connect = || TcpStream::connect(address).expect("the server listens");
        let idle: Vec<TcpStream> = (0..idle).map(|_| connect()).collect();
        let mut busy = connect();
        for _ in 0..times {
            busy.write_all(b"x").expect("served");
            busy.read_exact(&mut [0]).expect("served");
        }
        drop((busy, idle));
    });
    let calls = calls(|| block_on(serve(listener, idle + 1)).expect("it accepts"));
    clients.join().expect("it does not panic");
    calls
}

pub fn run() {
    let calls = busy_and_idle(100, 1000);
    println!(
        "101 clients on one thread, 1000 echoes: read {}, write {}",
        calls["read"], calls["write"]
    );
}

/// Two clients that send in turn, each byte after the echo of the other: what the server does, in
/// order.
fn in_turn() -> Vec<(&'static str, &'static str)> {
    let log = Rc::new(RefCell::new(Vec::new()));
    let events = Rc::clone(&log);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let mut ends: Vec<(TcpStream, TcpStream)> = Vec::new();
    for _ in 0..2 {
        let client = TcpStream::connect(address).expect("the server listens");
        ends.push((client, listener.accept().expect("it connects").0));
    }
    let (clients, served): (Vec<_>, Vec<_>) = ends.into_iter().unzip();
    let sender = thread::spawn(move || {
        for mut client in clients.iter().chain(&clients) {
            client.write_all(b"x").expect("served");
            client.read_exact(&mut [0]).expect("served");
        }
    });
    block_on(async move {
        let tasks: Vec<_> = served
            .into_iter()
            .zip(["task a", "task b"])
            .map(|(mut client, name)| {
                let log = Rc::clone(&log);
                spawn(async move {
                    client.set_nonblocking(true).expect("a socket can be");
                    for _ in 0..2 {
                        while client.read(&mut [0]).is_err() {
                            log.borrow_mut().push((name, "EAGAIN"));
                            ready(&client, Direction::Read).await.expect("it is open");
                        }
                        log.borrow_mut().push((name, "echo"));
                        client.write_all(b"x").expect("there is room");
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("it does not panic");
        }
    });
    sender.join().expect("it does not panic");
    events.take()
}

pub fn figure() -> String {
    let mut log = Log::new("event");
    for (at, (who, what)) in in_turn().into_iter().enumerate() {
        let at = at as f64;
        log.span(who, at, at + 0.9, if what == "echo" { Kind::Run } else { Kind::Kernel }, what);
    }
    log.svg("Each task tries to read, waits where that would block, and is polled when its socket is ready")
}

/// One echo at a time among `idle` clients: descriptors that the kernel looks at, by the calls of
/// `poll`.
pub fn measure() -> String {
    let mut text = String::from(
        "| idle clients | echoes | poll | read | write | descriptors looked at, an echo |\n|---:|---:|---:|---:|---:|---:|\n",
    );
    for idle in [0, 100, 400] {
        let calls = busy_and_idle(idle, 200);
        let of = |name: &str| calls.get(name).copied().unwrap_or(0);
        // The busy client, the idle ones, and the socket that other threads poke.
        let looked = idle as u64 + 2;
        text += &format!(
            "| {idle} | 200 | {} | {} | {} | {looked} |\n",
            of("poll"),
            of("read"),
            of("write")
        );
    }
    text
}
