//! What a selector says of a socket: each state of it, on each selector.
//!
//! The table is made from sockets that really are in these states. All selectors must agree, and
//! the program fails if they do not. An end is something to read (zero bytes), a reset is something
//! to read (an error), and a refused connection is both; a loop that ignores them spins.
//!
//! Course: 8.6, "Anatomie de select" (B3), the flags of poll and epoll (B7, B12), "gérer ERR et
//! HUP" (B24). The course says that Python's `select` empties the lists it is given (R10): C's
//! does, Python's returns new ones.
//!
//! ```text
//! cargo run --release -p course --bin select_anatomy
//! ```

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::rc::Rc;
use std::time::Duration;

use myrt::runtime::{Builder, Selector};
use myrt::time::timeout;
use socket2::{Domain, SockRef, Socket, Type};

/// How long "not ready" is waited for.
const MOMENT: Duration = Duration::from_millis(50);

/// The one state that does not last by itself: see [`asked`].
const FULL: &str = "the buffer is full";

const SELECTORS: [Selector; 5] = [
    Selector::Select,
    Selector::Poll,
    Selector::Epoll,
    Selector::EpollLevel,
    Selector::EpollOneshot,
];

fn pair() -> io::Result<(Socket, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let ours = TcpStream::connect(listener.local_addr()?)?;
    ours.set_nonblocking(true)?;
    Ok((ours.into(), listener.accept()?.0))
}

/// Sends until nothing more fits; whether anything did.
fn fill(socket: &Socket) -> bool {
    let mut fitted = false;
    while socket.send(&[0; 65536]).is_ok() {
        fitted = true;
    }
    fitted
}

/// A socket in a certain state, and what must live for it to stay in it.
type State = (Rc<Socket>, Option<TcpStream>);

fn state(name: &str) -> io::Result<State> {
    let (ours, mut peer) = pair()?;
    match name {
        "nothing happened" => {}
        "bytes came" => io::Write::write_all(&mut peer, b"x")?,
        "the peer ended its direction" => peer.shutdown(Shutdown::Write)?,
        FULL => assert!(fill(&ours)),
        "the peer reset" => {
            SockRef::from(&peer).set_linger(Some(Duration::ZERO))?;
            drop(peer);
            return Ok((Rc::new(ours), None));
        }
        "urgent data" => drop(SockRef::from(&peer).send_out_of_band(b"!")?),
        "a listener, nobody came" | "a listener, somebody came" => {
            let listener = TcpListener::bind("127.0.0.1:0")?;
            listener.set_nonblocking(true)?;
            let client = if name.ends_with("somebody came") {
                Some(TcpStream::connect(listener.local_addr()?)?)
            } else {
                None
            };
            return Ok((Rc::new(listener.into()), client));
        }
        "connecting was refused" => {
            let place = TcpListener::bind("127.0.0.1:0")?;
            let address = place.local_addr()?;
            drop(place);
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
            socket.set_nonblocking(true)?;
            let _ = socket.connect(&address.into());
            return Ok((Rc::new(socket), None));
        }
        other => unreachable!("there is no state {other}"),
    }
    Ok((Rc::new(ours), Some(peer)))
}

/// Readable and writable, as the selector says.
///
/// What a full buffer holds goes on to the peer's buffer when the kernel gets round to it, on a
/// busy machine long after the `send` that was refused: then there is room, and the selector
/// rightly says so. The task that has room sends. Since the peer reads nothing, sooner or later
/// both buffers are full, and stay it.
fn asked(selector: Selector, name: &str) -> io::Result<(bool, bool)> {
    let (socket, _peer) = state(name)?;
    let runtime = Builder::new().selector(selector).build()?;
    runtime.block_on(async {
        // For a descriptor that the runtime does not own the kernel is asked each time.
        loop {
            let read = timeout(MOMENT, myrt::io::readable(&*socket)).await.is_ok();
            let write = timeout(MOMENT, myrt::io::writable(&*socket)).await.is_ok();
            if !(name == FULL && write && fill(&socket)) {
                return Ok((read, write));
            }
        }
    })
}

fn main() -> io::Result<()> {
    print!("{:<30}", "");
    SELECTORS
        .iter()
        .for_each(|selector| print!("{:>15}", selector.to_string()));
    println!();
    for name in [
        "nothing happened",
        "bytes came",
        "the peer ended its direction",
        "the peer reset",
        "urgent data",
        FULL,
        "a listener, nobody came",
        "a listener, somebody came",
        "connecting was refused",
    ] {
        print!("{name:<30}");
        let answers = SELECTORS
            .iter()
            .map(|selector| asked(*selector, name))
            .collect::<io::Result<Vec<_>>>()?;
        for (read, write) in &answers {
            let text = match (read, write) {
                (true, true) => "read, write",
                (true, false) => "read",
                (false, true) => "write",
                (false, false) => "-",
            };
            print!("{text:>15}");
        }
        println!();
        assert!(
            answers.iter().all(|answer| *answer == answers[0]),
            "the selectors do not agree on {name:?}: {answers:?}"
        );
    }
    Ok(())
}
