//! Faults of issue 11, part H: streams, channels and their handles.
//!
//! Looked at for H.1: every method of the extension traits and of `BufReader`, against std's on the
//! same bytes, chunks and interrupts, and for errors half-way, which std's `lines` does not
//! outlive. For H.4: every list of wakers in the tree. For H.5 (no bytes to move): every read,
//! write, peek and try of sockets, pipes, children, duplex, files and readers; a datagram of no
//! bytes is one, so `recv` and `send` do wait. For H.2 (a sum that does not fit): `merge` and
//! `split` of both permits, `PermitIterator`, `RwLock`'s readers. For H.3 (an end that is said
//! before it was told): `oneshot::Receiver`, the only one with `is_terminated`. For H.6 (patterns):
//! each way to bind, in one branch and among others, with and without `biased`.

mod support;

use std::collections::VecDeque;
use std::io::{self, BufRead, IoSlice, IoSliceMut, Read};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use myrt::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use myrt::net::{TcpListener, TcpStream, UnixStream};
use myrt::stream::StreamExt;
use myrt::sync::{Semaphore, oneshot};
use support::{Counter, poll_with};

const MANY: usize = u32::MAX as usize;

#[test]
fn h2_permits_that_are_merged_beyond_32_bits_are_all_given_back() {
    let semaphore = Rc::new(Semaphore::new(3 * MANY));
    let mut all = semaphore.try_acquire_many(u32::MAX).unwrap();
    for _ in 0..2 {
        all.merge(semaphore.try_acquire_many(u32::MAX).unwrap());
    }
    assert_eq!(all.num_permits(), 3 * MANY);
    let part = all.split(2 * MANY).unwrap();
    assert_eq!((part.num_permits(), all.num_permits()), (2 * MANY, MANY));
    assert!(all.split(MANY + 1).is_none());
    drop(all);
    drop(part);
    assert_eq!(semaphore.available_permits(), 3 * MANY);

    let take = || {
        Rc::clone(&semaphore)
            .try_acquire_many_owned(u32::MAX)
            .unwrap()
    };
    let mut all = take();
    all.merge(take());
    all.merge(take());
    assert_eq!(all.num_permits(), 3 * MANY);
    let part = all.split(2 * MANY).unwrap();
    assert_eq!((part.num_permits(), all.num_permits()), (2 * MANY, MANY));
    all.forget();
    drop(part);
    assert_eq!(semaphore.available_permits(), 2 * MANY);
}

#[test]
fn h3_a_oneshot_is_terminated_once_its_receiver_was_told() {
    let mut cx = Context::from_waker(Waker::noop());
    // The sender is gone.
    let (sender, receiver) = oneshot::channel::<u8>();
    let mut receiver = pin!(receiver);
    assert!(!receiver.is_terminated());
    drop(sender);
    assert!(!receiver.is_terminated());
    assert!(receiver.as_mut().poll(&mut cx).is_ready());
    assert!(receiver.is_terminated());
    // A message was sent.
    let (sender, receiver) = oneshot::channel();
    let mut receiver = pin!(receiver);
    sender.send(1).unwrap();
    assert!(!receiver.is_terminated());
    assert!(receiver.as_mut().poll(&mut cx).is_ready());
    assert!(receiver.is_terminated());
    // The receiver has closed it itself.
    let (_sender, mut receiver) = oneshot::channel::<u8>();
    receiver.close();
    assert!(!receiver.is_terminated());
    assert_eq!(
        receiver.try_recv(),
        Err(oneshot::error::TryRecvError::Closed)
    );
    assert!(receiver.is_terminated());
    // Nothing has come yet, then it was taken without an await.
    let (sender, mut receiver) = oneshot::channel();
    assert_eq!(
        receiver.try_recv(),
        Err(oneshot::error::TryRecvError::Empty)
    );
    assert!(!receiver.is_terminated());
    sender.send(2).unwrap();
    assert_eq!(receiver.try_recv(), Ok(2));
    assert!(receiver.is_terminated());
}

/// Not `Copy`, so that a pattern that moves it where it should not does not compile.
#[derive(Debug, PartialEq)]
struct Word(String);

