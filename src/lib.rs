//! A single-threaded async runtime, written from scratch: asyncio's ideas under the names that Rust
//! programmers know.
//!
//! ```
//! use myrt::time::{Duration, sleep};
//!
//! #[myrt::main]
//! async fn main() {
//!     let tea = myrt::spawn(async { sleep(Duration::from_millis(40)).await; "tea" });
//!     let toast = myrt::spawn(async { sleep(Duration::from_millis(30)).await; "toast" });
//!     println!("{} and {}", tea.await.unwrap(), toast.await.unwrap());
//! }
//! ```
//!
//! One runtime is one thread: futures need not be `Send`, and `Rc` and `RefCell` do where elsewhere
//! `Arc<Mutex<_>>` is needed. There is none for Windows or for 32-bit systems.
//!
//! | to | see |
//! |---|---|
//! | run a program, a test | [`main`], [`run`], [`test`], [`runtime`] |
//! | start tasks, and end them | [`spawn`], [`task`], [`cancel`], [`scope`](fn@scope) |
//! | wait for several | [`join!`], [`select!`], [`gather`](fn@gather), [`future`] |
//! | wait for time | [`time`] |
//! | share between tasks | [`sync`] |
//! | read and write | `net`, `io`, `stream`, `fs`, `process`, `signal` |
//! | do what blocks | [`spawn_blocking`] |
//! | see what a program does | `monitor`, `runtime::Observer`, `runtime::Recorder` |
//!
//! The [guide] builds such a runtime in seven chapters, has a page for each
//! [report](guide::reports), and says [what is called how](guide::names) in asyncio, tokio and
//! trio.
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `net` | yes | `net`, `stream`, the streams of bytes in `io`, `start_server`, `open_connection` |
//! | `signal` | yes | Unix signals as futures; Ctrl-C ends [`run`] and [`main`] with all cleanups |
//! | `inspect` | yes | reports, lints, observers, recordings, the monitor |
//! | `process` | no | child processes |
//! | `fs` | no | files, read and written on the blocking pool |
//! | `hyper` | no | hyper's runtime traits |
//! | `hyper-server` | no | `hyper::serve`: HTTP servers for hyper's services, axum, tonic |
//! | `hyper-client` | no | `hyper::Connector` for hyper-util's client |
//! | `tokio-compat` | no | adapters to tokio's traits of byte streams, and streams for other threads |
//! | `tokio-context` | no | tokio's context, for crates that want it (reqwest, sqlx, quinn, …) |
//! | `tracing` | no | tasks and reports as events of the tracing crate |
//! | `sim` | no | a simulated world of several hosts, for tests (Linux) |
//!
//! The environment sets defaults, which the program's own choice overrides: `MYRT_SELECTOR`,
//! `MYRT_SEED`, `MYRT_DEBUG`, `MYRT_LINTS`, `MYRT_MONITOR`, `MYRT_RECORD`. What each does:
//! [`runtime::Builder`].
#![forbid(unsafe_code)]
#![deny(clippy::disallowed_macros)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub use myrt_macros::{main, test};
pub use myrt_runtime::cancel::{CancelToken, bracket, finally, shield, shield_for};
pub use myrt_runtime::future::{When, as_completed, first_ok, gather, race, try_gather, wait};
#[cfg(feature = "inspect")]
#[cfg_attr(docsrs, doc(cfg(feature = "inspect")))]
pub use myrt_runtime::monitor;
pub use myrt_runtime::task::{spawn, spawn_blocking, spawn_eager, yield_now};
pub use myrt_runtime::{cancel, scope, try_scope};
pub use myrt_runtime::{future, gather, join, select, try_gather, try_join};
pub use myrt_runtime::{runtime, sync, task, task_local, time};

#[cfg(feature = "net")]
pub use myrt_net::{open_connection, start_server};

#[cfg(feature = "signal")]
#[cfg_attr(docsrs, doc(cfg(feature = "signal")))]
#[doc(inline)]
pub use myrt_net::signal;

#[cfg(feature = "tokio-compat")]
#[cfg_attr(docsrs, doc(cfg(feature = "tokio-compat")))]
pub use myrt_net::compat;
#[cfg(feature = "hyper")]
#[cfg_attr(docsrs, doc(cfg(feature = "hyper")))]
pub use myrt_net::hyper;

#[cfg(all(feature = "sim", target_os = "linux"))]
#[cfg_attr(docsrs, doc(cfg(feature = "sim")))]
pub mod sim;

#[cfg(not(feature = "net"))]
pub use myrt_runtime::io;

