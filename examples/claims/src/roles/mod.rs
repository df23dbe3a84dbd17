//! The roles that this program takes in processes of its own: what is measured, and the clients
//! that load it.
//!
//! A role prints `listening PORT`, or a line of numbers, and ends when its standard input does.

mod balancer;
mod broadcast;
mod crowd;
mod echo;
mod fetch;
mod http;
mod idle;
mod load;
mod prefork;
mod redis;
mod selectors;
mod stacks;

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::thread;

use myrt::net::{TcpListener, TcpSocket, TcpStream};
use myrt::runtime::{Builder, raise_fd_limit};
use myrt::time::{Duration, sleep};

/// Connections that may wait to be accepted.
pub(crate) const BACKLOG: u32 = 4096;
/// Longer than any turn of a measurement.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Takes the role `name`.
pub(crate) fn take(name: &str, arguments: &[String]) -> io::Result<()> {
    raise_fd_limit()?;
    match name {
        "echo" => echo::on_a_loop(),
        "echo-threads" => echo::on_threads(),
        "delay" => http::delay(number(arguments, 0)?),
        "http" => http::hello(number(arguments, 0)?),
        "prefork" => prefork::parent(number(arguments, 0)?),
        "prefork-worker" => prefork::worker(),
        "redis" => redis::serve(),
        "chat" => broadcast::chat(),
        "game" => broadcast::game(),
        "balancer" => balancer::serve(number(arguments, 0)?),
        "source" => balancer::source(),
        "idle" => idle::hold(arguments),
        "load" => load::run(arguments),
        "crowd" => crowd::run(arguments),
        "fetch" => fetch::run(arguments),
        "stacks" => stacks::threads(number(arguments, 0)?),
        "tasks" => stacks::tasks(number(arguments, 0)?),
        "selectors" => selectors::run(arguments),
        _ => Err(invalid(&format!("there is no role {name:?}"))),
    }
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

/// The argument at `place`, as a number.
fn number<T: std::str::FromStr>(arguments: &[String], place: usize) -> io::Result<T> {
    let text = arguments
        .get(place)
        .ok_or_else(|| invalid("too few arguments"))?;
    text.parse()
        .map_err(|_| invalid(&format!("{text:?} is not such a number")))
}

fn local(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// Prints a line for the process that started this one.
fn say(line: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")?;
    output.flush()
}

/// At a port of its own, or at one whose connections several processes share; 0 is any.
fn listen(shared: Option<u16>) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    // Only where it is wanted: with this option the system may give out a port that another one
    // has.
    socket.set_reuseport(shared.is_some())?;
    socket.bind(local(shared.unwrap_or(0)))?;
    socket.listen(BACKLOG)
}

/// Runs a future. Long turns are what is measured here, so nobody needs to be told of them.
fn run<T>(future: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let runtime = Builder::new().slow_poll(PATIENCE).build()?;
    runtime.block_on(future)
}

/// Serves each connection with `handler` in a task of its own, until the parent is gone.
fn serve<F>(handler: impl Fn(TcpStream) -> F + 'static) -> io::Result<()>
where
    F: Future<Output = io::Result<()>> + 'static,
{
    serve_at(None, handler)
}

/// As [`serve`], at a port that may be shared.
fn serve_at<F>(shared: Option<u16>, handler: impl Fn(TcpStream) -> F + 'static) -> io::Result<()>
where
    F: Future<Output = io::Result<()>> + 'static,
{
    run(async {
        let listener = listen(shared)?;
        say(&format!("listening {}", listener.local_addr()?.port()))?;
        drop(myrt::spawn(async move {
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => {
                        let _ = stream.set_nodelay(true);
                        drop(myrt::spawn(handler(stream)));
                    }
                    // Out of descriptors, or the client has gone again: the next one may do better.
                    Err(_) => sleep(Duration::from_millis(1)).await,
                }
            }
        }));
        parent_gone().await
    })
}

/// Waits until standard input ends; what the parent says meanwhile is not heard.
async fn parent_gone() -> io::Result<()> {
    let input = io::stdin();
    loop {
        myrt::io::readable(&input).await?;
        if io::stdin().lock().read(&mut [0; 256])? == 0 {
            return Ok(());
        }
    }
}

/// Ends the process when the parent is gone: for roles without a loop.
fn end_with_parent(mut input: impl Read + Send + 'static) -> io::Result<()> {
    thread::Builder::new()
        .stack_size(64 * 1024)
        .spawn(move || {
            let mut bytes = [0; 256];
            while matches!(input.read(&mut bytes), Ok(count) if count > 0) {}
            std::process::exit(0);
        })
        .map(drop)
}

/// Writes all of `bytes`, at once if there is room.
async fn send(stream: &TcpStream, bytes: &[u8]) -> io::Result<()> {
    let sent = match stream.try_write(bytes) {
        Ok(sent) => sent,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
        Err(error) => return Err(error),
    };
    if sent < bytes.len() {
        stream.write_all(&bytes[sent..]).await?;
    }
    Ok(())
}

/// Waits for bytes and appends what is there to `into`; the buffer of the read lives for the read
/// only, so those who wait hold none. Returns 0 at the end.
async fn receive(stream: &TcpStream, into: &mut Vec<u8>) -> io::Result<usize> {
    loop {
        stream.readable().await?;
        let mut buffer = [0; 16 * 1024];
        match stream.try_read(&mut buffer) {
            Ok(count) => {
                into.extend_from_slice(&buffer[..count]);
                return Ok(count);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

/// A value that the tasks of one thread share.
type Shared<T> = Rc<RefCell<T>>;