fn word() -> Word {
    Word(String::from("word"))
}

#[test]
fn h6_select_takes_every_pattern_that_a_match_takes() {
    myrt::run(async {
        let long = myrt::select! {
            Some(ref mut word) = async { Some(word()) } => {
                word.0.push('s');
                word.0.len()
            }
            else => 0,
        };
        assert_eq!(long, 5);
        let seen = myrt::select! {
            biased;
            Err(ref mut wrong) = async { Ok::<_, Word>(word()) } => std::mem::take(&mut wrong.0),
            Ok(ref mut right) = async { Ok::<_, Word>(word()) } => {
                right.0.insert(0, 's');
                std::mem::take(&mut right.0)
            },
            else => String::new(),
        };
        assert_eq!(seen, "sword");
        let (left, right) = myrt::select! {
            (ref mut left, mut right) = async { (word(), word()) } => {
                left.0.clear();
                right.0.push('y');
                (std::mem::take(&mut left.0), right)
            }
        };
        assert_eq!((left.as_str(), right.0.as_str()), ("", "wordy"));
        let bound = myrt::select! {
            whole @ Some(_) = async { Some(word()) } => whole,
            else => None,
        };
        assert_eq!(bound, Some(word()));
        let by_ref = myrt::select! {
            Some(ref word) = async { Some(word()) } => word.0.len(),
            else => 0,
        };
        assert_eq!(by_ref, 4);
        let any = myrt::select! {
            1 | 2 = async { 2 } => "few",
            3.. = async { 2 } => "many",
            else => "none",
        };
        assert_eq!(any, "few");
        let mut text = word();
        let lent = myrt::select! {
            Word(inner) = async { &mut text } => {
                inner.push('!');
                inner.len()
            }
        };
        assert_eq!((lent, text.0.as_str()), (5, "word!"));
    });
}

/// What a stream gives, step by step; the same for std and for myrt.
#[derive(Clone, Debug)]
enum Step {
    Bytes(Vec<u8>),
    Interrupted,
    Broken,
    /// For myrt: it waits once.
    Later,
}

#[derive(Clone, Debug)]
struct Script(VecDeque<Step>);

impl Script {
    fn step(&mut self, buf: &mut [u8]) -> Option<io::Result<usize>> {
        Some(match self.0.pop_front() {
            None => Ok(0),
            Some(Step::Interrupted) => Err(io::ErrorKind::Interrupted.into()),
            Some(Step::Broken) => Err(io::ErrorKind::ConnectionReset.into()),
            Some(Step::Later) => return None,
            Some(Step::Bytes(mut bytes)) => {
                let count = bytes.len().min(buf.len());
                buf[..count].copy_from_slice(&bytes[..count]);
                let rest = bytes.split_off(count);
                if !rest.is_empty() {
                    self.0.push_front(Step::Bytes(rest));
                }
                Ok(count)
            }
        })
    }
}

impl Read for Script {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(result) = self.step(buf) {
                return result;
            }
        }
    }
}

impl AsyncRead for Script {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match self.step(buf) {
            Some(result) => Poll::Ready(result),
            None => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }
}

/// A generator with a seed, so that a failure can be had again.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn below(&mut self, count: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % count
    }

    /// A text with line ends and, sometimes, bytes that are none, in chunks; interrupts and waits
    /// between, an error sometimes.
    fn script(&mut self) -> Script {
        let mut steps = VecDeque::new();
        for _ in 0..self.below(12) {
            let mut bytes = Vec::new();
            for _ in 0..=self.below(9) {
                match self.below(24) {
                    0..=4 => bytes.push(b'\n'),
                    5 => bytes.extend(b"\r\n"),
                    6 => bytes.extend("é".as_bytes()),
                    7 if self.below(3) == 0 => bytes.push(0xff),
                    _ => bytes.push(b'a' + self.below(26) as u8),
                }
            }
            // A chunk may end within a letter.
            let cut = self.below(bytes.len() as u64 + 1) as usize;
            for part in [&bytes[..cut], &bytes[cut..]] {
                match self.below(40) {
                    0..=5 => steps.push_back(Step::Interrupted),
                    6..=11 => steps.push_back(Step::Later),
                    12 => steps.push_back(Step::Broken),
                    _ => {}
                }
                if !part.is_empty() {
                    steps.push_back(Step::Bytes(part.to_vec()));
                }
            }
        }
        Script(steps)
    }
}

