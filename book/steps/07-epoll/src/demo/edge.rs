//! Level and edge, without any runtime: how often the kernel says that bytes are there.

use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use sys::epoll::{Epoll, Interest};

// ANCHOR: notifications
/// 1000 bytes are there. Asks before each of `reads` reads of 100 bytes: how often there was an
/// event.
pub fn notifications(edge: bool, reads: usize) -> usize {
    let (mut here, mut there) = UnixStream::pair().expect("two descriptors are free");
    let epoll = Epoll::new().expect("a descriptor is free");
    let interest = Interest { read: true, write: false, edge };
    epoll.add(here.as_raw_fd(), 0, interest).expect("a socket can be added");
    there.write_all(&[0; 1000]).expect("the kernel has room");
    let (mut events, mut seen) = (Vec::new(), 0);
    for _ in 0..reads {
        epoll.wait(&mut events, 1, Some(Duration::ZERO)).expect("it takes no wrong value");
        seen += events.len();
        here.read_exact(&mut [0; 100]).expect("the bytes are there");
    }
    seen
}
// ANCHOR_END: notifications
