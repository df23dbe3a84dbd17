//! B.5 of the second list: streams that claim to have taken or given more than they were handed.
//!
//! Looked at: what polls a stream of somebody else's: `copy`, `copy_bidirectional`, `Writer`
//! (drain, feed, write_all, close, its `AsyncWrite`), `Reader` (read, read_exact, read_until,
//! read_line, read_to_end, its `AsyncBufRead`), `Compat` and `hyper::Io` both ways
//! (`net/tests/faults_adapters.rs`). The halves of `io::split` pass counts on to one of these.
//! Sockets, pipes, files and children are the system's.
#![cfg(feature = "net")]

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use myrt::io::{AsyncBufRead, AsyncRead, AsyncWrite, Reader, Writer, copy, copy_bidirectional};

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
fn b5_copy_believes_no_count_beyond_its_buffer() {
    myrt::run(async {
        is_told("writer", copy(&b"some bytes"[..], Liar).await);
        is_told("reader", copy(Liar, Vec::new()).await);
        is_told("reader", copy_bidirectional(&mut Liar, &mut Liar).await);
    });
}

#[test]
fn b5_a_writer_believes_no_count_beyond_its_queue() {
    myrt::run(async {
        let mut writer = Writer::with_high_water(1, Liar);
        is_told("writer", writer.write_all(b"bytes").await);
        is_told("writer", writer.drain().await);
        is_told("writer", writer.feed(b"more").await);
        is_told("writer", writer.shutdown().await);
        assert_eq!(writer.queued(), 9, "what is in doubt stays");
        let mut plain = pin!(Writer::new(Liar));
        is_told(
            "writer",
            poll_fn(|cx| plain.as_mut().poll_write(cx, b"x")).await,
        );
        is_told("writer", writer.close().await);
    });
}

#[test]
fn b5_a_reader_believes_no_count_beyond_its_buffer() {
    myrt::run(async {
        let (mut small, mut large) = (vec![0; 7], vec![0; 1 << 16]);
        let mut reader = Reader::new(Liar);
        is_told("reader", reader.read(&mut small).await);
        is_told("reader", reader.read(&mut large).await);
        is_told("reader", reader.read_exact(&mut small).await);
        is_told("reader", reader.read_line(&mut String::new()).await);
        is_told("reader", reader.read_to_end(&mut Vec::new()).await);
        let mut reader = pin!(reader);
        let filled = poll_fn(|cx| reader.as_mut().poll_fill_buf(cx).map_ok(<[u8]>::len));
        is_told("reader", filled.await);
    });
}
