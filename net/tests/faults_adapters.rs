//! B.5 of the second list: adapters pass no count on that is more than what was handed; see
//! `tests/faults_copy.rs`.
#![cfg(feature = "tokio-compat")]

mod common;

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use common::run;
use futures_io::{AsyncRead, AsyncWrite};
use myrt_net::compat::Compat;

/// Claims one byte more than it is handed, whichever way; nothing beyond that.
struct Liar;

impl AsyncRead for Liar {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buf.len() + 1))
    }
}

impl AsyncWrite for Liar {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buf.len() + 1))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bufs.iter().map(|buf| buf.len()).sum::<usize>() + 1))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[track_caller]
fn is_told<T: std::fmt::Debug>(which: &str, result: Result<T, impl ToString>) {
    let error = result.err().map(|error| error.to_string());
    let error = error.expect("the claim is an error");
    assert!(
        error.contains(&format!("a broken {which} claims")),
        "{error}"
    );
}

#[test]
fn b5_adapters_pass_no_count_on_beyond_what_was_handed() {
    use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};

    run(async {
        let mut compat = pin!(Compat::new(Liar));
        let mut bytes = [0; 16];
        let mut buf = ReadBuf::new(&mut bytes);
        is_told(
            "reader",
            poll_fn(|cx| compat.as_mut().poll_read(cx, &mut buf)).await,
        );
        is_told(
            "writer",
            poll_fn(|cx| compat.as_mut().poll_write(cx, b"x")).await,
        );
        let slices = [io::IoSlice::new(b"ab"), io::IoSlice::new(b"c")];
        is_told(
            "writer",
            poll_fn(|cx| compat.as_mut().poll_write_vectored(cx, &slices)).await,
        );
    });
}
