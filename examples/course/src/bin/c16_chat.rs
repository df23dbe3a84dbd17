//! A chat over TCP: nicknames, arrivals and departures, and nobody waits for the slowest.
//!
//! Shows two tasks' worth of work on one connection: reading lines, and writing what the others
//! said. Each client has a bounded box of lines that wait to be sent. A client that does not read
//! fills its own box and is shown out; the others never notice. Lines are put together from
//! whatever pieces they come in, and an endless one is refused at 4 KiB.
//!
//! Course: 8.7, "Serveur de chat" (C16), and 8.6, `SelectChatServer` (B6, with `--plain`: no names,
//! `[ip:port] text`). The transcript of 8.7 shows Bob a line from before he came (R8): that code
//! keeps no history, and neither does this one. The course's server awaits `drain` of one client
//! after the other, so one who does not read stops them all.
//!
//! ```text
//! cargo run --release -p course --bin chat                          on 127.0.0.1:9999
//! MYRT_SELECTOR=select cargo run --release -p course --bin chat -- --plain
//! ```
//!
//! Clients: `telnet localhost 9999` or `nc localhost 9999`, in as many terminals as you like.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use lexopt::ValueExt;
use myrt::io::{ReadError, Reader};
use myrt::net::{TcpListener, TcpStream, tcp::OwnedReadHalf};
use myrt::sync::{Event, mpsc};
use myrt::time::{Duration, timeout};

/// Longest line in bytes, and longest nickname in characters.
const MAX_LINE: usize = 4096;
const MAX_NAME: usize = 32;
/// Lines that may wait for a client.
const BOX: usize = 256;
/// How long a client may take to say who it is.
const INTRODUCTION: Duration = Duration::from_secs(60);

type Line = Rc<str>;

/// A member as the others see it.
struct Seat {
    name: String,
    lines: mpsc::Sender<Line>,
    /// Set when the box of lines is full.
    too_slow: Rc<Event>,
}

/// Who is there, by number; the order is that of arrival.
#[derive(Default)]
struct Room {
    seats: RefCell<BTreeMap<u64, Seat>>,
    next: Cell<u64>,
}

impl Room {
    /// Says something to all but one.
    fn say(&self, from: u64, text: &str) {
        let line: Line = format!("{text}\r\n").into();
        let seats = self.seats.borrow();
        for (_, seat) in seats.iter().filter(|(number, _)| **number != from) {
            // Waking a task only puts it into the queue: nothing runs here that could need the
            // room.
            if seat.lines.try_send(Rc::clone(&line)).is_err() {
                seat.too_slow.set();
            }
        }
    }

    fn enter(self: &Rc<Self>, name: String, lines: mpsc::Sender<Line>) -> Member {
        let number = self.next.replace(self.next.get() + 1);
        let too_slow = Rc::new(Event::new());
        let seat = Seat {
            name: name.clone(),
            lines,
            too_slow: Rc::clone(&too_slow),
        };
        self.seats.borrow_mut().insert(number, seat);
        Member {
            room: Rc::clone(self),
            number,
            name,
            too_slow,
        }
    }

    fn names(&self) -> Vec<String> {
        let seats = self.seats.borrow();
        seats.values().map(|seat| seat.name.clone()).collect()
    }
}

/// A place in the room. Dropping it leaves the room, however the client ended.
struct Member {
    room: Rc<Room>,
    number: u64,
    name: String,
    too_slow: Rc<Event>,
}

impl Drop for Member {
    fn drop(&mut self) {
        self.room.seats.borrow_mut().remove(&self.number);
    }
}

#[myrt::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut address = "127.0.0.1:9999".to_owned();
    let mut plain = false;
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            lexopt::Arg::Value(value) => address = value.string()?,
            lexopt::Arg::Long("plain") => plain = true,
            other => return Err(other.unexpected().into()),
        }
    }
    let listener = TcpListener::bind(&*address).await?;
    println!("listening on {}", listener.local_addr()?);
    let room = Rc::new(Room::default());
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => drop(myrt::spawn(client(stream, peer, Rc::clone(&room), plain))),
            Err(error) => eprintln!("accept: {error}"),
        }
    }
}

