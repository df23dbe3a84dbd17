//! `compat::Portable`: a stream of this loop's that other threads poll.
#![cfg(feature = "tokio-compat")]
#![allow(
    clippy::disallowed_methods,
    reason = "other threads are what is tested"
)]

use std::cell::Cell;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::mpsc;
use std::task::{Context, Poll};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use futures_lite::future::block_on;
use myrt::compat::Portable;
use myrt::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex};
use myrt::net::{TcpListener, TcpStream};
use myrt::runtime::{Builder, Runtime};
use myrt::time::sleep;
use myrt::{join, spawn};

const fn wants_any_thread<T: Send + Sync>(_: &T) {}

/// Awaits a thread without holding up the loop.
async fn ended<T: Send + 'static>(thread: JoinHandle<T>) -> thread::Result<T> {
    myrt::spawn_blocking(|| thread.join()).await.unwrap()
}

/// What both sides send: a byte for each place, so that nothing may be lost, doubled or moved.
fn pattern(len: usize) -> Vec<u8> {
    (0..len)
        .map(|at| (at ^ (at >> 8) ^ (at >> 16)) as u8)
        .collect()
}

/// Small random numbers (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }
}

/// Polls `future` a few times at most, each time when it was woken; then it is given up.
async fn a_few_polls<F: Future>(future: F, mut polls: u64) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if polls == 0 => Poll::Ready(None),
        Poll::Pending => {
            polls -= 1;
            Poll::Pending
        }
    })
    .await
}

#[myrt::test]
async fn at_home_it_is_the_stream_itself() {
    let (near, mut far) = duplex(64);
    let mut near = Portable::new(near);
    wants_any_thread(&near);
    near.write_all(b"here").await.unwrap();
    let mut buf = [0; 4];
    far.read_exact(&mut buf).await.unwrap();
    assert_eq!(&buf, b"here");
    assert!(near.get_ref().is_some() && near.get_mut().is_some());
    let task = myrt::task::all();
    assert_eq!(task.len(), 1, "no task does the work: {task:?}");
}

/// Sends and reads `len` bytes on two threads, in pieces of random length, giving operations up at
/// random.
fn abroad(
    stream: Portable<impl AsyncRead + AsyncWrite + Unpin + 'static>,
    len: usize,
) -> [JoinHandle<()>; 2] {
    // A lock of its own for each poll: either half may be on any thread.
    let (mut reader, mut writer) = futures_lite::io::split(stream);
    let writes = thread::spawn(move || {
        let (bytes, mut random, mut at) = (pattern(len), Random(11), 0);
        block_on(async {
            while at < len {
                let to = len.min(at + 1 + random.below(9000) as usize);
                let write = writer.write(&bytes[at..to]);
                if let Some(count) = a_few_polls(write, random.below(3)).await {
                    at += count.unwrap();
                }
                if random.below(20) == 0 {
                    let _ = a_few_polls(writer.flush(), random.below(3)).await;
                }
            }
            writer.close().await.unwrap();
        });
    });
    let reads = thread::spawn(move || {
        let (wanted, mut random, mut at) = (pattern(len), Random(12), 0);
        let mut buf = vec![0; 9000];
        block_on(async {
            loop {
                let most = 1 + random.below(9000) as usize;
                let read = reader.read(&mut buf[..most]);
                match a_few_polls(read, random.below(3)).await {
                    None => {}
                    Some(Ok(0)) => break,
                    Some(count) => {
                        let count = count.unwrap();
                        assert!(buf[..count] == wanted[at..at + count], "at {at}");
                        at += count;
                    }
                }
            }
        });
        assert_eq!(at, len);
    });
    [writes, reads]
}

/// The peer at home: sends the same and reads the same.
async fn peer(stream: impl AsyncRead + AsyncWrite + Unpin + 'static, len: usize) {
    let (mut reader, mut writer) = myrt::io::split(stream);
    let sends = async {
        writer.write_all(&pattern(len)).await.unwrap();
        writer.close().await.unwrap();
    };
    let reads = async {
        let mut got = Vec::new();
        reader.read_to_end(&mut got).await.unwrap();
        assert!(got == pattern(len), "{} bytes", got.len());
    };
    join!(sends, reads);
}

