//! Level against edge: how often epoll says the same thing, and what is lost by forgetting. Bare
//! epoll, no runtime.
//!
//! A thousand bytes, read a hundred at a time: level-triggered epoll tells ten times,
//! edge-triggered once, one-shot once until it is armed again. So on an edge one must read until
//! the socket has no more. And five sockets that are ready, two served a turn: to cut the list off
//! is fine on levels and loses three sockets for ever on edges (R7); to ask for two at a time loses
//! none.
//!
//! Course: 8.6, LT (B10), ET (B11), EPOLLONESHOT (B12), the best practices "lire jusqu'au bout"
//! (B23) and `events[:100]` (B25, R7: the course's advice holds on levels only). Of epoll's O(1)
//! (R14): a wait costs what is ready, a change a logarithm.
//!
//! ```text
//! cargo run --release -p course --bin lt_vs_et
//! ```

use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use rustix::event::Timespec;
use rustix::event::epoll::{CreateFlags, Event, EventData, EventFlags, add, create, modify, wait};

/// At most this many events; the next call reports what is still ready.
fn events(epoll: &OwnedFd, most: usize) -> io::Result<Vec<u64>> {
    let mut list = vec![
        Event {
            flags: EventFlags::empty(),
            data: EventData::new_u64(0)
        };
        most
    ];
    let none = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let count = wait(epoll, &mut list[..], Some(&none))?;
    Ok(list[..count].iter().map(|event| event.data.u64()).collect())
}

/// How often epoll tells of a thousand bytes, when a hundred are read each time.
fn notifications(flags: EventFlags) -> io::Result<usize> {
    let epoll = create(CreateFlags::CLOEXEC)?;
    let (mut reader, mut writer) = UnixStream::pair()?;
    add(
        &epoll,
        &reader,
        EventData::new_u64(0),
        EventFlags::IN | flags,
    )?;
    writer.write_all(&[b'x'; 1000])?;
    let mut told = 0;
    while !events(&epoll, 8)?.is_empty() {
        told += 1;
        reader.read_exact(&mut [0; 100])?;
    }
    if flags.contains(EventFlags::ONESHOT) {
        modify(
            &epoll,
            &reader,
            EventData::new_u64(0),
            EventFlags::IN | flags,
        )?;
        println!(
            "  one-shot, armed again: told {} more",
            events(&epoll, 8)?.len()
        );
    }
    Ok(told)
}

/// How many of five ready sockets are served, if each turn serves two of those it was told of.
fn served(flags: EventFlags, cut_off: bool) -> io::Result<usize> {
    let epoll = create(CreateFlags::CLOEXEC)?;
    let mut sockets = Vec::new();
    for number in 0..5 {
        let (reader, mut writer) = UnixStream::pair()?;
        add(
            &epoll,
            &reader,
            EventData::new_u64(number),
            EventFlags::IN | flags,
        )?;
        writer.write_all(b"x")?;
        sockets.push((reader, writer));
    }
    let mut served = 0;
    for _turn in 0..10 {
        let told = events(&epoll, if cut_off { 100 } else { 2 })?;
        for number in told.into_iter().take(2) {
            sockets[usize::try_from(number).unwrap_or(0)]
                .0
                .read_exact(&mut [0])?;
            served += 1;
        }
    }
    Ok(served)
}

fn main() -> io::Result<()> {
    println!("1000 bytes, 100 at a time:");
    println!(
        "  level: told {} times",
        notifications(EventFlags::empty())?
    );
    println!("  edge: told {} times", notifications(EventFlags::ET)?);
    println!(
        "  one-shot: told {} times",
        notifications(EventFlags::ONESHOT)?
    );
    println!("5 sockets ready, 2 served a turn:");
    for (name, flags) in [("level", EventFlags::empty()), ("edge", EventFlags::ET)] {
        println!(
            "  {name}, the list cut off: {} served",
            served(flags, true)?
        );
        println!("  {name}, two asked for: {} served", served(flags, false)?);
    }
    Ok(())
}
