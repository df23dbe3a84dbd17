//! Two of ten thousand sockets have something to say: which?
//!
//! Asking each of them finds it out with ten thousand system calls. The selector is asked once, and
//! names them. With `MYRT_SELECTOR=select` there are at most a thousand of them: it watches no
//! descriptor above 1023 (B4).
//!
//! Course: 8.6, "Le problème à résoudre" (B1: sockets 234 and 9876).
//!
//! ```text
//! cargo run --release -p course --bin find_ready [-- SOCKETS]
//! ```

use std::cell::RefCell;
use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::rc::Rc;

use myrt::io::Async;
use myrt::runtime::{Builder, Selector, raise_fd_limit};
use myrt::time::Instant;

/// Descriptors that are not sockets of the crowd.
const SPARE: usize = 30;

/// Ports are few: a thousand sockets have one address of this machine, the next thousand the next.
fn address(number: usize) -> Ipv4Addr {
    Ipv4Addr::new(
        127,
        0,
        1,
        u8::try_from(number / 1000 % 200).unwrap_or(0) + 1,
    )
}

/// How many descriptors the process may have, and the selector watch.
fn most(selector: Selector) -> io::Result<usize> {
    let (allowed, _) = raise_fd_limit()?;
    let allowed = usize::try_from(allowed).unwrap_or(usize::MAX);
    let last = selector.max_fd().map(usize::try_from);
    Ok(last.map_or(allowed, |last| allowed.min(last.unwrap_or(0) + 1)))
}

fn main() -> io::Result<()> {
    let wanted: usize = std::env::args()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(10_000);
    let chosen = std::env::var("MYRT_SELECTOR").ok();
    let selector: Selector = chosen
        .and_then(|name| name.parse().ok())
        .unwrap_or_default();
    let count = wanted.min(most(selector)?.saturating_sub(SPARE));
    let talkers = [234, 9876].map(|number: usize| number.min(count.saturating_sub(1)));
    let sockets = (0..count)
        .map(|number| UdpSocket::bind((address(number), 0)).map(Rc::new))
        .collect::<io::Result<Vec<_>>>()?;
    let mouth = UdpSocket::bind("127.0.0.1:0")?;
    for socket in &sockets {
        socket.set_nonblocking(true)?;
    }
    let speak = || {
        talkers.iter().try_for_each(|number| {
            mouth
                .send_to(b"!", sockets[*number].local_addr()?)
                .map(drop)
        })
    };

    speak()?;
    let start = Instant::now();
    let ready: Vec<usize> = (0..count)
        .filter(|number| sockets[*number].recv(&mut [0; 1]).is_ok())
        .collect();
    println!(
        "asking each:         found {ready:?} after {:>9.1?} and {count} system calls",
        start.elapsed()
    );

    let runtime = Builder::new().selector(selector).build()?;
    let found = Rc::new(RefCell::new(Vec::new()));
    for (number, socket) in sockets.iter().enumerate() {
        let socket = Async::new(Rc::clone(socket))?;
        let found = Rc::clone(&found);
        drop(runtime.spawn(async move {
            while socket
                .read_with(|socket| socket.recv(&mut [0; 1]))
                .await
                .is_ok()
            {
                found.borrow_mut().push(number);
            }
        }));
    }
    // Every task runs up to its wait, and the selector has seen every socket.
    while runtime.turn(Some(std::time::Duration::ZERO))? {}
    let before = runtime.metrics();
    speak()?;
    let start = Instant::now();
    while found.borrow().len() < talkers.len() {
        runtime.turn(None)?;
    }
    let took = start.elapsed();
    let after = runtime.metrics();
    found.borrow_mut().sort_unstable();
    println!(
        "asking the selector: found {:?} after {took:>9.1?} and {} system calls of the selector",
        found.borrow(),
        after.selector_waits - before.selector_waits + after.selector_controls
            - before.selector_controls,
    );
    assert_eq!(*found.borrow(), ready);
    Ok(())
}
