//! Streams of bytes: the traits, and what is built on them without knowing where the bytes come
//! from.
//!
//! The traits are futures-io's, so that crates written against them run unchanged; a fourth set of
//! traits would help nobody. The extension traits have futures-lite's names and std's rules (see
//! [`ext`]). New here is what asyncio has and those lack: [`Reader`] and [`Writer`], which lose
//! nothing when cancelled; [`copy_bidirectional`] with half-close; [`duplex`] for tests.

mod buf_reader;
mod buffer;
mod copy;
pub(crate) mod count;
mod duplex;
mod error;
pub mod ext;
mod lines;
mod read_ops;
mod reader;
mod split;
mod stdin;
mod stdout;
mod writer;

#[doc(inline)]
pub use futures_io::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite};
#[doc(no_inline)]
pub use futures_lite::io::{AssertAsync, AsyncSeekExt, BufWriter, Cursor, empty, repeat, sink};
#[doc(no_inline)]
pub use std::io::{Error, ErrorKind, IoSlice, IoSliceMut, Result, SeekFrom};

#[doc(inline)]
pub use myrt_runtime::io::Async;

pub use buf_reader::BufReader;
pub use copy::{Copy, CopyBidirectional, copy, copy_bidirectional, copy_bidirectional_with_sizes};
pub use duplex::{DuplexStream, duplex};
pub use error::ReadError;
pub use ext::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
pub use lines::Lines;
pub use read_ops::{Read, ReadExact, ReadLine, ReadToEnd, ReadUntil, Separator};
pub use reader::Reader;
pub use split::{ReadHalf, ReuniteError, WriteHalf, split};
pub use stdin::{ReadStdin, Stdin, stdin};
pub use stdout::{Stderr, Stdout, WriteAllStd, WriteStd, stderr, stdout};
pub use writer::{Close, Drain, Feed, Shutdown, WriteAll, Writer};