/// An outcome that can be compared.
fn told<T>(result: io::Result<T>) -> Result<T, io::ErrorKind> {
    result.map_err(|error| error.kind())
}

const SCRIPTS: u64 = 1000;

#[test]
fn h1_reads_do_as_std_does_on_random_chunks_errors_and_interrupts() {
    myrt::run(async {
        for seed in 1..SCRIPTS {
            let mut random = Random::new(seed);
            let script = random.script();
            let (mut theirs, mut ours) = (script.clone(), script.clone());
            let (mut a, mut b) = (b"before".to_vec(), b"before".to_vec());
            let right = told(Read::read_to_end(&mut theirs, &mut a));
            assert_eq!(
                told(AsyncReadExt::read_to_end(&mut ours, &mut b).await),
                right
            );
            assert_eq!(a, b, "read_to_end, seed {seed}");

            let (mut theirs, mut ours) = (script.clone(), script.clone());
            let (mut a, mut b) = (String::from("before"), String::from("before"));
            let right = told(Read::read_to_string(&mut theirs, &mut a));
            let got = told(AsyncReadExt::read_to_string(&mut ours, &mut b).await);
            assert_eq!((got, b), (right, a), "read_to_string, seed {seed}");

            let (mut theirs, mut ours) = (script.clone(), script.clone());
            let length = random.below(20) as usize;
            let (mut a, mut b) = (vec![0; length], vec![0; length]);
            let right = told(Read::read_exact(&mut theirs, &mut a));
            assert_eq!(
                told(AsyncReadExt::read_exact(&mut ours, &mut b).await),
                right
            );
            if right.is_ok() {
                assert_eq!(a, b, "read_exact, seed {seed}");
            }

            let right: Vec<_> = Read::bytes(script.clone()).take(200).map(told).collect();
            let got: Vec<_> = AsyncReadExt::bytes(script)
                .take(200)
                .map(told)
                .collect()
                .await;
            assert_eq!(got, right, "bytes, seed {seed}");
        }
    });
}

#[test]
fn h1_buffered_reads_do_as_std_does_on_random_chunks_errors_and_interrupts() {
    myrt::run(async {
        for seed in 1..SCRIPTS {
            let mut random = Random::new(seed);
            let (script, room) = (random.script(), random.below(9) as usize + 1);
            let mut theirs = io::BufReader::with_capacity(room, script.clone());
            let mut ours = BufReader::with_capacity(room, script);
            // Never cleared: each call appends.
            let (mut a, mut b) = (Vec::new(), Vec::new());
            let (mut text_a, mut text_b) = (String::new(), String::new());
            for call in 0..40 {
                if random.below(2) == 0 {
                    let right = told(theirs.read_until(b'\n', &mut a));
                    let got = told(AsyncBufReadExt::read_until(&mut ours, b'\n', &mut b).await);
                    assert_eq!(
                        (got, &b),
                        (right, &a),
                        "read_until, seed {seed}, call {call}"
                    );
                } else {
                    let right = told(theirs.read_line(&mut text_a));
                    let got = told(AsyncBufReadExt::read_line(&mut ours, &mut text_b).await);
                    let (right, got) = ((right, &text_a), (got, &text_b));
                    assert_eq!(got, right, "read_line, seed {seed}, call {call}");
                }
            }
        }
    });
}

