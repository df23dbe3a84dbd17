//! The yardstick of the servers: a level-triggered epoll loop by hand, one buffer a connection, no
//! tasks.

use std::io;
use std::net::TcpListener;
use std::os::fd::{AsRawFd, RawFd};

use crate::epoll::{Epoll, check};
use crate::peer::Unavailable;
use crate::programs::hello::Requests;
use crate::tally;

/// What a connection does when there is something to read: one read, and one write if it has
/// something to say. False: it has ended.
trait Connection: Default {
    fn ready(&mut self, fd: RawFd) -> io::Result<bool>;
}

/// Echoes until the tally ends the process.
pub fn serve() -> Result<(), Unavailable> {
    run::<Echo>().map_err(Unavailable::because)
}

/// Says hello over HTTP until the tally ends the process.
pub fn serve_hello() -> Result<(), Unavailable> {
    run::<Requests>().map_err(Unavailable::because)
}

fn run<C: Connection>() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    tally::listening(listener.local_addr()?.port());
    let listening = listener.as_raw_fd();
    let mut epoll = Epoll::new()?;
    epoll.add(listening, listening as u64, false)?;
    let mut connections: Vec<C> = Vec::new();
    loop {
        epoll.wait(None, |epoll, token| {
            let fd = token as RawFd;
            if fd == listening {
                accept(epoll, fd, &mut connections)
            } else {
                if !connections[fd as usize].ready(fd)? {
                    // SAFETY: the fd is a connection of ours and is not used again before a new
                    // accept.
                    unsafe { libc::close(fd) };
                    tally::closed();
                }
                Ok(())
            }
        })?;
    }
}

/// Takes every connection that waits: with one at a time each would cost a wait of its own.
fn accept<C: Connection>(
    epoll: &Epoll,
    listening: RawFd,
    connections: &mut Vec<C>,
) -> io::Result<()> {
    let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    loop {
        let none = std::ptr::null_mut();
        // SAFETY: null pointers ask for no address.
        let fd = match check(unsafe { libc::accept4(listening, none, none.cast(), flags) }) {
            Ok(fd) => fd,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        tally::accepted();
        if connections.len() <= fd as usize {
            connections.resize_with(fd as usize + 1, C::default);
        }
        connections[fd as usize] = C::default();
        epoll.add(fd, fd as u64, false)?;
    }
}

fn read(fd: RawFd, buffer: &mut [u8]) -> isize {
    // SAFETY: the pointer and the length describe the buffer.
    unsafe { libc::read(fd, buffer.as_mut_ptr().cast(), buffer.len()) }
}

/// Answers are short, so they fit.
fn write(fd: RawFd, bytes: &[u8]) -> io::Result<()> {
    // SAFETY: the pointer and the length describe the bytes.
    let written = unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) };
    if written == bytes.len() as isize {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

struct Echo([u8; 64]);

impl Default for Echo {
    fn default() -> Self {
        Self([0; 64])
    }
}

impl Connection for Echo {
    fn ready(&mut self, fd: RawFd) -> io::Result<bool> {
        let length = read(fd, &mut self.0);
        if length <= 0 {
            return Ok(false);
        }
        write(fd, &self.0[..length as usize])?;
        Ok(true)
    }
}

impl Connection for Requests {
    fn ready(&mut self, fd: RawFd) -> io::Result<bool> {
        let length = read(fd, self.room());
        if length <= 0 {
            return Ok(false);
        }
        let answers = self.answers(length as usize);
        if !answers.is_empty() {
            write(fd, answers)?;
        }
        Ok(true)
    }
}
