//! What every byte stream over a descriptor has in common, written once.
//!
//! The streams implement the traits for `&Stream`, since the kernel does the locking; the owned value and the halves forward to
//! that. It knows no particular stream.

/// Implements `AsyncRead` and `AsyncWrite` for `$type` through `&$type`.
macro_rules! by_reference {
    ($type:ty) => {
        $crate::stream::by_reference!(@read $type, [], |this| &mut &*this);
        $crate::stream::by_reference!(@write $type, [], |this| &mut &*this);
    };
    // For `&$type` itself, from the system's calls; `$io` is the `Async` inside. For streams whose short transfers mean nothing.
    (@system $type:ty, |$this:ident| $io:expr) => {
        impl futures_io::AsyncRead for &$type {
            #[track_caller]
            fn poll_read(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buf: &mut [u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let at = $crate::place::of(std::panic::Location::caller());
                let $this = self.get_mut();
                $io.poll_transfer(cx, $crate::leaf::Direction::Read, 0, at, |stream| $crate::calls::read(stream, buf))
            }

            #[track_caller]
            fn poll_read_vectored(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                bufs: &mut [std::io::IoSliceMut<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let at = $crate::place::of(std::panic::Location::caller());
                let $this = self.get_mut();
                $io.poll_transfer(cx, $crate::leaf::Direction::Read, 0, at, |stream| {
                    $crate::calls::read_vectored(stream, bufs)
                })
            }
        }

        impl futures_io::AsyncWrite for &$type {
            #[track_caller]
            fn poll_write(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buf: &[u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let at = $crate::place::of(std::panic::Location::caller());
                let $this = self.get_mut();
                $io.poll_transfer(cx, $crate::leaf::Direction::Write, 0, at, |stream| $crate::calls::write(stream, buf))
            }

            #[track_caller]
            fn poll_write_vectored(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                bufs: &[std::io::IoSlice<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let at = $crate::place::of(std::panic::Location::caller());
                let $this = self.get_mut();
                $io.poll_transfer(cx, $crate::leaf::Direction::Write, 0, at, |stream| {
                    $crate::calls::write_vectored(stream, bufs)
                })
            }

            /// Nothing to do: what was written is the system's.
            fn poll_flush(
                self: std::pin::Pin<&mut Self>,
                _: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                std::task::Poll::Ready(Ok(()))
            }

            /// Ends the direction of writing; reading goes on.
            fn poll_close(
                self: std::pin::Pin<&mut Self>,
                _: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                let $this = self.get_mut();
                std::task::Poll::Ready($crate::calls::shutdown($io.get_ref(), std::net::Shutdown::Write))
            }
        }
    };
    // `$through` turns the pinned `&mut Self` into a `&mut impl AsyncRead + Unpin`.
    (@read $type:ty, [$($generics:tt)*], |$this:ident| $through:expr) => {
        impl<$($generics)*> futures_io::AsyncRead for $type {
            #[inline]
            #[track_caller]
            fn poll_read(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buf: &mut [u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let $this = self.get_mut();
                futures_io::AsyncRead::poll_read(std::pin::Pin::new($through), cx, buf)
            }

            #[track_caller]
            fn poll_read_vectored(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                bufs: &mut [std::io::IoSliceMut<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let $this = self.get_mut();
                futures_io::AsyncRead::poll_read_vectored(std::pin::Pin::new($through), cx, bufs)
            }
        }
    };
    (@write $type:ty, [$($generics:tt)*], |$this:ident| $through:expr) => {
        impl<$($generics)*> futures_io::AsyncWrite for $type {
            #[inline]
            #[track_caller]
            fn poll_write(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buf: &[u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let $this = self.get_mut();
                futures_io::AsyncWrite::poll_write(std::pin::Pin::new($through), cx, buf)
            }

            #[track_caller]
            fn poll_write_vectored(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                bufs: &[std::io::IoSlice<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let $this = self.get_mut();
                futures_io::AsyncWrite::poll_write_vectored(std::pin::Pin::new($through), cx, bufs)
            }

            fn poll_flush(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                let $this = self.get_mut();
                futures_io::AsyncWrite::poll_flush(std::pin::Pin::new($through), cx)
            }

            fn poll_close(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                let $this = self.get_mut();
                futures_io::AsyncWrite::poll_close(std::pin::Pin::new($through), cx)
            }
        }
    };
}
pub(crate) use by_reference;