async fn client(stream: TcpStream, peer: SocketAddr, room: Rc<Room>, plain: bool) {
    if let Err(error) = visit(stream, peer, &room, plain).await {
        println!("{peer}: {error}");
    }
}

/// One client, from its first word to its last.
async fn visit(
    stream: TcpStream,
    peer: SocketAddr,
    room: &Rc<Room>,
    plain: bool,
) -> io::Result<()> {
    let (read, write) = stream.into_split();
    let mut reader = Reader::with_limit(MAX_LINE, read);
    let (sender, mut lines) = mpsc::channel::<Line>(BOX);
    let name = if plain {
        format!("[{peer}]")
    } else {
        write.write_all(b"Your nickname? ").await?;
        match timeout(INTRODUCTION, nickname(&mut reader, room)).await {
            Ok(Ok(Some(name))) => name,
            Ok(Ok(None)) => return Ok(()), // left without a word: nobody knows that it came
            Ok(Err(error)) => return write.write_all(format!("! {error}\r\n").as_bytes()).await,
            Err(_) => return write.write_all(b"! too late\r\n").await,
        }
    };
    if !plain {
        let here = room.names().join(", ");
        let here = if here.is_empty() {
            "nobody else".to_owned()
        } else {
            here
        };
        sender
            .try_send(format!("* Welcome, {name}. Here: {here}\r\n").into())
            .ok();
    }
    let me = room.enter(name, sender);
    if !plain {
        room.say(me.number, &format!("* {} has joined", me.name));
    }
    // Whichever ends first ends the visit: the client hangs up, cannot be written to, or does not
    // read.
    let result = myrt::select! {
        result = listen(&mut reader, &me, plain) => result,
        result = async {
            let mut text = Vec::new();
            while let Some(line) = lines.recv().await {
                text.clear();
                text.extend_from_slice(line.as_bytes());
                while let Ok(line) = lines.try_recv() {
                    text.extend_from_slice(line.as_bytes()); // what piled up goes out in one call
                }
                write.write_all(&text).await?;
            }
            Ok(())
        } => result,
        () = me.too_slow.wait() => Err(io::Error::other("too slow")),
    };
    if let Err(error) = &result {
        let _ = write.try_write(format!("! {error}\r\n").as_bytes());
    }
    if !plain {
        room.say(me.number, &format!("* {} has left", me.name));
    }
    result
}

/// Asks until it gets a name that can be shown and that nobody has.
async fn nickname(
    reader: &mut Reader<OwnedReadHalf>,
    room: &Room,
) -> Result<Option<String>, ReadError> {
    let mut line = String::new();
    while reader.read_line(&mut line).await? > 0 {
        let name: String = clean(&line)
            .chars()
            .filter(|c| !c.is_whitespace())
            .take(MAX_NAME)
            .collect();
        if !name.is_empty() && !room.names().contains(&name) {
            return Ok(Some(name));
        }
        line.clear();
    }
    Ok(None)
}

/// Hands on what a client says until it hangs up.
async fn listen(reader: &mut Reader<OwnedReadHalf>, me: &Member, plain: bool) -> io::Result<()> {
    let mut line = String::new();
    loop {
        line.clear();
        match reader.read_line(&mut line).await {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            // Telnet's commands and other encodings: what can be read of it is said.
            Err(ReadError::InvalidUtf8 { line: bytes }) => {
                line = String::from_utf8_lossy(&bytes).into_owned();
            }
            Err(ReadError::IncompleteRead { .. }) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        let text = clean(&line);
        match plain {
            _ if text.is_empty() => {}
            true => me.room.say(me.number, &format!("{} {text}", me.name)),
            false => me.room.say(me.number, &format!("{}: {text}", me.name)),
        }
    }
}

/// Without line ends and without what would command the terminals of the others.
fn clean(line: &str) -> String {
    line.trim_end()
        .chars()
        .filter(|c| !c.is_control())
        .collect()
}
