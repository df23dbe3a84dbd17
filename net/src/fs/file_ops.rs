//! The futures of [`File`](super::File)'s own methods: loops around its three polls.

use std::fmt;
use std::future::Future;
use std::io::{self, SeekFrom};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_io::AsyncBufRead;

use super::file::File;
use crate::caller::{self, Caller};

/// Declares a future and how it begins.
macro_rules! op {
    ($(#[$meta:meta])* $name:ident, $field:ident: $type:ty $(, $more:ident: $more_type:ty = $start:expr)?) => {
        $(#[$meta])*
        #[must_use = "futures do nothing unless awaited"]
        pub struct $name<'a> {
            file: &'a mut File,
            $field: $type,
            $($more: $more_type,)?
            at: Caller,
        }

        impl<'a> $name<'a> {
            #[track_caller]
            pub(super) fn new(file: &'a mut File, $field: $type) -> Self {
                Self { file, $field, $($more: $start,)? at: Location::caller() }
            }
        }

        impl fmt::Debug for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("at", &self.at).finish_non_exhaustive()
            }
        }
    };
}

op! {
    /// Future of [`File::read`].
    Read, buf: &'a mut [u8]
}
op! {
    /// Future of [`File::read_exact`].
    ReadExact, buf: &'a mut [u8], filled: usize = 0
}
op! {
    /// Future of [`File::read_to_end`].
    ReadToEnd, out: &'a mut Vec<u8>, count: usize = 0
}
op! {
    /// Future of [`File::read_to_string`].
    ReadToString, out: &'a mut String, bytes: Vec<u8> = Vec::new()
}
op! {
    /// Future of [`File::write`].
    Write, buf: &'a [u8]
}
op! {
    /// Future of [`File::write_all`].
    WriteAll, rest: &'a [u8]
}
op! {
    /// Future of [`File::seek`].
    Seek, to: SeekFrom
}

impl Future for Read<'_> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { file, buf, at } = self.get_mut();
        file.poll_read_at(cx, buf, at)
    }
}

impl Future for ReadExact<'_> {
    type Output = io::Result<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self {
            file,
            buf,
            filled,
            at,
        } = self.get_mut();
        while *filled < buf.len() {
            let count = ready!(file.poll_read_at(cx, &mut buf[*filled..], at))?;
            if count == 0 {
                let message = format!(
                    "the file ended after {filled} of {} expected bytes",
                    buf.len()
                );
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, message)));
            }
            *filled += count;
        }
        Poll::Ready(Ok(()))
    }
}

/// Moves everything up to the end into `out`.
fn poll_to_end(
    file: &mut File,
    cx: &mut Context<'_>,
    out: &mut Vec<u8>,
    count: &mut usize,
    at: Caller,
) -> Poll<io::Result<()>> {
    caller::within(at, || {
        loop {
            let piece = ready!(Pin::new(&mut *file).poll_fill_buf(cx))?;
            let length = piece.len();
            if length == 0 {
                return Poll::Ready(Ok(()));
            }
            out.extend_from_slice(piece);
            *count += length;
            Pin::new(&mut *file).consume(length);
        }
    })
}

impl Future for ReadToEnd<'_> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self {
            file,
            out,
            count,
            at,
        } = self.get_mut();
        ready!(poll_to_end(file, cx, out, count, at))?;
        Poll::Ready(Ok(*count))
    }
}

impl Future for ReadToString<'_> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self {
            file,
            out,
            bytes,
            at,
        } = self.get_mut();
        ready!(poll_to_end(file, cx, bytes, &mut 0, at))?;
        match std::str::from_utf8(bytes) {
            Ok(text) => out.push_str(text),
            Err(error) => {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, error)));
            }
        }
        Poll::Ready(Ok(bytes.len()))
    }
}

impl Future for Write<'_> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { file, buf, at } = self.get_mut();
        file.poll_write_at(cx, buf, at)
    }
}

impl Future for WriteAll<'_> {
    type Output = io::Result<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { file, rest, at } = self.get_mut();
        while !rest.is_empty() {
            let count = ready!(file.poll_write_at(cx, rest, at))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            *rest = &rest[count..];
        }
        Poll::Ready(Ok(()))
    }
}

impl Future for Seek<'_> {
    type Output = io::Result<u64>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { file, to, at } = self.get_mut();
        file.poll_seek_at(cx, *to, at)
    }
}