#[myrt::test]
async fn a_million_bytes_each_way_while_operations_are_given_up() {
    const LEN: usize = 1_000_000;
    // Queues of all sizes; one byte takes a million turns.
    for (capacity, len) in [(1, 2_000), (100, 20_000), (64 * 1024, LEN), (2 * LEN, LEN)] {
        let (near, far) = duplex(5000);
        let threads = abroad(Portable::with_capacity(capacity, near), len);
        peer(far, len).await;
        for thread in threads {
            ended(thread).await.unwrap();
        }
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (near, far) = join!(TcpStream::connect(address), listener.accept());
    let threads = abroad(Portable::new(near.unwrap()), LEN);
    peer(far.unwrap().0, LEN).await;
    for thread in threads {
        ended(thread).await.unwrap();
    }
}

#[myrt::test]
async fn writers_wait_while_nobody_reads() {
    const CAPACITY: usize = 1000;
    let (near, mut far) = duplex(500);
    let mut near = Portable::with_capacity(CAPACITY, near);
    let (tell, waits) = mpsc::channel();
    let thread = thread::spawn(move || {
        let bytes = pattern(50_000);
        let mut at = 0;
        block_on(poll_fn(|cx| {
            while at < bytes.len() {
                match Pin::new(&mut near).poll_write(cx, &bytes[at..]) {
                    Poll::Ready(count) => at += count.unwrap(),
                    Poll::Pending => {
                        let _ = tell.send(at);
                        return Poll::Pending;
                    }
                }
            }
            Poll::Ready(())
        }));
    });
    // It waits twice at least: for the task at home to be there, and for the peer.
    let accepted = myrt::spawn_blocking(move || {
        let mut most = waits.recv().unwrap();
        // What is taken of one queue, in the other, and in the pipe.
        while let Ok(at) = waits.recv_timeout(Duration::from_millis(50)) {
            most = at;
        }
        most
    });
    let accepted = accepted.await.unwrap();
    assert!(
        accepted <= 2 * CAPACITY + 500,
        "{accepted} bytes are on their way"
    );
    let mut got = Vec::new();
    far.read_to_end(&mut got).await.unwrap();
    assert!(got == pattern(50_000));
    ended(thread).await.unwrap();
}

#[myrt::test]
async fn a_peer_is_not_read_while_nobody_takes_what_came() {
    let (near, mut far) = duplex(100);
    let mut near = Portable::with_capacity(1000, near);
    let (go, wait) = mpsc::channel::<()>();
    let thread = thread::spawn(move || {
        let mut first = [0; 1];
        block_on(near.read_exact(&mut first)).unwrap();
        wait.recv().unwrap();
        let mut rest = Vec::new();
        block_on(near.read_to_end(&mut rest)).unwrap();
        rest.len()
    });
    let sent = Rc::new(Cell::new(0));
    let count = Rc::clone(&sent);
    let writer = spawn(async move {
        for byte in pattern(20_000) {
            far.write_all(&[byte]).await.unwrap();
            count.set(count.get() + 1);
        }
        far.close().await.unwrap();
    });
    // As long as anything moves.
    let mut before = usize::MAX;
    while before != sent.get() {
        before = sent.get();
        sleep(Duration::from_millis(20)).await;
    }
    assert!(
        sent.get() <= 1 + 1000 + 100,
        "{} bytes were taken",
        sent.get()
    );
    go.send(()).unwrap();
    assert_eq!(ended(thread).await.unwrap(), 19_999);
    writer.await.unwrap();
}

#[myrt::test]
async fn closing_one_direction_leaves_the_other() {
    let (near, mut far) = duplex(64);
    let mut near = Portable::new(near);
    let thread = thread::spawn(move || {
        block_on(async {
            near.write_all(b"question").await.unwrap();
            near.close().await.unwrap();
            near.close().await.unwrap(); // again: it is closed
            let error = near.write(b"more").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BrokenPipe);
            let mut answer = String::new();
            near.read_to_string(&mut answer).await.unwrap();
            answer
        })
    });
    let mut question = String::new();
    far.read_to_string(&mut question).await.unwrap();
    assert_eq!(question, "question");
    far.write_all(b"answer").await.unwrap();
    far.close().await.unwrap();
    assert_eq!(ended(thread).await.unwrap(), "answer");
}

/// A stream in the middle of its work abroad.
fn busy(
    near: DuplexStream,
    then: impl FnOnce(Portable<DuplexStream>) + Send + 'static,
) -> JoinHandle<()> {
    let mut near = Portable::new(near);
    thread::spawn(move || {
        block_on(async {
            let mut greeting = [0; 2];
            near.read_exact(&mut greeting).await.unwrap();
            near.write_all(&pattern(10_000)).await.unwrap();
        });
        then(near);
    })
}

