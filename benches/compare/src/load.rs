//! The load generator: many connections on one epoll loop, one request at a time on each.
//!
//! It is written by hand so that no runtime of the comparison drives it, and runs as a process of
//! its own, bound to its own core.

use std::io::{self, BufRead, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use crate::epoll::{Epoll, check};
use crate::system;

/// What a request carries: less than the server's buffer, as most requests are.
const MESSAGE: [u8; 32] = *b"thirty-two bytes of a plain echo";

/// The body of every HTTP answer.
pub const HELLO: &[u8] = b"Hello, world!";

/// What is sent on a connection, and when its answer has come whole.
#[derive(Debug)]
pub struct Exchange {
    request: &'static [u8],
    /// An answer that can no longer become right is an error.
    is_whole: fn(&[u8]) -> io::Result<bool>,
}

pub const ECHO: Exchange = Exchange {
    request: &MESSAGE,
    is_whole: |answer| {
        if MESSAGE.starts_with(answer) {
            Ok(answer.len() == MESSAGE.len())
        } else {
            Err(differs())
        }
    },
};

pub const HTTP: Exchange = Exchange {
    request: b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n",
    is_whole: |answer| {
        const OK: &[u8] = b"HTTP/1.1 200 OK\r\n";
        let begin = answer.len().min(OK.len());
        if answer[..begin] != OK[..begin] || answer.len() > ANSWER {
            return Err(differs());
        }
        Ok(answer.ends_with(HELLO))
    },
};

/// What to do.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    pub port: u16,
    pub connections: u64,
    pub requests: u64,
}

impl Load {
    /// Opens the connections, sends `requests` in all, one at a time on each, measures each,
    /// closes.
    ///
    /// # Errors
    /// Those of the sockets; a wrong answer is one too.
    pub fn repeat(self, exchange: &Exchange) -> io::Result<Value> {
        let mut clients = self.open_all(self.connections, exchange)?;
        let mut epoll = Epoll::new()?;
        for (index, client) in clients.iter().enumerate() {
            client.set_nonblocking(true)?;
            epoll.add(client.as_raw_fd(), index as u64, false)?;
        }
        let mut sent_at = vec![0u64; clients.len()];
        let mut answers: Vec<Vec<u8>> = clients.iter().map(|_| Vec::new()).collect();
        let mut latencies = histogram();
        let start = system::monotonic_ns();
        let mut sent = 0;
        for (client, sent_at) in clients.iter_mut().zip(&mut sent_at) {
            if sent < self.requests {
                *sent_at = system::monotonic_ns();
                client.write_all(exchange.request)?;
                sent += 1;
            }
        }
        let mut done = 0;
        while done < self.requests {
            epoll.wait(None, |_, token| {
                let index = token as usize;
                read_some(&mut clients[index], &mut answers[index])?;
                if !(exchange.is_whole)(&answers[index])? {
                    return Ok(());
                }
                answers[index].clear();
                done += 1;
                let now = system::monotonic_ns();
                latencies.saturating_record(now - sent_at[index]);
                if sent < self.requests {
                    sent_at[index] = now;
                    clients[index].write_all(exchange.request)?;
                    sent += 1;
                }
                Ok(())
            })?;
        }
        let elapsed = system::monotonic_ns() - start;
        Ok(report(self.requests, elapsed, &latencies))
    }

    /// Connect, one echo, close: `requests` times, `connections` at once.
    ///
    /// # Errors
    /// Those of the sockets.
    pub fn connect(self) -> io::Result<Value> {
        let mut epoll = Epoll::new()?;
        let mut slots: Vec<Option<Visit>> = Vec::new();
        let mut latencies = histogram();
        let start = system::monotonic_ns();
        let mut begun = 0;
        for index in 0..self.connections.min(self.requests) {
            slots.push(Some(Visit::begin(self.port, &epoll, index)?));
            begun += 1;
        }
        let mut done = 0;
        while done < self.requests {
            epoll.wait(None, |epoll, token| {
                let slot = &mut slots[token as usize];
                let Some(visit) = slot else { return Ok(()) };
                if !visit.advance(epoll, token)? {
                    return Ok(());
                }
                latencies.saturating_record(system::monotonic_ns() - visit.begun_at);
                done += 1;
                *slot = None;
                if begun < self.requests {
                    *slot = Some(Visit::begin(self.port, epoll, token)?);
                    begun += 1;
                }
                Ok(())
            })?;
        }
        let elapsed = system::monotonic_ns() - start;
        Ok(report(self.requests, elapsed, &latencies))
    }

