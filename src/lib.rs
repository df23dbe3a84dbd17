//! A single-threaded async runtime written from scratch.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub use myrt_macros::{main, test};
pub use myrt_runtime::future::{When, as_completed, first_ok, gather, race, try_gather, wait};
pub use myrt_runtime::task::{spawn, spawn_blocking, spawn_eager, yield_now};
pub use myrt_runtime::{future, gather, join, select, try_gather, try_join};
pub use myrt_runtime::{monitor, run, runtime, sync, task, task_local, time};

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
        IoSliceMut, Lines, Read, ReadError, ReadExact, ReadHalf, ReadLine, ReadToEnd, ReadUntil,
        Reader, Result, ReuniteError, SeekFrom, Separator, Shutdown, WriteAll, WriteHalf, Writer,
        copy, copy_bidirectional, copy_bidirectional_with_sizes, duplex, empty, repeat, sink,
        split,
    };
    #[doc(inline)]
    pub use myrt_runtime::io::{Ready, readable, writable};
}

/// Sockets and names.
#[cfg(feature = "net")]
pub mod net {
    #[doc(inline)]
    pub use myrt_net::{
        DrainServer, Interest, LookupHost, OpenConnection, Readiness, Ready, ReadyFor,
        ServeForever, Served, Server, ServerStatistics, StartServer, TcpListener, TcpSocket,
        TcpStream, ToSocketAddrs, WaitClosed, lookup_host, tcp,
    };
}

/// Async iterators: futures-core's trait, futures-lite's extension traits and constructors.
#[cfg(feature = "net")]
pub mod stream {
    #[doc(inline)]
    pub use myrt_net::iter::{
        Boxed, BoxedLocal, Stream, StreamExt, empty, iter, once, once_future, or, pending, poll_fn,
        race, repeat, repeat_with, try_unfold, unfold,
    };
}

#[doc(hidden)]
pub mod __private {
    use myrt_runtime::runtime::Builder;

    /// What `#[myrt::main]` expands to.
    pub fn main<F: Future>(builder: Builder, future: F) -> F::Output {
        test(builder, future)
    }

    /// What `#[myrt::test]` expands to.
    pub fn test<F: Future>(builder: Builder, future: F) -> F::Output {
        match builder.build() {
            Ok(runtime) => runtime.block_on(future),
            Err(error) => panic!("the runtime could not be made: {error}"),
        }
    }
}
