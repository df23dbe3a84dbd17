//! What the adapters to other crates' traits are made of: hyper's [`Io`](crate::hyper::Io) and
//! tokio's [`Compat`](crate::compat::Compat).
//!
//! Each stands between two families of traits that ask for the same things under other names. So a
//! stream is wrapped once, together with the line that a task waiting in it is shown at, and
//! writing is passed through once, whichever way it goes. What really differs, the reading, each
//! adapter does itself. It knows no trait but by the names it is given.

use std::panic::Location;
use std::pin::Pin;

use pin_project_lite::pin_project;

use crate::caller::{self, Caller};

pin_project! {
    /// A stream, and the line of the program that wrapped it.
    #[derive(Debug)]
    pub(crate) struct Adapter<T> {
        #[pin]
        stream: T,
        at: Caller,
    }
}

impl<T> Adapter<T> {
    #[track_caller]
    pub(crate) fn new(stream: T) -> Self {
        Self {
            stream,
            at: Location::caller(),
        }
    }

    pub(crate) const fn get_ref(&self) -> &T {
        &self.stream
    }

    pub(crate) const fn get_mut(&mut self) -> &mut T {
        &mut self.stream
    }

    pub(crate) fn into_inner(self) -> T {
        self.stream
    }

    /// Polls the stream; if the task waits in there, it waits at the line of the wrapper.
    #[inline]
    pub(crate) fn poll<'a, R>(
        self: Pin<&'a mut Self>,
        poll: impl FnOnce(Pin<&'a mut T>) -> R,
    ) -> R {
        let this = self.project();
        caller::within(this.at, || poll(this.stream))
    }
}

/// Implements the trait `$outer` for `$adapter<T>`, whose field `stream` is a [`Adapter`] `T`,
/// through the trait `$inner` of `T`. Of the methods all but the last is called the same
/// everywhere: `$close` in `$outer`, `$inner_close` in `$inner`. `$more` is what `$outer` has
/// beyond that.
macro_rules! write_through {
    (
        impl $outer:path { $close:ident } for $adapter:ident
        through $inner:path { $inner_close:ident }
        $({ $($more:tt)* })?
    ) => {
        impl<T: $inner> $outer for $adapter<T> {
            fn poll_write(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &[u8],
            ) -> Poll<io::Result<usize>> {
                let taken = self.project().stream.poll(|stream| stream.poll_write(cx, buf));
                taken.map(|count| crate::io::count::taken(count?, buf.len()))
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                let taken = self.project().stream.poll(|stream| stream.poll_write_vectored(cx, bufs));
                taken.map(|count| crate::io::count::taken(count?, bufs.iter().map(|buf| buf.len()).sum()))
            }

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.project().stream.poll(|stream| stream.poll_flush(cx))
            }

            fn $close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.project().stream.poll(|stream| stream.$inner_close(cx))
            }

            $($($more)*)?
        }
    };
}
pub(crate) use write_through;
