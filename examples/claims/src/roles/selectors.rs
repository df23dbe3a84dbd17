//! One active socket of N on each selector: from the wait to the answer.
//!
//! Arguments: milliseconds a measurement, then the counts. Prints `NAME N SECONDS`, or `NAME N
//! refused WHY`. The runtime is the same each time, so the number is one call of the selector, the
//! re-arming that it needs, and a turn of the loop.

use std::io;
use std::net::UdpSocket;
use std::rc::Rc;

use myrt::io::Async;
use myrt::runtime::{Builder, FdTooLarge, Selector};
use myrt::time::{Duration, Instant};

use super::{PATIENCE, number, say};
use crate::machine::stats::percentile;

const SELECTORS: [Selector; 3] = [Selector::Epoll, Selector::Poll, Selector::Select];

pub(super) fn run(arguments: &[String]) -> io::Result<()> {
    let time = Duration::from_millis(number(arguments, 0)?);
    let counts = (1..arguments.len())
        .map(|place| number(arguments, place))
        .collect::<io::Result<Vec<usize>>>()?;
    // Before the sockets: a runtime has descriptors of its own, and for select those too must be
    // below 1,024.
    let mut runtimes = Vec::new();
    for selector in SELECTORS
        .into_iter()
        .filter(|selector| selector.is_supported())
    {
        runtimes.push((
            selector,
            Builder::new()
                .selector(selector)
                .slow_poll(PATIENCE)
                .build()?,
        ));
    }
    let most = counts.iter().copied().max().unwrap_or(0);
    let sockets = (0..most)
        .map(|_| UdpSocket::bind("127.0.0.1:0").map(Rc::new))
        .collect::<io::Result<Vec<_>>>()?;
    for (selector, runtime) in &runtimes {
        for &count in &counts {
            let line = match runtime.block_on(measure(&sockets[..count], time)) {
                Ok(took) => took.as_secs_f64().to_string(),
                Err(error) if is_refusal(&error) => format!("refused {error}"),
                Err(error) => return Err(error),
            };
            say(&format!("{selector} {count} {line}"))?;
        }
    }
    Ok(())
}

fn is_refusal(error: &io::Error) -> bool {
    error
        .get_ref()
        .is_some_and(|inner| inner.is::<FdTooLarge>())
}

/// Waits for all of `sockets`, makes the last active again and again, and takes the median time.
async fn measure(sockets: &[Rc<UdpSocket>], time: Duration) -> io::Result<Duration> {
    let sender = UdpSocket::bind("127.0.0.1:0")?;
    let sockets = sockets
        .iter()
        .map(|socket| Async::new(Rc::clone(socket)).map(Rc::new))
        .collect::<io::Result<Vec<_>>>()?;
    let active = Rc::clone(sockets.last().expect("at least one socket"));
    let address = active.get_ref().local_addr()?;
    let mut waits: Vec<_> = sockets
        .into_iter()
        .map(|socket| myrt::spawn(async move { socket.readable().await }))
        .collect();
    myrt::yield_now().await; // each of them has had its turn, and waits
    let refused = waits.iter().position(|wait| wait.is_finished());
    let result = match refused {
        Some(place) => {
            let ended = waits.swap_remove(place).await.expect("nobody cancels it");
            Err(ended.expect_err("nobody has sent to it"))
        }
        None => ping(&sender, address, &active, time).await,
    };
    for wait in &waits {
        wait.cancel();
    }
    result
}

async fn ping(
    sender: &UdpSocket,
    address: std::net::SocketAddr,
    active: &Async<Rc<UdpSocket>>,
    time: Duration,
) -> io::Result<Duration> {
    let mut times = Vec::new();
    let begin = Instant::now();
    while times.len() < 20 || begin.elapsed() < time {
        sender.send_to(b"x", address)?;
        let start = Instant::now();
        active.readable().await?;
        times.push(start.elapsed());
        // Read until it would block, or the next wait would be over before it began.
        while active
            .try_read_with(|socket| socket.recv(&mut [0; 8]))
            .is_ok()
        {}
    }
    times.sort_unstable();
    Ok(percentile(&times, 0.5))
}
