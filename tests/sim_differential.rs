//! The same random scripts of socket calls on the system's kernel and on the simulated one: each
//! result is the same.
//!
//! `MYRT_SCRIPTS=n` runs that many scripts instead of the default; each makes some forty calls.
//!
//! What differs on purpose is left out of the scripts: how much fits into buffers (Linux counts
//! overhead of its own), so at most a few KiB wait to be read; ports that are given out; and names
//! of connections after a reset, which Linux forgets a moment earlier. Nagle's algorithm is off:
//! what it holds back is lost when a connection is reset.
#![cfg(all(feature = "sim", target_os = "linux"))]

use std::fmt::Write as _;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::time::Duration;

use myrt::net::{Interest, TcpListener, TcpSocket, TcpStream, UdpSocket};
use myrt::sim::World;

/// Choices of a script: the same in both worlds.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Lets messages arrive: the loopback of the system delivers within the call.
async fn settle() {
    if myrt::sim::is_simulated() {
        myrt::time::sleep(Duration::from_millis(1)).await;
    } else {
        myrt::yield_now().await;
    }
}

fn said<T: std::fmt::Debug>(result: io::Result<T>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(error) => match error.raw_os_error() {
            Some(code) => format!("error {code}"),
            None => format!("{:?}", error.kind()),
        },
    }
}

fn error_of(result: io::Result<Option<io::Error>>) -> String {
    said(result.map(|it| it.and_then(|it| it.raw_os_error())))
}

async fn tcp(seed: u64) -> String {
    let mut dice = Dice(seed);
    let mut log = String::new();
    let here: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
    let mut listener = None;
    let mut streams: Vec<TcpStream> = Vec::new();
    let mut port = 0;
    for step in 0..40 {
        let one = (!streams.is_empty()).then(|| dice.below(streams.len() as u64) as usize);
        let what = match (dice.below(17), one) {
            (0, _) | (_, None) if listener.is_none() => {
                let made = TcpListener::bind(here).await;
                port = made
                    .as_ref()
                    .map_or(0, |it| it.local_addr().unwrap().port());
                listener = made.ok();
                "listen".to_owned()
            }
            (0 | 1, _) | (_, None) => {
                let made = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await;
                let text = said(made.as_ref().map(|_| ()).map_err(copy));
                streams.extend(made.ok().inspect(|it| it.set_nodelay(true).unwrap()));
                format!("connect {text}")
            }
            (2, _) if listener.is_some() => {
                let accept = listener.as_ref().map(TcpListener::accept).unwrap();
                match myrt::time::timeout(Duration::from_millis(2), accept).await {
                    Err(_) => "accept: none".to_owned(),
                    Ok(Ok((stream, peer))) => {
                        let same = stream.peer_addr().is_ok_and(|it| it == peer);
                        stream.set_nodelay(true).unwrap();
                        streams.push(stream);
                        format!("accept {same}")
                    }
                    Ok(Err(error)) => format!("accept {}", said::<()>(Err(error))),
                }
            }
            (3..=6, Some(one)) => {
                let bytes = vec![step; 1 + dice.below(300) as usize];
                format!("write {one} {}", said(streams[one].try_write(&bytes)))
            }
            (7..=9, Some(one)) => {
                let mut buf = vec![0; dice.below(400) as usize + 1];
                let read = streams[one].try_read(&mut buf);
                let read = read.map(|count| {
                    (
                        count,
                        buf[..count].iter().map(|it| u64::from(*it)).sum::<u64>(),
                    )
                });
                format!("read {one} {}", said(read))
            }
            (10, Some(one)) => {
                let mut buf = vec![0; dice.below(400) as usize + 1];
                let peek = streams[one].peek(&mut buf);
                match myrt::time::timeout(Duration::from_millis(2), peek).await {
                    Err(_) => format!("peek {one} none"),
                    Ok(peeked) => format!("peek {one} {}", said(peeked)),
                }
            }
            (11, Some(one)) => {
                let how = [Shutdown::Read, Shutdown::Write, Shutdown::Both];
                let how = how[dice.below(3) as usize];
                format!(
                    "shutdown {one} {how:?} {}",
                    said(streams[one].shutdown(how))
                )
            }
            (12, Some(one)) => {
                drop(streams.swap_remove(one));
                format!("close {one}")
            }
            (13, Some(one)) => format!("error {one} {}", error_of(streams[one].take_error())),
            (14, Some(one)) => {
                let linger = streams[one].set_linger(Some(Duration::ZERO));
                format!("linger 0 {one} {}", said(linger))
            }
            (15, Some(one)) => {
                let ready = streams[one].ready(Interest::WRITABLE);
                match myrt::time::timeout(Duration::from_millis(2), ready).await {
                    Ok(Ok(it)) => {
                        let ends = (it.is_read_closed(), it.is_write_closed(), it.is_error());
                        format!("ends {one} {ends:?}")
                    }
                    _ => format!("ends {one} none"),
                }
            }
            (_, Some(_)) if dice.below(6) == 0 => {
                listener = None;
                "close the listener".to_owned()
            }
            (_, Some(one)) => {
                let mut buf = [0; 8];
                let mut more = [0; 8];
                let mut both = [
                    io::IoSliceMut::new(&mut buf),
                    io::IoSliceMut::new(&mut more),
                ];
                format!(
                    "read vectored {one} {}",
                    said(streams[one].try_read_vectored(&mut both))
                )
            }
        };
        settle().await;
        let _ = writeln!(log, "{what}");
    }
    log
}

