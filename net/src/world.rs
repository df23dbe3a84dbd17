//! The door to a simulated network: what answers in the kernel's place on a thread that turns a
//! host of a world.
//!
//! Why: socket calls and names enter through one module each; here is where they turn off.
//! What a world does not simulate is refused by [`fence`], so that nothing real is used unseen.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::net::{IpAddr, Shutdown, SocketAddr};
use std::os::fd::{OwnedFd, RawFd};
use std::rc::Rc;
use std::time::Duration;

pub use myrt_runtime::os::Ends;

/// A kind of socket that a world has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// TCP.
    Stream,
    /// UDP.
    Datagram,
}

/// Which name of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// `getsockname`
    Local,
    /// `getpeername`
    Peer,
}

/// The calls on sockets, as the kernel's: none blocks, errors carry the system's numbers.
#[allow(missing_docs, reason = "each is the system call of its name")]
#[allow(clippy::missing_errors_doc, reason = "those of the system call")]
pub trait Network {
    /// Whether the descriptor is one of this network's sockets.
    fn has(&self, fd: RawFd) -> bool;
    fn socket(&self, kind: Kind, v6: bool) -> io::Result<OwnedFd>;
    fn bind(&self, fd: RawFd, address: SocketAddr) -> io::Result<()>;
    fn listen(&self, fd: RawFd, backlog: i32) -> io::Result<()>;
    /// False: under way.
    fn connect(&self, fd: RawFd, address: SocketAddr) -> io::Result<bool>;
    fn accept(&self, fd: RawFd) -> io::Result<(OwnedFd, SocketAddr)>;
    fn take_error(&self, fd: RawFd) -> io::Result<Option<io::Error>>;
    fn read(&self, fd: RawFd, buf: &mut [u8], peek: bool) -> io::Result<usize>;
    fn write(&self, fd: RawFd, buf: &[u8]) -> io::Result<usize>;
    fn shutdown(&self, fd: RawFd, how: Shutdown) -> io::Result<()>;
    fn send_to(&self, fd: RawFd, datagram: &[u8], to: Option<SocketAddr>) -> io::Result<usize>;
    fn recv_from(&self, fd: RawFd, buf: &mut [u8], peek: bool) -> io::Result<(usize, SocketAddr)>;
    /// What is over on a socket, as poll(2) says it.
    fn ends(&self, fd: RawFd) -> io::Result<Ends>;
    fn name(&self, fd: RawFd, end: End) -> io::Result<SocketAddr>;
    fn set_linger(&self, fd: RawFd, linger: Option<Duration>) -> io::Result<()>;
    fn set_buffer(&self, fd: RawFd, receive: bool, bytes: usize) -> io::Result<()>;
    /// The addresses of a name, without asking anyone.
    fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

thread_local! {
    static NETWORK: RefCell<Option<Rc<dyn Network>>> = const { RefCell::new(None) };
}

/// Puts a network in the kernel's place on this thread; returns the one of before.
pub fn enter(network: Option<Rc<dyn Network>>) -> Option<Rc<dyn Network>> {
    NETWORK.replace(network)
}

/// The network of this thread.
#[inline]
pub(crate) fn current() -> Option<Rc<dyn Network>> {
    NETWORK.with_borrow(Clone::clone)
}

/// The network, if it knows this descriptor.
#[inline]
pub(crate) fn of(fd: RawFd) -> Option<Rc<dyn Network>> {
    NETWORK.with_borrow(|network| network.as_ref().filter(|it| it.has(fd)).cloned())
}

/// The error for what is not simulated, on a thread that is inside of a world.
///
/// # Errors
/// `Unsupported`, inside of a world.
pub fn fence(what: &str) -> io::Result<()> {
    if NETWORK.with_borrow(Option::is_none) {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        format!("{what} is not simulated: see \"What a world has not\" in myrt::sim"),
    ))
}

impl fmt::Debug for dyn Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Network")
    }
}
