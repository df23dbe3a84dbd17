//! The yardstick of the servers: a level-triggered epoll loop by hand, one 64-byte buffer a
//! connection, no tasks. It must not know any runtime.

use std::io;
use std::net::TcpListener;
use std::os::fd::{AsRawFd, RawFd};

use crate::epoll::{Epoll, check};
use crate::peer::Unavailable;
use crate::tally;

/// Serves until the tally ends the process.
pub fn serve() -> Result<(), Unavailable> {
    run().map_err(Unavailable::because)
}

fn run() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    tally::listening(listener.local_addr()?.port());
    let listening = listener.as_raw_fd();
    let mut epoll = Epoll::new()?;
    epoll.add(listening, listening as u64, false)?;
    let mut buffers: Vec<[u8; 64]> = Vec::new();
    loop {
        epoll.wait(None, |epoll, token| {
            let fd = token as RawFd;
            if fd == listening {
                accept(epoll, fd, &mut buffers)
            } else {
                echo(fd, &mut buffers)
            }
        })?;
    }
}

/// Takes every connection that waits: with one at a time each would cost a wait of its own.
fn accept(epoll: &Epoll, listening: RawFd, buffers: &mut Vec<[u8; 64]>) -> io::Result<()> {
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
        if buffers.len() <= fd as usize {
            buffers.resize(fd as usize + 1, [0; 64]);
        }
        epoll.add(fd, fd as u64, false)?;
    }
}

fn echo(fd: RawFd, buffers: &mut [[u8; 64]]) -> io::Result<()> {
    let buffer = &mut buffers[fd as usize];
    // SAFETY: the pointer and the length describe the connection's buffer.
    let length = unsafe { libc::read(fd, buffer.as_mut_ptr().cast(), buffer.len()) };
    if length <= 0 {
        // SAFETY: the fd is a connection of ours and is not used again before a new accept.
        unsafe { libc::close(fd) };
        tally::closed();
        return Ok(());
    }
    // SAFETY: `length` bytes of the buffer were just filled.
    let written = unsafe { libc::write(fd, buffer.as_ptr().cast(), length as usize) };
    if written == length {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
