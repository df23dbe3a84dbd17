//! The clients of a chat or a game: N connections on one thread; one of them says something, and it
//! is measured when everybody has it.
//!
//! Arguments: port, clients, rounds, pause in milliseconds. First prints `connected N` and waits
//! for a line, so that the server's memory can be looked at; then prints how long messages took, in
//! seconds: median, 99th percentile, longest, median until the last has it; how many messages
//! somebody did not get; then the frames a second and the 99th percentile of their distance, as one
//! client sees them.

use std::cell::{Cell, RefCell};
use std::io::{self, BufRead};
use std::net::Ipv4Addr;
use std::rc::Rc;

use myrt::net::{TcpSocket, TcpStream};
use myrt::sync::Notify;
use myrt::time::{Duration, Instant, sleep, timeout};

use super::broadcast::MESSAGE;
use super::{local, number, receive, say};
use crate::machine::stats::percentile;

/// A message that took longer is lost.
const LOST: Duration = Duration::from_secs(1);
/// After this number of failures there are too many clients.
const ENOUGH_LOST: u64 = 2;

/// What the connections of the crowd tell the one who measures.
#[derive(Default)]
struct Crowd {
    /// The number of the message that is on its way.
    current: Cell<u64>,
    sent: Cell<Option<Instant>>,
    missing: Cell<usize>,
    all_have_it: Notify,
    times: RefCell<Vec<Duration>>,
    /// When the first client saw a frame.
    frames: RefCell<Vec<Instant>>,
}

pub(super) fn run(arguments: &[String]) -> io::Result<()> {
    let port: u16 = number(arguments, 0)?;
    let clients: usize = number(arguments, 1)?;
    let rounds: u64 = number(arguments, 2)?;
    let rest = Duration::from_millis(number(arguments, 3)?);
    super::run(async {
        let crowd = Rc::new(Crowd::default());
        let mut streams = Vec::new();
        for client in 0..clients {
            let socket = TcpSocket::new_v4()?;
            // Several addresses, since one has ports for 28,000 connections only.
            let last = u8::try_from(2 + client / 4000).expect("fewer than a million");
            socket.bind((Ipv4Addr::new(127, 0, 0, last), 0).into())?;
            let stream = Rc::new(socket.connect(local(port)).await?);
            stream.set_nodelay(true)?;
            streams.push(Rc::clone(&stream));
            let crowd = Rc::clone(&crowd);
            drop(myrt::spawn(async move {
                listen(&stream, &crowd, client == 0, client == 1).await
            }));
        }
        say(&format!("connected {clients}"))?;
        io::stdin().lock().read_line(&mut String::new())?;
        let mut lasts = Vec::new();
        let mut lost = 0;
        for round in 1..=rounds {
            // A pause that is no multiple of a frame, or every message would meet the same moment
            // of it.
            sleep(rest + Duration::from_micros(round * 3700 % 16_667)).await;
            match say_to_all(&streams[0], &crowd, clients - 1, round).await? {
                Some(took) => lasts.push(took),
                None => lost += 1,
            }
            if lost == ENOUGH_LOST {
                break;
            }
        }
        report(&crowd, &mut lasts, lost)
    })
}

/// Sends a message and waits until everybody else has it; `None` if somebody has not.
async fn say_to_all(
    stream: &TcpStream,
    crowd: &Crowd,
    others: usize,
    round: u64,
) -> io::Result<Option<Duration>> {
    let mut message = [0; MESSAGE];
    message[8..].copy_from_slice(&round.to_le_bytes());
    crowd.current.set(round);
    crowd.missing.set(others);
    let start = Instant::now();
    crowd.sent.set(Some(start));
    stream.write_all(&message).await?;
    // Not the notification alone: a lost message that arrives late makes one too.
    let all = timeout(LOST, async {
        while crowd.missing.get() > 0 {
            crowd.all_have_it.notified().await;
        }
    })
    .await;
    Ok(all.is_ok().then(|| start.elapsed()))
}

/// Reads messages until the server ends.
async fn listen(stream: &TcpStream, crowd: &Crowd, sender: bool, watcher: bool) -> io::Result<()> {
    let mut seen = 0;
    let mut bytes = Vec::new();
    while receive(stream, &mut bytes).await? > 0 {
        let whole = bytes.len() / MESSAGE * MESSAGE;
        for message in bytes[..whole].chunks_exact(MESSAGE) {
            if watcher {
                crowd.frames.borrow_mut().push(Instant::now());
            }
            let number = u64::from_le_bytes(message[8..].try_into().expect("eight of sixteen"));
            if number > seen && number == crowd.current.get() && !sender {
                seen = number;
                note(crowd);
            }
        }
        bytes.drain(..whole);
        if bytes.is_empty() {
            bytes = Vec::new();
        }
    }
    Ok(())
}

fn note(crowd: &Crowd) {
    if let Some(sent) = crowd.sent.get() {
        crowd.times.borrow_mut().push(sent.elapsed());
    }
    let missing = crowd.missing.get().saturating_sub(1);
    crowd.missing.set(missing);
    if missing == 0 {
        crowd.all_have_it.notify_one();
    }
}

fn report(crowd: &Crowd, lasts: &mut [Duration], lost: u64) -> io::Result<()> {
    let mut times = crowd.times.borrow_mut();
    times.sort_unstable();
    lasts.sort_unstable();
    let frames = crowd.frames.borrow();
    let mut gaps: Vec<_> = frames.windows(2).map(|two| two[1] - two[0]).collect();
    let span: Duration = gaps.iter().sum();
    gaps.sort_unstable();
    let rate = gaps.len() as f64 / span.as_secs_f64().max(f64::EPSILON);
    say(&format!(
        "{} {} {} {} {lost} {rate} {}",
        percentile(&times, 0.5).as_secs_f64(),
        percentile(&times, 0.99).as_secs_f64(),
        percentile(&times, 1.0).as_secs_f64(),
        percentile(lasts, 0.5).as_secs_f64(),
        percentile(&gaps, 0.99).as_secs_f64(),
    ))
}