#[test]
fn h1_lines_and_pieces_are_those_of_std_and_outlive_an_error_half_way() {
    myrt::run(async {
        for seed in 1..SCRIPTS {
            let mut random = Random::new(seed);
            let (script, room) = (random.script(), random.below(9) as usize + 1);
            // std loses what came of a line before an error; so it is compared with the script
            // without the errors.
            let whole = script.0.iter().filter(|step| !matches!(step, Step::Broken));
            let whole = Script(whole.cloned().collect());
            let broken = script.0.len() - whole.0.len();
            let theirs = io::BufReader::with_capacity(room, whole.clone());
            let right: Vec<_> = BufRead::lines(theirs).map(told).collect();
            let ours = BufReader::with_capacity(room, script.clone());
            let got: Vec<_> = AsyncBufReadExt::lines(ours).map(told).collect().await;
            let reset = Err(io::ErrorKind::ConnectionReset);
            assert_eq!(got.iter().filter(|line| **line == reset).count(), broken);
            let got: Vec<_> = got.into_iter().filter(|line| *line != reset).collect();
            assert_eq!(got, right, "lines, seed {seed}");

            let theirs = io::BufReader::with_capacity(room, whole);
            let right: Vec<_> = BufRead::split(theirs, b'a').map(told).collect();
            let ours = BufReader::with_capacity(room, script);
            let got: Vec<_> = AsyncBufReadExt::split(ours, b'a').map(told).collect().await;
            let got: Vec<_> = got.into_iter().filter(Result::is_ok).collect();
            assert_eq!(got, right, "split, seed {seed}");
        }
    });
}

#[test]
fn h1_bytes_that_are_no_utf8_are_in_the_error() {
    myrt::run(async {
        let bytes_of = |error: io::Error| {
            let inner = error.into_inner().unwrap();
            inner
                .downcast::<std::string::FromUtf8Error>()
                .unwrap()
                .into_bytes()
        };
        let mut reader = BufReader::new(&b"a\xffb\nnext\n\xfe"[..]);
        let mut text = String::from("kept");
        let error = AsyncBufReadExt::read_line(&mut reader, &mut text)
            .await
            .unwrap_err();
        assert_eq!(
            (bytes_of(error), text.as_str()),
            (b"a\xffb\n".to_vec(), "kept")
        );
        assert_eq!(
            AsyncBufReadExt::read_line(&mut reader, &mut text)
                .await
                .unwrap(),
            5
        );
        assert_eq!(text, "keptnext\n");
        let error = AsyncReadExt::read_to_string(&mut reader, &mut text)
            .await
            .unwrap_err();
        assert_eq!(
            (bytes_of(error), text.as_str()),
            (b"\xfe".to_vec(), "keptnext\n")
        );
    });
}

#[test]
fn h1_a_buffer_without_capacity_reads_what_there_is() {
    myrt::run(async {
        let mut reader = BufReader::with_capacity(0, &b"line\nrest"[..]);
        let mut text = String::new();
        assert_eq!(
            AsyncBufReadExt::read_line(&mut reader, &mut text)
                .await
                .unwrap(),
            5
        );
        assert_eq!(AsyncBufReadExt::fill_buf(&mut reader).await.unwrap(), b"r");
        AsyncBufReadExt::consume(&mut reader, 1);
        AsyncReadExt::read_to_string(&mut reader, &mut text)
            .await
            .unwrap();
        assert_eq!(text, "line\nest");
    });
}

/// Takes a byte at a time, interrupted each time before.
struct Slow {
    taken: Vec<u8>,
    interrupted: bool,
    claims: usize,
}

