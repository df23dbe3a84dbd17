//! A Redis: one thread, no locks, a hundred thousand commands a second.
//!
//! Shows why one thread is enough: a command takes less than a microsecond, the rest is system
//! calls, and pipelining shares these. A turn of a connection is one `read`, all complete commands
//! in it, one `write`. The buffers belong to the server and are lent to the connection for its
//! turn, so ten thousand idle clients hold none. Keys with a deadline vanish when it comes, read or
//! not. Behind on purpose: one database, strings only, nothing on disk.
//!
//! Course: 8.5, case 2, and 8.6, case 2 (A20, B18; the claim N7). The course's loop keeps one
//! buffer a `recv` and takes what came for one whole command; here commands may come in pieces or
//! by the dozen.
//!
//! ```text
//! cargo run --release -p course --bin redis_like                    on 127.0.0.1:6380
//! cargo run --release -p course --bin redis_like -- 127.0.0.1:7000 --max-clients 100
//! ```
//!
//! Clients: `redis-cli -p 6380`, `redis-benchmark -p 6380 -t ping,set,get,incr -n 100000 -c 50 -P
//! 16 -q`, and `telnet` (`SET greeting "hello world"`, `GET greeting`). `resp.rs` is the protocol,
//! `commands.rs` and `store.rs` what is behind it.

mod commands;
mod glob;
mod resp;
mod store;

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use commands::{After, Server};
use lexopt::ValueExt;
use myrt::io::{AsyncRead, AsyncWrite};
use myrt::net::{TcpListener, TcpStream};
use myrt::sync::Notify;
use myrt::time::{Instant, timeout_at};
use resp::Parser;

/// Bytes of one read. Pipelines of that length are answered at once.
const READ: usize = 64 * 1024;
/// Replies are sent when there are this many bytes of them, however many commands still wait.
const ENOUGH: usize = 64 * 1024;
/// Most bytes of one command: Redis' limit of a client's query buffer.
const MAX_COMMAND: usize = 1024 * 1024 * 1024;
/// Keys taken out in one go, before others have their turn.
const EXPIRE_AT_ONCE: usize = 1000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut address = "127.0.0.1:6380".to_owned();
    let mut max_clients = 10_000;
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            lexopt::Arg::Value(value) => address = value.string()?,
            lexopt::Arg::Long("max-clients") => max_clients = arguments.value()?.parse()?,
            other => return Err(other.unexpected().into()),
        }
    }
    // Descriptors for the clients; what the system refuses shows when that many have come.
    let _ = myrt::runtime::raise_fd_limit();
    Ok(myrt::run(serve(&address, max_clients))?)
}

/// What the connections share. Nobody holds a borrow of it over an await.
struct Shared {
    server: RefCell<Server>,
    /// The buffers of whichever connection has its turn.
    buffers: Cell<Buffers>,
    /// Rings when the next deadline has come nearer.
    sooner: Notify,
}

#[derive(Default)]
struct Buffers {
    input: Vec<u8>,
    output: Vec<u8>,
}

async fn serve(address: &str, max_clients: usize) -> io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    let local = listener.local_addr()?;
    println!("listening on {local}");
    let shared = Rc::new(Shared {
        server: RefCell::new(Server {
            store: store::Store::default(),
            commands: 0,
            clients: 0,
            connections: 0,
            started: Instant::now(),
            port: local.port(),
        }),
        buffers: Cell::default(),
        sooner: Notify::new(),
    });
    drop(myrt::spawn(expire(Rc::clone(&shared))));
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                eprintln!("accept: {error}"); // the listener pauses by itself
                continue;
            }
        };
        shared.server.borrow_mut().connections += 1;
        if shared.server.borrow().clients >= max_clients {
            let _ = stream.try_write(b"-ERR max number of clients reached\r\n");
            continue;
        }
        drop(myrt::spawn(client(stream, Rc::clone(&shared))));
    }
}

/// Takes keys out when their time has come.
async fn expire(shared: Rc<Shared>) {
    loop {
        let next = shared.server.borrow().store.next_deadline();
        match next {
            None => shared.sooner.notified().await,
            // Elapsed or rung: either way the store is asked again.
            Some(deadline) => drop(timeout_at(deadline, shared.sooner.notified()).await),
        }
        while shared
            .server
            .borrow_mut()
            .store
            .expire(Instant::now(), EXPIRE_AT_ONCE)
            == EXPIRE_AT_ONCE
        {
            myrt::yield_now().await;
        }
    }
}