fn copy(error: &io::Error) -> io::Error {
    error
        .raw_os_error()
        .map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
}

async fn udp(seed: u64) -> String {
    let mut dice = Dice(seed);
    let mut log = String::new();
    let mut sockets = Vec::new();
    for _ in 0..2 {
        sockets.push(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap());
    }
    let closed = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let nobody = closed.local_addr().unwrap();
    drop(closed);
    let addresses: Vec<_> = sockets.iter().map(|it| it.local_addr().unwrap()).collect();
    let name = |address: SocketAddr| match addresses.iter().position(|it| *it == address) {
        Some(at) => at.to_string(),
        None => "other".to_owned(),
    };
    for step in 0..40 {
        let one = dice.below(2) as usize;
        let other = [addresses[0], addresses[1], nobody][dice.below(3) as usize];
        let bytes = vec![step; dice.below(200) as usize];
        let mut buf = vec![0; dice.below(200) as usize + 1];
        let socket = &sockets[one];
        let what = match dice.below(8) {
            0 | 1 => format!(
                "send_to {one} {} {}",
                name(other),
                said(socket.try_send_to(&bytes, other))
            ),
            2 => format!("send {one} {}", said(socket.try_send(&bytes))),
            3 => format!("recv {one} {}", said(socket.try_recv(&mut buf))),
            4 | 5 => {
                let got = socket.try_recv_from(&mut buf);
                let got = got.map(|(count, from)| (count, name(from)));
                format!("recv_from {one} {}", said(got))
            }
            6 => format!(
                "connect {one} {} {}",
                name(other),
                said(socket.connect(other).await)
            ),
            _ => {
                let peer = socket.peer_addr().map(name);
                format!(
                    "peer {one} {} error {}",
                    said(peer),
                    error_of(socket.take_error())
                )
            }
        };
        settle().await;
        let _ = writeln!(log, "{what}");
    }
    log
}

/// What is simulated of one script.
fn simulated<F: Future<Output = String> + 'static>(script: fn(u64) -> F, seed: u64) -> String {
    let said = std::rc::Rc::new(std::cell::RefCell::new(String::new()));
    let mut world = World::new(seed);
    world.net().latency(Duration::ZERO..=Duration::ZERO);
    let there = std::rc::Rc::clone(&said);
    world.client(
        "it",
        async move { *there.borrow_mut() = script(seed).await },
    );
    world.run().unwrap();
    said.take()
}

fn compare<F: Future<Output = String> + 'static>(script: fn(u64) -> F) {
    let scripts = std::env::var("MYRT_SCRIPTS").map_or(250, |it| it.parse().unwrap());
    let runtime = myrt::runtime::Builder::new()
        .lints(myrt::runtime::Lints::Off)
        .build()
        .unwrap();
    for seed in 0..scripts {
        let real = runtime.block_on(script(seed));
        let simulated = simulated(script, seed);
        if real != simulated {
            let mut table = String::new();
            for (at, (real, simulated)) in real.lines().zip(simulated.lines()).enumerate() {
                let mark = if real == simulated { ' ' } else { '!' };
                let _ = writeln!(table, "{mark} {at:2} {real:40} {simulated}");
                if mark == '!' {
                    break;
                }
            }
            panic!("script {seed}: the system, and the world\n{table}");
        }
    }
}

#[test]
fn tcp_calls_have_the_same_results() {
    compare(tcp);
}

#[test]
fn udp_calls_have_the_same_results() {
    compare(udp);
}

/// Listening sockets and sockets that are neither connected nor bound.
#[test]
fn calls_in_the_wrong_state_have_the_same_errors() {
    async fn script(_: u64) -> String {
        let mut log = String::new();
        let any: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
        let socket = TcpSocket::new_v4().unwrap();
        let _ = writeln!(
            log,
            "bind twice {} {}",
            said(socket.bind(any)),
            said(socket.bind(any))
        );
        let listener = socket.listen(4).unwrap();
        let taken = TcpSocket::new_v4().unwrap();
        let _ = writeln!(
            log,
            "taken {}",
            said(taken.bind(listener.local_addr().unwrap()))
        );
        let _ = writeln!(
            log,
            "far {}",
            said(taken.bind("203.0.113.1:0".parse().unwrap()))
        );
        let refused = taken.connect("127.0.0.1:1".parse().unwrap()).await;
        let _ = writeln!(log, "refused {}", said(refused.map(drop)));
        let udp = UdpSocket::bind(any).await.unwrap();
        let _ = writeln!(log, "send {}", said(udp.try_send(b"x")));
        let _ = writeln!(log, "peer {}", said(udp.peer_addr()));
        let long = vec![0; 70_000];
        let _ = writeln!(
            log,
            "long {}",
            said(udp.try_send_to(&long, udp.local_addr().unwrap()))
        );
        let _ = writeln!(log, "empty {}", said(udp.try_recv(&mut [0])));
        log
    }
    compare(script);
}
