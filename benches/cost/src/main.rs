//! What it costs that the runtime tells about itself: small programs whose instructions `run`
//! counts, for N operations and for 2N, so that start and end cancel out.
//!
//! ```text
//! cost <spawn|yield|lock|echo> <operations> [recorded] [console] [asked=<questions>]
//! ```
//!
//! The runtime has the main thread, whose instructions callgrind counts by themselves, and whose
//! CPU time is printed. `recorded` installs a recorder, `console` one that listens to what is
//! printed too; `asked` has a monitor answer that number of `ps` meanwhile, spread over the run.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream as Plain};
use std::rc::Rc;
use std::thread::{self, JoinHandle};

use myrt::net::{TcpListener, TcpStream};
use myrt::runtime::{Builder, Recorder};
use myrt::sync::Mutex;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [program, operations, options @ ..] = &arguments[..] else {
        panic!("cost <spawn|yield|lock|echo> <operations> [recorded] [console] [asked=<questions>]");
    };
    let operations: u64 = operations.parse().expect("a number of operations");
    let mut builder = Builder::new();
    let mut questions = 0;
    for option in options {
        match option.split_once('=') {
            None if option == "recorded" => builder = builder.observer(Recorder::new()),
            None if option == "console" => {
                builder = builder.observer(Recorder::new().with_console());
            }
            Some(("asked", many)) => questions = many.parse().expect("a number of questions"),
            _ => panic!("what is {option}?"),
        }
    }
    let runtime = builder.build().expect("a runtime");
    let before = cpu_time();
    runtime.block_on(async {
        match program.as_str() {
            "spawn" => spawn(operations).await,
            "yield" => yields(operations).await,
            "lock" => lock(operations).await,
            "echo" => echo(operations, questions).await,
            other => panic!("there is no program {other}"),
        }
    });
    let after = cpu_time();
    drop(runtime);
    if let (Some(before), Some(after)) = (before, after) {
        println!("{}", after - before);
    }
}

/// Nanoseconds that this thread has been on a processor, in the kernel or not; where Linux tells.
fn cpu_time() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok()
}

async fn spawn(operations: u64) {
    for n in 0..operations {
        assert_eq!(myrt::spawn(async move { n }).await.ok(), Some(n));
    }
}

async fn yields(operations: u64) {
    for _ in 0..operations {
        myrt::yield_now().await;
    }
}

/// Two tasks that take the same lock by turns: each time somebody waits for it.
async fn lock(operations: u64) {
    let lock = Rc::new(Mutex::new(0));
    let other = myrt::spawn(take(lock.clone(), operations / 2));
    take(lock, operations / 2).await;
    other.await.expect("the other");
}

async fn take(lock: Rc<Mutex<u64>>, times: u64) {
    for _ in 0..times {
        let mut count = lock.lock().await;
        myrt::yield_now().await;
        *count += 1;
    }
}

/// One connection, 32 bytes there and back. The client is a thread of its own.
async fn echo(operations: u64, questions: u64) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let server = listener.local_addr().expect("its address");
    let monitor = (questions > 0).then(|| {
        let monitor = myrt::monitor::start("127.0.0.1:0").expect("a monitor");
        monitor.local_addr().expect("its address")
    });
    let client = talk(server, operations, monitor, questions);
    let (stream, _) = listener.accept().await.expect("the client");
    myrt::spawn(answer(stream)).await.expect("the server");
    client.join().expect("the client");
}

async fn answer(stream: TcpStream) {
    let mut buf = [0; 64];
    while let Ok(n @ 1..) = stream.read(&mut buf).await {
        stream.write_all(&buf[..n]).await.expect("to answer");
    }
}

fn talk(
    server: SocketAddr,
    operations: u64,
    monitor: Option<SocketAddr>,
    questions: u64,
) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut stream = Plain::connect(server).expect("the server");
        let mut monitor = monitor.map(Asking::new);
        let mut buf = [7; 32];
        let mut asked = 0;
        for n in 0..operations {
            stream.write_all(&buf).expect("to write");
            stream.read_exact(&mut buf).expect("to read");
            if let Some(monitor) = &mut monitor {
                while asked * operations < questions * (n + 1) {
                    monitor.ask();
                    asked += 1;
                }
            }
        }
    })
}

/// A connection to the monitor.
struct Asking {
    stream: Plain,
    lines: BufReader<Plain>,
}

impl Asking {
    fn new(address: SocketAddr) -> Self {
        let stream = Plain::connect(address).expect("the monitor");
        let lines = BufReader::new(stream.try_clone().expect("a second handle"));
        Self { stream, lines }
    }

    fn ask(&mut self) {
        writeln!(self.stream, "ps").expect("to ask");
        let mut line = String::from("?");
        while !matches!(line.as_str(), "" | "\n") {
            line.clear();
            self.lines.read_line(&mut line).expect("an answer");
        }
    }
}
