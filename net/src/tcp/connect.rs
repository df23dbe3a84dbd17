//! Connecting: one address, or a race between several.
//!
//! RFC 8305, sections 4 and 5: address families take turns, starting with the one that the resolver
//! prefers; a new attempt begins 250 ms after the last one, or at once when that one fails; the
//! first that succeeds wins and the others are closed. So a host whose IPv6 leads nowhere costs a
//! quarter of a second, not two minutes. It knows no names beyond the lookup it awaits first.

use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io;
use std::mem;
use std::net::{self, SocketAddr};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use myrt_runtime::io::Async;
use myrt_runtime::task::{Wait, poll_within_budget};
use myrt_runtime::time::{Sleep, sleep};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::stream::TcpStream;
use crate::addr::LookupHost;
use crate::caller::{self, Caller};
use crate::calls;

/// Future of [`TcpStream::connect`] and [`TcpSocket::connect`](super::TcpSocket::connect). Dropping
/// it gives the attempts up.
#[must_use = "futures do nothing unless awaited"]
pub struct Connect {
    state: State,
    at: Caller,
}

enum State {
    Lookup(LookupHost),
    /// The one address there is; nothing is allocated for it.
    Single(Attempt),
    Race(Box<Race>),
    /// Failed before it began, or done.
    Settled(Option<io::Error>),
}

impl Connect {
    #[track_caller]
    pub(super) const fn to(lookup: LookupHost) -> Self {
        Self {
            state: State::Lookup(lookup),
            at: Location::caller(),
        }
    }

    /// Connects a socket that was prepared.
    #[track_caller]
    pub(super) fn with(socket: Socket, address: SocketAddr) -> Self {
        let state = match Attempt::begin(socket, address) {
            Ok(attempt) => State::Single(attempt),
            Err(error) => State::Settled(Some(error)),
        };
        Self {
            state,
            at: Location::caller(),
        }
    }
}

impl Future for Connect {
    type Output = io::Result<TcpStream>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let result = ready!(poll_within_budget(cx, |cx| this.poll_state(cx)));
        this.state = State::Settled(None);
        Poll::Ready(result)
    }
}