/// Counts a client for as long as it lives.
struct Present(Rc<Shared>);

impl Drop for Present {
    fn drop(&mut self) {
        self.0.server.borrow_mut().clients -= 1;
    }
}

/// What a connection keeps between its turns: nothing, most of the time.
#[derive(Default)]
struct Session {
    parser: Parser,
    /// Bytes that are not answered yet.
    input: Vec<u8>,
    /// Replies that the system did not take at once.
    output: Vec<u8>,
    /// Whether `input` may hold another whole command.
    more: bool,
    closing: bool,
}

async fn client(stream: TcpStream, shared: Rc<Shared>) {
    shared.server.borrow_mut().clients += 1;
    let _present = Present(Rc::clone(&shared));
    let mut session = Session::default();
    // Replies are whole: there is nothing to wait for that Nagle's algorithm could join them with.
    let _ = stream.set_nodelay(true);
    // An error is the client's end, and nothing to the others.
    let _: io::Result<()> = async {
        while !session.closing {
            poll_fn(|cx| turn(cx, &stream, &mut session, &shared)).await?;
            if !session.output.is_empty() {
                // A client that does not read its replies is not read from.
                stream.write_all(&session.output).await?;
                session.output = Vec::new();
            }
        }
        Ok(())
    }
    .await;
}

/// One turn: read once, run every whole command, write once.
fn turn(
    cx: &mut Context<'_>,
    mut stream: &TcpStream,
    session: &mut Session,
    shared: &Shared,
) -> Poll<io::Result<()>> {
    let mut buffers = shared.buffers.take();
    let result = (|| {
        let mut fresh = 0;
        if !session.more {
            buffers.input.resize(READ, 0);
            fresh = ready!(Pin::new(&mut stream).poll_read(cx, &mut buffers.input))?;
            if fresh == 0 {
                session.closing = true;
                return Poll::Ready(Ok(()));
            }
        }
        buffers.output.clear();
        run(
            session,
            &buffers.input[..fresh],
            &mut buffers.output,
            shared,
        );
        send(cx, stream, &buffers.output, &mut session.output)
    })();
    shared.buffers.set(buffers);
    result
}

/// Runs the commands in what came before and what came now.
fn run(session: &mut Session, fresh: &[u8], output: &mut Vec<u8>, shared: &Shared) {
    let mut kept = std::mem::take(&mut session.input);
    let input = if kept.is_empty() {
        fresh
    } else {
        kept.extend_from_slice(fresh);
        &kept
    };
    let server = &mut *shared.server.borrow_mut();
    let next_deadline = server.store.next_deadline();
    let mut at = 0;
    session.more = false;
    loop {
        let rest = &input[at..];
        match session.parser.parse(rest) {
            Ok(None) if rest.len() > MAX_COMMAND => {
                resp::error(output, "ERR Protocol error: too big request");
                session.closing = true;
                return;
            }
            Ok(None) => break,
            Ok(Some(length)) => {
                let after = commands::execute(server, session.parser.args(rest), output);
                at += length;
                if after == After::Close {
                    session.closing = true;
                    return;
                }
            }
            Err(error) => {
                resp::error(output, &format!("ERR Protocol error: {}", error.0));
                session.closing = true;
                return;
            }
        }
        if output.len() >= ENOUGH {
            session.more = true;
            break;
        }
    }
    if server.store.next_deadline() < next_deadline
        || next_deadline.is_none() && server.store.mortal() > 0
    {
        shared.sooner.notify_one();
    }
    if kept.is_empty() {
        session.input.extend_from_slice(&fresh[at..]);
    } else {
        kept.drain(..at);
        if !kept.is_empty() {
            session.input = kept; // otherwise its memory goes: the next command is likely small
        }
    }
}

/// Sends what the system takes now; the rest goes to `left`.
fn send(
    cx: &mut Context<'_>,
    mut stream: &TcpStream,
    output: &[u8],
    left: &mut Vec<u8>,
) -> Poll<io::Result<()>> {
    if output.is_empty() {
        return Poll::Ready(Ok(()));
    }
    let sent = match Pin::new(&mut stream).poll_write(cx, output) {
        Poll::Ready(sent) => sent?,
        Poll::Pending => 0,
    };
    left.extend_from_slice(&output[sent..]);
    Poll::Ready(Ok(()))
}