    /// Opens connections in two stages, one echo on each, and keeps them while the parent weighs
    /// the server: it prints a line after each stage and waits for one on its standard input.
    ///
    /// # Errors
    /// Those of the sockets.
    pub fn idle(self) -> io::Result<Value> {
        let mut input = io::stdin().lock();
        let mut line = String::new();
        let mut clients = Vec::new();
        for stage in [self.requests, self.connections - self.requests] {
            clients.extend(self.open_all(stage, &ECHO)?);
            println!("open {}", clients.len());
            io::stdout().flush()?;
            input.read_line(&mut line)?;
        }
        Ok(json!({ "connections": clients.len() }))
    }

    /// Opens connections, with one exchange on each.
    fn open_all(self, count: u64, exchange: &Exchange) -> io::Result<Vec<TcpStream>> {
        (0..count)
            .map(|_| {
                let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
                client.set_nodelay(true)?;
                client.set_read_timeout(Some(Duration::from_secs(30)))?;
                client.write_all(exchange.request)?;
                let mut answer = Vec::new();
                while !(exchange.is_whole)(&answer)? {
                    read_some(&mut client, &mut answer)?;
                }
                Ok(client)
            })
            .collect()
    }
}

/// One connection of the connect-echo-close load.
struct Visit {
    stream: TcpStream,
    begun_at: u64,
    connected: bool,
    answer: Vec<u8>,
}

impl Visit {
    fn begin(port: u16, epoll: &Epoll, token: u64) -> io::Result<Self> {
        let begun_at = system::monotonic_ns();
        let stream = start_connect(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))?;
        epoll.add(stream.as_raw_fd(), token, true)?;
        Ok(Self {
            stream,
            begun_at,
            connected: false,
            answer: Vec::new(),
        })
    }

    /// True when the answer is complete.
    fn advance(&mut self, epoll: &Epoll, token: u64) -> io::Result<bool> {
        if !self.connected {
            if let Some(error) = self.stream.take_error()? {
                return Err(error);
            }
            self.connected = true;
            self.stream.write_all(&MESSAGE)?;
            epoll.modify(self.stream.as_raw_fd(), token, false)?;
            return Ok(false);
        }
        read_some(&mut self.stream, &mut self.answer)?;
        (ECHO.is_whole)(&self.answer)
    }
}

/// std has no connect that does not wait.
fn start_connect(address: SocketAddrV4) -> io::Result<TcpStream> {
    let kind = libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: no pointers.
    let fd = check(unsafe { libc::socket(libc::AF_INET, kind, 0) })?;
    // SAFETY: the fd is fresh and ours.
    let stream = TcpStream::from(unsafe { OwnedFd::from_raw_fd(fd) });
    let raw = libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: address.port().to_be(),
        sin_addr: libc::in_addr {
            s_addr: u32::from_ne_bytes(address.ip().octets()),
        },
        sin_zero: [0; 8],
    };
    let length = size_of::<libc::sockaddr_in>() as libc::socklen_t;
    let pointer = std::ptr::from_ref(&raw).cast();
    // SAFETY: the pointer and the length describe `raw`.
    match check(unsafe { libc::connect(fd, pointer, length) }) {
        Ok(_) => Ok(stream),
        Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => Ok(stream),
        Err(error) => Err(error),
    }
}

/// Adds what there is of an answer.
fn read_some(stream: &mut TcpStream, answer: &mut Vec<u8>) -> io::Result<()> {
    let mut buffer = [0; ANSWER];
    match stream.read(&mut buffer) {
        Ok(0) => Err(io::Error::other("the server closed the connection")),
        Ok(length) => {
            answer.extend_from_slice(&buffer[..length]);
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
        Err(error) => Err(error),
    }
}

fn differs() -> io::Error {
    io::Error::other("the answer is not the right one")
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("the bounds are valid")
}

fn report(requests: u64, elapsed_ns: u64, latencies: &Histogram<u64>) -> Value {
    let percentile = |quantile: f64| latencies.value_at_quantile(quantile) as f64 / 1_000.0;
    json!({
        "requests": requests,
        "elapsed_ns": elapsed_ns,
        "per_second": requests as f64 * 1e9 / elapsed_ns as f64,
        "p50_us": percentile(0.5),
        "p99_us": percentile(0.99),
        "p999_us": percentile(0.999),
        "max_us": latencies.max() as f64 / 1_000.0,
    })
}

/// No answer is longer.
const ANSWER: usize = 512;