/// Streams of bytes, and descriptors that tasks can wait for.
#[cfg(feature = "net")]
pub mod io {
    #[doc(inline)]
    pub use myrt_net::io::{
        AssertAsync, Async, AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncSeek,
        AsyncSeekExt, AsyncWrite, AsyncWriteExt, BufReader, BufWriter, Close, Copy,
        CopyBidirectional, Cursor, Drain, DuplexStream, Error, ErrorKind, Feed, IoSlice,
        IoSliceMut, Lines, Read, ReadError, ReadExact, ReadHalf, ReadLine, ReadStdin, ReadToEnd,
        ReadUntil, Reader, Result, ReuniteError, SeekFrom, Separator, Shutdown, Stderr, Stdin,
        Stdout, WriteAll, WriteAllStd, WriteHalf, WriteStd, Writer, copy, copy_bidirectional,
        copy_bidirectional_with_sizes, duplex, empty, ext, repeat, sink, split, stderr, stdin,
        stdout,
    };
    #[doc(inline)]
    pub use myrt_runtime::io::{Ready, readable, writable};
}

/// Sockets and names.
#[cfg(feature = "net")]
pub mod net {
    #[doc(inline)]
    pub use myrt_net::{
        AsyncIo, Connection, DrainServer, Interest, ListenFd, ListenFdKind, LookupHost,
        OpenConnection, Readiness, Ready, ReadyFor, SendFile, ServeForever, Served, Server,
        ServerStatistics, Splice, SpliceBidirectional, SpliceFrom, SpliceTo, StartServer,
        TcpListener, TcpSocket, TcpStream, ToSocketAddrs, UdpSocket, UnixDatagram, UnixListener,
        UnixStream, WaitClosed, halves, is_out_of_resources, listen_fds, lookup_host, send_file,
        splice, splice_bidirectional, tcp, udp, unix,
    };
}

#[cfg(feature = "fs")]
#[doc(inline)]
pub use myrt_net::fs;
#[cfg(feature = "process")]
#[doc(inline)]
pub use myrt_net::process;
#[cfg(feature = "net")]
#[doc(inline)]
pub use myrt_net::workers;

/// Async iterators: futures-core's trait, futures-lite's extension traits and constructors.
#[cfg(feature = "net")]
pub mod stream {
    #[doc(inline)]
    pub use myrt_net::iter::{
        Boxed, BoxedLocal, Stream, StreamExt, empty, iter, once, once_future, or, pending, poll_fn,
        race, repeat, repeat_with, try_unfold, unfold,
    };
}

#[cfg(not(feature = "signal"))]
pub use myrt_runtime::run;

/// Runs `future` to its end on a runtime of its own, then ends all of its tasks, async cleanups
/// included. asyncio's `run`.
///
/// **Ctrl-C** (SIGINT) meanwhile cancels `future` at its await point; its cleanups run, and those
/// of all tasks, within the grace; then the process exits with 130. A second Ctrl-C exits with 130
/// at once, also where the loop is stuck. A program that handles the signal itself is left alone:
/// while a [`signal::ctrl_c`] of it listens, that alone is told.
///
/// # Panics
/// Inside of a runtime on the same thread; when the runtime cannot be made; with what `future`
/// panicked with; when `future` is cancelled by something else than Ctrl-C.
///
/// ```
/// assert_eq!(myrt::run(async { 6 * 7 }), 42);
/// ```
#[cfg(feature = "signal")]
#[track_caller]
pub fn run<F: Future>(future: F) -> F::Output {
    myrt_runtime::__myrt_boxed_if_large!(future => signal::run(runtime::Builder::new(), future))
}
// Only where somebody reads it, or tests its examples.
#[cfg(any(doc, doctest))]
pub mod guide;

/// The README's examples are tested with the others.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

#[doc(hidden)]
pub mod __private {
    use myrt_runtime::os::refuse_nesting;
    use myrt_runtime::runtime::Builder;

    /// What `tokio_context` expands to.
    #[cfg(feature = "tokio-context")]
    #[track_caller]
    pub fn tokio_context() -> crate::compat::TokioContext {
        match crate::compat::tokio_context() {
            Ok(context) => context,
            Err(error) => panic!("tokio's context could not be made: {error}"),
        }
    }

    /// What `#[myrt::main]` expands to.
    #[track_caller]
    pub fn main<F: Future>(builder: Builder, future: F) -> F::Output {
        refuse_nesting("a function with #[myrt::main]");
        #[cfg(feature = "signal")]
        return myrt_runtime::__myrt_boxed_if_large!(future => myrt_net::signal::run(builder, future));
        #[cfg(not(feature = "signal"))]
        myrt_runtime::__myrt_boxed_if_large!(future => test(builder, future))
    }

    /// What `#[myrt::test]` expands to.
    #[track_caller]
    pub fn test<F: Future>(builder: Builder, future: F) -> F::Output {
        refuse_nesting("a function with #[myrt::test]");
        match builder.build() {
            Ok(runtime) => {
                myrt_runtime::__myrt_boxed_if_large!(future => runtime.block_on(future))
            }
            Err(error) => panic!("the runtime could not be made: {error}"),
        }
    }
}
