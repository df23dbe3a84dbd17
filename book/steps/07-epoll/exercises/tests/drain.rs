//! Under edge triggering all bytes arrive, and the limit is kept.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use exercises_07::drain::{Drained, drain};
use sys::epoll::{Epoll, Interest};

#[test]
fn one_event_is_enough() {
    let (mut here, mut there) = UnixStream::pair().unwrap();
    here.set_nonblocking(true).unwrap();
    let epoll = Epoll::new().unwrap();
    epoll.add(here.as_raw_fd(), 7, Interest { read: true, write: false, edge: true }).unwrap();
    let (mut events, mut out) = (Vec::new(), Vec::new());
    for round in 1..=3 {
        there.write_all(&[round; 1000]).unwrap();
        epoll.wait(&mut events, 8, Some(Duration::from_secs(10))).unwrap();
        assert_eq!(events.len(), 1);
        assert_eq!(drain(&mut here, &mut out, usize::MAX).unwrap(), Drained::Empty);
        assert_eq!(out.len(), 1000 * round as usize);
    }
    drop(there);
    assert_eq!(drain(&mut here, &mut out, usize::MAX).unwrap(), Drained::End);
}

#[test]
fn the_limit_is_kept_and_nothing_is_lost() {
    let (mut here, mut there) = UnixStream::pair().unwrap();
    here.set_nonblocking(true).unwrap();
    there.write_all(&[1; 256]).unwrap();
    let mut out = Vec::new();
    assert_eq!(drain(&mut here, &mut out, 3).unwrap(), Drained::More);
    assert!(out.len() <= 3 * 64);
    assert_eq!(drain(&mut here, &mut out, 100).unwrap(), Drained::Empty);
    assert_eq!(out.len(), 256);
}

#[test]
fn an_interrupted_read_is_no_read() {
    struct Twice(u32);
    impl Read for Twice {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0 += 1;
            match self.0 {
                1 => Err(ErrorKind::Interrupted.into()),
                2 => {
                    buffer[0] = 9;
                    Ok(1)
                }
                _ => Err(ErrorKind::WouldBlock.into()),
            }
        }
    }
    let mut out = Vec::new();
    assert_eq!(drain(&mut Twice(0), &mut out, 1).unwrap(), Drained::More);
    assert_eq!(out, [9]);
}
