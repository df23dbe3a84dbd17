//! The sockets of the simulated kernel, and what of them is ready.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::os::unix::net::UnixStream;

use myrt_runtime::simulated::Change;

use crate::link::HostId;

/// A socket's number; none is used twice.
pub(crate) type SocketId = u64;

/// Numbers of the system's errors (Linux, asm-generic/errno.h).
pub(crate) mod code {
    pub(crate) const AGAIN: i32 = 11;
    pub(crate) const INVALID: i32 = 22;
    pub(crate) const NO_FILES: i32 = 24;
    pub(crate) const PIPE: i32 = 32;
    pub(crate) const NO_DESTINATION: i32 = 89;
    pub(crate) const TOO_LONG: i32 = 90;
    pub(crate) const IN_USE: i32 = 98;
    pub(crate) const NOT_AVAILABLE: i32 = 99;
    pub(crate) const NET_DOWN: i32 = 100;
    pub(crate) const NET_UNREACHABLE: i32 = 101;
    pub(crate) const ABORTED: i32 = 103;
    pub(crate) const RESET: i32 = 104;
    pub(crate) const NO_BUFFERS: i32 = 105;
    pub(crate) const IS_CONNECTED: i32 = 106;
    pub(crate) const NOT_CONNECTED: i32 = 107;
    pub(crate) const TIMED_OUT: i32 = 110;
    pub(crate) const REFUSED: i32 = 111;
    pub(crate) const ALREADY: i32 = 114;
}

pub(crate) fn os<T>(code: i32) -> io::Result<T> {
    Err(io::Error::from_raw_os_error(code))
}

/// See the module's head.
pub(crate) struct Socket {
    pub(crate) host: HostId,
    /// The user's descriptor; none while the connection waits to be accepted.
    pub(crate) fd: Option<RawFd>,
    /// The other end of the placeholder: it says when the user has closed the last copy of theirs.
    pub(crate) witness: Option<UnixStream>,
    /// Under which the host's selector watches it.
    pub(crate) token: Option<u64>,
    pub(crate) local: Option<SocketAddr>,
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) v6: bool,
    /// `SO_ERROR`
    pub(crate) error: Option<i32>,
    /// Who will accept it, while its client has not been heard.
    pub(crate) listener: Option<SocketId>,
    /// The host has lost its power: the socket is a shell.
    pub(crate) dead: bool,
    pub(crate) linger_zero: bool,
    pub(crate) send_buffer: usize,
    pub(crate) receive_buffer: usize,
    pub(crate) role: Role,
}

pub(crate) enum Role {
    /// TCP, neither listening nor connected.
    Fresh,
    Listener {
        queue: VecDeque<SocketId>,
        backlog: usize,
    },
    Stream(Stream),
    Datagram {
        queue: VecDeque<(SocketAddr, Vec<u8>)>,
    },
}

/// One end of a TCP connection.
#[derive(Default)]
pub(crate) struct Stream {
    pub(crate) connecting: bool,
    /// The other end, once it is known.
    pub(crate) other: SocketId,
    pub(crate) inbox: VecDeque<u8>,
    /// What came before its turn, by its number; none: the end.
    pub(crate) early: BTreeMap<u64, Option<Vec<u8>>>,
    pub(crate) next_in: u64,
    pub(crate) next_out: u64,
    /// Bytes that were sent and that the peer's program has not read.
    pub(crate) unread: usize,
    /// How many there may be.
    pub(crate) window: usize,
    /// A write found no room: room is told.
    pub(crate) wants_room: bool,
    pub(crate) ended: bool,
    pub(crate) reset: bool,
    pub(crate) shut_read: bool,
    pub(crate) shut_write: bool,
}

/// The buffers of Linux (`net.core.{w,r}mem_default`).
pub(crate) const BUFFER: usize = 212_992;

impl Socket {
    pub(crate) fn new(host: HostId, role: Role) -> Self {
        Self {
            host,
            fd: None,
            witness: None,
            token: None,
            local: None,
            peer: None,
            v6: false,
            error: None,
            listener: None,
            dead: false,
            linger_zero: false,
            send_buffer: BUFFER / 2,
            receive_buffer: BUFFER / 2,
            role,
        }
    }

    pub(crate) fn stream(&mut self) -> Option<&mut Stream> {
        match &mut self.role {
            Role::Stream(stream) => Some(stream),
            _ => None,
        }
    }

    /// What is ready.
    pub(crate) fn change(&self, token: u64) -> Change {
        let error = self.error.is_some();
        let (readable, writable, read_closed) = match &self.role {
            Role::Fresh => (false, false, false),
            Role::Listener { queue, .. } => (!queue.is_empty(), false, false),
            Role::Datagram { queue } => (!queue.is_empty(), true, false),
            Role::Stream(stream) if stream.connecting => (false, false, false),
            Role::Stream(stream) => {
                let over = stream.ended || stream.reset || stream.shut_read;
                let room = stream.unread < stream.window || stream.shut_write || stream.reset;
                (over || !stream.inbox.is_empty(), room, over)
            }
        };
        Change {
            token,
            readable: readable || error,
            writable: writable || error,
            read_closed,
            error,
        }
    }

    /// Takes what is an error of the next call.
    pub(crate) fn take_error(&mut self) -> io::Result<()> {
        match self.error.take() {
            Some(code) => os(code),
            None => Ok(()),
        }
    }
}
