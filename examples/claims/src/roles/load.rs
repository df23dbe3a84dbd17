//! Clients that ask as fast as they are answered: on one thread, each connection with the same
//! request again and again.
//!
//! Arguments: port, connections, milliseconds, pipelined requests, request. All answers must have
//! the length of the first. Prints requests, seconds, median and 99th percentile of a turn in
//! seconds, failures.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;

use myrt::net::TcpStream;
use myrt::time::{Duration, Instant, timeout};

use super::{invalid, local, number, receive, say, send};
use crate::machine::stats::percentile;

/// A first answer that takes longer does not come: the server has no room for this client.
const PATIENCE: Duration = Duration::from_millis(500);

#[derive(Default)]
struct Tally {
    requests: Cell<u64>,
    failures: Cell<u64>,
    turns: RefCell<Vec<Duration>>,
}

pub(super) fn run(arguments: &[String]) -> io::Result<()> {
    let port: u16 = number(arguments, 0)?;
    let connections: usize = number(arguments, 1)?;
    let time = Duration::from_millis(number(arguments, 2)?);
    let pipelined: usize = number(arguments, 3)?;
    let request = arguments.get(4).ok_or_else(|| invalid("no request"))?;
    let request: Rc<[u8]> = request.replace("\\r\\n", "\r\n").into_bytes().into();
    super::run(async {
        let tally = Rc::new(Tally::default());
        let clients = (0..connections).map(|_| {
            let (tally, request) = (Rc::clone(&tally), Rc::clone(&request));
            async move {
                if client(port, time, pipelined, &request, &tally)
                    .await
                    .is_err()
                {
                    tally.failures.set(tally.failures.get() + 1);
                }
            }
        });
        let start = Instant::now();
        myrt::gather(clients).await;
        let seconds = start.elapsed().as_secs_f64();
        let mut turns = tally.turns.borrow_mut();
        turns.sort_unstable();
        say(&format!(
            "{} {seconds} {} {} {}",
            tally.requests.get(),
            percentile(&turns, 0.5).as_secs_f64(),
            percentile(&turns, 0.99).as_secs_f64(),
            tally.failures.get()
        ))
    })
}

async fn client(
    port: u16,
    time: Duration,
    pipelined: usize,
    request: &[u8],
    tally: &Tally,
) -> io::Result<()> {
    let end = Instant::now() + time;
    let stream = TcpStream::connect(local(port)).await?;
    stream.set_nodelay(true)?;
    let mut bytes = Vec::new();
    send(&stream, request).await?;
    let first = timeout(PATIENCE, receive(&stream, &mut bytes)).await;
    let length = first.map_err(io::Error::from)??;
    if length == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let batch = request.repeat(pipelined);
    loop {
        let start = Instant::now();
        if start >= end {
            return Ok(());
        }
        send(&stream, &batch).await?;
        bytes.clear();
        while bytes.len() < length * pipelined {
            if receive(&stream, &mut bytes).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        tally.turns.borrow_mut().push(start.elapsed());
        tally.requests.set(tally.requests.get() + pipelined as u64);
    }
}
