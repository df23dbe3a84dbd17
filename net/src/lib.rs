//! Everything of myrt that owns a file descriptor, and the streams of bytes above them.
//!
//! Use it through the `myrt` crate: this one is pinned to it in lockstep and promises nothing on
//! its own. It stands on [`myrt_runtime::io::Async`] alone and holds no `unsafe`: the system calls
//! of sockets enter through one module (`calls`), those that std and socket2 lack live in the
//! runtime's `sys`.
#![forbid(unsafe_code)]
#![deny(clippy::disallowed_macros)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "tokio-compat")]
#[cfg_attr(docsrs, doc(cfg(feature = "tokio-compat")))]
pub mod compat;
#[cfg(feature = "fs")]
#[cfg_attr(docsrs, doc(cfg(feature = "fs")))]
pub mod fs;
pub mod halves;
#[cfg(feature = "hyper")]
#[cfg_attr(docsrs, doc(cfg(feature = "hyper")))]
pub mod hyper;
pub mod io;
#[cfg(feature = "process")]
#[cfg_attr(docsrs, doc(cfg(feature = "process")))]
pub mod process;
#[cfg(feature = "signal")]
#[cfg_attr(docsrs, doc(cfg(feature = "signal")))]
pub mod signal;
pub mod tcp;
pub mod udp;
pub mod unix;
pub mod workers;

mod accept_backoff;
#[cfg(any(feature = "hyper", feature = "tokio-compat"))]
mod adapter;
mod addr;
mod blocking_op;
mod caller;
mod calls;
mod listen_fds;
#[cfg(feature = "portable")]
mod portable;
mod ready;
mod server;
mod socket_op;
mod stream;
#[cfg(feature = "sim")]
#[doc(hidden)]
pub mod world;
mod zero_copy;

pub use addr::{LookupHost, ToSocketAddrs, lookup_host};
pub use calls::is_out_of_resources;
pub use listen_fds::{ListenFd, ListenFdKind, listen_fds};
pub use ready::{AsyncIo, Interest, Readiness, Ready, ReadyFor};
pub use server::{
    DrainServer, OpenConnection, ServeForever, Served, Server, ServerStatistics, StartServer,
    WaitClosed, open_connection, start_server,
};
pub use stream::Connection;
pub use tcp::{TcpListener, TcpSocket, TcpStream};
pub use udp::UdpSocket;
pub use unix::{UnixDatagram, UnixListener, UnixStream};
pub use zero_copy::{
    SendFile, Splice, SpliceBidirectional, SpliceFrom, SpliceTo, send_file, splice,
    splice_bidirectional,
};

/// Async iterators: futures-core's trait, futures-lite's extension traits and constructors.
pub mod iter {
    #[doc(inline)]
    pub use futures_core::Stream;
    #[doc(no_inline)]
    pub use futures_lite::stream::{
        Boxed, BoxedLocal, StreamExt, empty, iter, once, once_future, or, pending, poll_fn, race,
        repeat, repeat_with, try_unfold, unfold,
    };
}