impl Connect {
    fn poll_state(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<TcpStream>> {
        loop {
            match &mut self.state {
                State::Lookup(lookup) => {
                    let mut addresses =
                        ready!(caller::within(self.at, || Pin::new(lookup).poll(cx)))?;
                    let attempt = match addresses.as_slice() {
                        [address] => Attempt::open(*address).map(State::Single),
                        _ => Ok(State::Race(Box::new(Race::new(addresses.by_ref())))),
                    };
                    self.state = attempt.unwrap_or_else(|error| State::Settled(Some(error)));
                }
                State::Single(attempt) => {
                    return caller::within(self.at, || attempt.poll(cx));
                }
                State::Race(race) => {
                    let at = self.at;
                    return caller::within(at, || race.poll(cx, at));
                }
                State::Settled(error) => {
                    return Poll::Ready(Err(error.take().expect("polled after it was ready")));
                }
            }
        }
    }
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connect")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

/// A connect that was begun.
struct Attempt {
    address: SocketAddr,
    /// Gone once it is connected.
    io: Option<Async<net::TcpStream>>,
    /// The system said that it is under way: the answer comes with writability.
    under_way: bool,
    asked: bool,
}

impl Attempt {
    fn open(address: SocketAddr) -> io::Result<Self> {
        Self::begin(
            calls::socket(
                Domain::for_address(address),
                Type::STREAM,
                Some(Protocol::TCP),
            )?,
            address,
        )
    }

    fn begin(socket: Socket, address: SocketAddr) -> io::Result<Self> {
        let done = calls::connect(&socket, &SockAddr::from(address))?;
        let io = Async::new_nonblocking(socket.into());
        io.set_closing_unshared(true);
        Ok(Self {
            address,
            io: Some(io),
            under_way: !done,
            asked: false,
        })
    }

    #[track_caller]
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<TcpStream>> {
        if self.under_way {
            let asked = &mut self.asked;
            let io = self.io.as_ref().expect("polled after it was ready");
            ready!(io.poll_write_with(cx, |stream| {
                // Before the descriptor was waited for, SO_ERROR cannot tell "under way" from
                // "connected".
                if !mem::replace(asked, true) {
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                calls::connected(stream)
            }))?;
            self.under_way = false;
        }
        let io = self.io.take().expect("polled after it was ready");
        Poll::Ready(Ok(TcpStream::from_async(io)))
    }
}

/// Several attempts, staggered.
struct Race {
    waiting: VecDeque<SocketAddr>,
    running: Vec<Attempt>,
    failed: Vec<(SocketAddr, io::Error)>,
    /// When the next one may start although the last has not failed.
    next: Option<Pin<Box<Sleep>>>,
}

impl Race {
    fn new(addresses: impl Iterator<Item = SocketAddr>) -> Self {
        let waiting = interleaved(addresses);
        Self {
            waiting,
            running: Vec::new(),
            failed: Vec::new(),
            next: None,
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>, at: Caller) -> Poll<io::Result<TcpStream>> {
        loop {
            let mut newly_failed = false;
            let mut index = 0;
            while index < self.running.len() {
                match self.running[index].poll(cx) {
                    Poll::Ready(Ok(stream)) => return Poll::Ready(Ok(stream)),
                    Poll::Ready(Err(error)) => {
                        let attempt = self.running.remove(index);
                        self.failed.push((attempt.address, error));
                        newly_failed = true;
                    }
                    Poll::Pending => index += 1,
                }
            }
            let may_start = newly_failed || self.running.is_empty() || self.delay_is_over(cx);
            if may_start {
                if let Some(address) = self.waiting.pop_front() {
                    match Attempt::open(address) {
                        Ok(attempt) => self.running.push(attempt),
                        Err(error) => self.failed.push((address, error)),
                    }
                    let more = !self.waiting.is_empty() && !self.running.is_empty();
                    self.next = more.then(|| Box::pin(sleep(ATTEMPT_DELAY)));
                    continue;
                }
            }
            if self.running.is_empty() {
                return Poll::Ready(Err(ConnectError::error(mem::take(&mut self.failed))));
            }
            // The last thing polled was the delay: say what is really waited for.
            if let Some(io) = self.running.last().and_then(|attempt| attempt.io.as_ref()) {
                use std::os::fd::AsRawFd;
                caller::note(Wait::Writable(io.get_ref().as_raw_fd()), at);
            }
            return Poll::Pending;
        }
    }

    fn delay_is_over(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(delay) = &mut self.next else {
            return false;
        };
        if delay.as_mut().poll(cx).is_pending() {
            return false;
        }
        self.next = None;
        true
    }
}

/// Families in turns, each in its own order, the first address's family first (RFC 8305, section
/// 4).
fn interleaved(addresses: impl Iterator<Item = SocketAddr>) -> VecDeque<SocketAddr> {
    let mut addresses = addresses.peekable();
    let first_is_v4 = addresses.peek().is_some_and(SocketAddr::is_ipv4);
    let (first, second): (Vec<_>, Vec<_>) =
        addresses.partition(|address| address.is_ipv4() == first_is_v4);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut order = VecDeque::new();
    loop {
        let pair = (first.next(), second.next());
        if pair == (None, None) {
            return order;
        }
        order.extend(pair.0);
        order.extend(pair.1);
    }
}

/// None of several addresses could be connected to; inside the [`io::Error`], whose kind is that of
/// the first.
#[derive(Debug)]
pub struct ConnectError {
    attempts: Vec<(SocketAddr, io::Error)>,
}

impl ConnectError {
    fn error(mut attempts: Vec<(SocketAddr, io::Error)>) -> io::Error {
        if attempts.len() == 1 {
            return attempts.remove(0).1;
        }
        let kind = attempts
            .first()
            .map_or(io::ErrorKind::AddrNotAvailable, |(_, error)| error.kind());
        io::Error::new(kind, Self { attempts })
    }

    /// Each address that was tried, with what became of it, in the order in which they failed.
    pub fn attempts(&self) -> &[(SocketAddr, io::Error)] {
        &self.attempts
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "none of {} addresses could be connected to",
            self.attempts.len()
        )?;
        for (index, (address, error)) in self.attempts.iter().enumerate() {
            write!(
                f,
                "{} {address}: {error}",
                if index == 0 { ":" } else { ";" }
            )?;
        }
        Ok(())
    }
}

impl Error for ConnectError {}

/// RFC 8305, section 8: "Connection Attempt Delay … recommended default value is 250 ms".
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use super::{SocketAddr, interleaved};

    fn order(addresses: &[&str]) -> Vec<String> {
        let parsed = addresses
            .iter()
            .map(|a| format!("{a}:1").parse::<SocketAddr>().unwrap());
        interleaved(parsed)
            .into_iter()
            .map(|a| a.ip().to_string())
            .collect()
    }

    #[test]
    fn families_take_turns_beginning_with_the_preferred_one() {
        assert_eq!(
            order(&["[::1]", "[::2]", "10.0.0.1", "[::3]", "10.0.0.2"]),
            ["::1", "10.0.0.1", "::2", "10.0.0.2", "::3"]
        );
        assert_eq!(
            order(&["10.0.0.1", "[::1]", "[::2]"]),
            ["10.0.0.1", "::1", "::2"]
        );
        assert_eq!(order(&["10.0.0.2", "10.0.0.1"]), ["10.0.0.2", "10.0.0.1"]);
        assert!(order(&[]).is_empty());
    }
}