impl AsyncWrite for Slow {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.interrupted = !self.interrupted;
        if self.interrupted {
            return Poll::Ready(Err(io::ErrorKind::Interrupted.into()));
        }
        self.taken.push(buf[0]);
        Poll::Ready(Ok(1 + self.claims))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[test]
fn h1_a_write_that_is_interrupted_is_made_again_and_a_false_count_is_an_error() {
    myrt::run(async {
        let slow = |claims| Slow {
            taken: Vec::new(),
            interrupted: false,
            claims,
        };
        let mut honest = slow(0);
        AsyncWriteExt::write_all(&mut honest, b"all of it")
            .await
            .unwrap();
        assert_eq!(honest.taken, b"all of it");
        let error = AsyncWriteExt::write_all(&mut slow(7), b"all")
            .await
            .unwrap_err();
        assert!(error.to_string().contains("claims"), "{error}");
    });
}

#[test]
fn h4_a_read_of_standard_input_that_was_given_up_leaves_no_waker() {
    myrt::run(async {
        let (counter, waker) = Counter::new();
        // Whether it waits depends on what this test's standard input is; it is left alone all the
        // same.
        for _ in 0..100 {
            let mut stdin = myrt::io::stdin();
            let mut buf = [];
            assert!(poll_with(&mut stdin.read(&mut buf), &waker).is_ready());
        }
        assert_eq!(Arc::strong_count(&counter), 2);
    });
}

#[test]
fn h4_who_gives_up_waiting_for_a_server_leaves_no_waker() {
    myrt::run(async {
        let server = myrt::start_server("127.0.0.1:0", async |_, _| {})
            .await
            .unwrap();
        let (counter, waker) = Counter::new();
        for _ in 0..100 {
            assert!(poll_with(&mut server.wait_closed(), &waker).is_pending());
        }
        assert_eq!(Arc::strong_count(&counter), 2);
        server.close();
        server.wait_closed().await;
    });
}

/// That reads into no room, and writes of nothing, are ready although the stream is idle and full.
async fn nothing_is_ready<S: AsyncRead + AsyncWrite + Unpin>(what: &str, mut stream: S) {
    let read = AsyncReadExt::read(&mut stream, &mut []).await;
    assert_eq!(read.unwrap(), 0, "{what}");
    let mut none = [IoSliceMut::new(&mut []), IoSliceMut::new(&mut [])];
    let read = AsyncReadExt::read_vectored(&mut stream, &mut none).await;
    assert_eq!(read.unwrap(), 0, "{what}");
    AsyncReadExt::read_exact(&mut stream, &mut [])
        .await
        .unwrap();
    assert_eq!(
        AsyncWriteExt::write(&mut stream, &[]).await.unwrap(),
        0,
        "{what}"
    );
    let wrote = AsyncWriteExt::write_vectored(&mut stream, &[IoSlice::new(&[])]).await;
    assert_eq!(wrote.unwrap(), 0, "{what}");
    AsyncWriteExt::write_all(&mut stream, &[]).await.unwrap();
}

/// The same of a socket's own methods.
macro_rules! nothing_is_ready {
    ($stream:expr) => {{
        let stream = $stream;
        while stream.try_write(&[0; 65536]).is_ok() {}
        assert_eq!(stream.read(&mut []).await.unwrap(), 0);
        assert_eq!(
            stream
                .read_vectored(&mut [IoSliceMut::new(&mut [])])
                .await
                .unwrap(),
            0
        );
        stream.read_exact(&mut []).await.unwrap();
        assert_eq!(stream.try_read(&mut []).unwrap(), 0);
        assert_eq!(stream.write(&[]).await.unwrap(), 0);
        assert_eq!(
            stream.write_vectored(&[IoSlice::new(&[])]).await.unwrap(),
            0
        );
        stream.write_all(&[]).await.unwrap();
        assert_eq!(stream.try_write(&[]).unwrap(), 0);
    }};
}

#[test]
fn h5_a_read_into_no_room_and_a_write_of_nothing_do_not_wait() {
    myrt::run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut tcp = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        nothing_is_ready!(&tcp);
        assert_eq!(tcp.peek(&mut []).await.unwrap(), 0);
        nothing_is_ready("tcp", &tcp).await;
        let (read, _write) = tcp.split();
        assert_eq!(read.read(&mut []).await.unwrap(), 0);
        assert_eq!(read.peek(&mut []).await.unwrap(), 0);
        let (unix, _peer) = UnixStream::pair().unwrap();
        nothing_is_ready!(&unix);
        nothing_is_ready("unix", unix).await;
        let (mut ours, _theirs) = myrt::io::duplex(1);
        ours.write_all(b"x").await.unwrap();
        nothing_is_ready("duplex", ours).await;
        let (ours, _theirs) = myrt::io::duplex(1);
        nothing_is_ready("buffered", BufReader::new(ours)).await;
        let (ours, _theirs) = myrt::io::duplex(1);
        let mut reader = myrt::io::Reader::new(ours);
        assert_eq!(reader.read(&mut []).await.unwrap(), 0);
        reader.read_exact(&mut []).await.unwrap();
    });
}