#[test]
fn dropped_abroad_or_panicking_there_it_ends_after_what_was_written() {
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        for panics in [false, true] {
            let (near, mut far) = duplex(100);
            let thread = busy(near, move |_near| assert!(!panics, "as the test wants it"));
            far.write_all(b"hi").await.unwrap();
            let mut got = Vec::new();
            far.read_to_end(&mut got).await.unwrap();
            assert!(got == pattern(10_000));
            assert_eq!(ended(thread).await.is_err(), panics);
        }
        // Never polled there.
        let (near, mut far) = duplex(100);
        let near = Portable::new(near);
        ended(thread::spawn(move || drop(near))).await.unwrap();
        assert_eq!(far.read(&mut [0]).await.unwrap(), 0);
        myrt::yield_now().await;
        assert_eq!(myrt::task::all().len(), 1, "no task is left");
    });
}

#[test]
fn when_the_runtime_ends_what_came_can_be_read() {
    let (tell, told) = mpsc::channel::<()>();
    let runtime = Runtime::new().unwrap();
    let thread = runtime.block_on(async {
        let (near, mut far) = duplex(100);
        let mut near = Portable::new(near);
        let (came, heard) = mpsc::channel();
        let thread = thread::spawn(move || {
            let mut greeting = [0; 2];
            block_on(near.read_exact(&mut greeting)).unwrap();
            came.send(()).unwrap();
            told.recv().unwrap(); // the runtime has ended
            let read = block_on(near.read(&mut [0; 8])).unwrap_err();
            let write = block_on(near.write(b"more")).unwrap_err();
            let close = block_on(near.close()).unwrap_err();
            [read, write, close].map(|error| (error.kind(), error.to_string()))
        });
        far.write_all(b"hi").await.unwrap();
        myrt::spawn_blocking(move || heard.recv())
            .await
            .unwrap()
            .unwrap();
        thread
    });
    drop(runtime);
    tell.send(()).unwrap();
    for (kind, text) in thread.join().unwrap() {
        assert_eq!(kind, ErrorKind::BrokenPipe);
        assert_eq!(text, "the runtime that does this stream's I/O has ended");
    }
}

/// Gives three bytes, then fails or panics.
struct Broken {
    left: usize,
    panics: bool,
}

impl AsyncRead for Broken {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let count = self.left.min(buf.len());
        self.left -= count;
        buf[..count].fill(b'x');
        match (count, self.panics) {
            (1.., _) => Poll::Ready(Ok(count)),
            (0, true) => panic!("the stream is broken"),
            (0, false) => Poll::Ready(Err(io::Error::from(ErrorKind::ConnectionReset))),
        }
    }
}

impl AsyncWrite for Broken {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::Error::from(ErrorKind::StorageFull)))
    }
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[test]
fn errors_and_panics_at_home_are_told_abroad_after_the_bytes() {
    let unhandled = Rc::new(Cell::new(0));
    let count = Rc::clone(&unhandled);
    let runtime = Builder::new()
        .on_unhandled(move |_| count.set(count.get() + 1))
        .build()
        .unwrap();
    runtime.block_on(async {
        for (panics, read, write) in [
            (false, ErrorKind::ConnectionReset, ErrorKind::StorageFull),
            (true, ErrorKind::BrokenPipe, ErrorKind::BrokenPipe),
        ] {
            let mut near = Portable::new(Broken { left: 3, panics });
            let thread = thread::spawn(move || {
                block_on(async {
                    let mut got = Vec::new();
                    let error = near.read_to_end(&mut got).await.unwrap_err();
                    assert_eq!(
                        (got.as_slice(), error.kind()),
                        (&b"xxx"[..], read),
                        "{error}"
                    );
                    assert_eq!(error.to_string().contains("panicked"), panics, "{error}");
                    // The first write may still be taken into the queue; then the flush tells.
                    let told = match near.write(b"more").await {
                        Ok(_) => near.flush().await.unwrap_err(),
                        Err(error) => error,
                    };
                    assert_eq!(told.kind(), write);
                    assert_eq!(near.write(b"more").await.unwrap_err().kind(), write);
                });
            });
            ended(thread).await.unwrap();
        }
    });
    assert_eq!(unhandled.get(), 1, "the panic is reported at home");
}
