//! Faults of files that were found from outside: C.1 to C.3 of the second list. A refused operation
//! moves nothing, what cannot seek has two directions, and handles outlive a runtime.
//!
//! Looked at. C.1: what gives up bytes or a position before the operation that needs it has
//! succeeded: `File`'s seek, write and `into_std`, `Reader::into_inner`, `send_file` (takes no
//! position), `Stdin`. C.2: what a `File` may be around: regular files, FIFOs, eventfds (which take
//! any seek), terminals. C.3: every handle that belongs to a runtime: jobs of net on the pool
//! (`File`, `fs::Job`, `ReadDir`, `LookupHost`, `SendFile`, `Stdout`), descriptors (`Async`, so
//! sockets, `Ready`, `Signal`, `Child`), `Sleep` and `Interval`, `JoinHandle` and `Cancel`. A
//! `JoinSet` ends with its runtime.
#![cfg(all(feature = "fs", feature = "process"))]

use std::future::Future;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::pin::pin;
use std::process::Stdio;
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};

use myrt::fs::File;
use myrt::io::{AsyncBufRead, AsyncBufReadExt};
use myrt::time::{Duration, timeout};

/// A file with content, gone at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str, content: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("myrt-faults-{}-{name}", std::process::id()));
        std::fs::write(&path, content).unwrap();
        Self(path)
    }

    fn open(&self) -> File {
        let options = std::fs::OpenOptions::new().read(true).write(true).clone();
        File::from_std(options.open(&self.0).unwrap())
    }

    fn content(&self) -> String {
        std::fs::read_to_string(&self.0).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Polls once, and gives it up if it is not ready.
fn begin_and_give_up(future: impl Future) {
    let _ = pin!(future).poll(&mut Context::from_waker(Waker::noop()));
}

/// All threads of the pool are at something that only `release` ends, so that a job that is begun
/// stays in the queue.
struct FullPool {
    _release: Vec<mpsc::Sender<()>>,
}

impl FullPool {
    /// Inside of a runtime.
    fn new() -> Self {
        let blockers = (0..512).map(|_| {
            let (release, wait) = mpsc::channel::<()>();
            drop(myrt::spawn_blocking(move || wait.recv()));
            release
        });
        Self {
            _release: blockers.collect(),
        }
    }
}

#[test]
fn c1_a_refused_seek_moves_nothing() {
    let refused = [
        SeekFrom::Current(-5),
        SeekFrom::Current(i64::MIN),
        SeekFrom::End(-1000),
        SeekFrom::End(i64::MIN),
        SeekFrom::Start(u64::MAX),
        SeekFrom::Start(1 << 63),
    ];
    for (number, to) in refused.into_iter().enumerate() {
        let scratch = Scratch::new(&format!("seek-{number}"), b"0123456789");
        myrt::run(async {
            let mut file = scratch.open();
            let mut byte = [0];
            file.read_exact(&mut byte).await.unwrap();
            assert!(file.seek(to).await.is_err(), "{to:?}");
            assert_eq!(file.buffer(), b"123456789", "{to:?}");
            assert_eq!(file.seek(SeekFrom::Current(0)).await.unwrap(), 1, "{to:?}");
            file.read_exact(&mut byte).await.unwrap();
            assert_eq!(byte, *b"1");
            assert!(file.seek(to).await.is_err(), "{to:?}");
            file.write_all(b"X").await.unwrap();
            file.read_exact(&mut byte).await.unwrap();
            assert_eq!(byte, *b"3");
            begin_and_give_up(file.seek(to));
            let mut std = file.into_std().await.unwrap();
            assert_eq!(std.stream_position().unwrap(), 4, "{to:?}");
        });
        assert_eq!(scratch.content(), "01X3456789", "{to:?}");
    }
}

#[test]
fn c1_a_refused_seek_that_was_given_up_moves_nothing() {
    let scratch = Scratch::new("given-up-seek", b"0123456789");
    myrt::run(async {
        let mut file = scratch.open();
        file.read_exact(&mut [0]).await.unwrap();
        begin_and_give_up(file.seek(SeekFrom::End(-100)));
        file.write_all(b"X").await.unwrap();
        begin_and_give_up(file.seek(SeekFrom::Start(5)));
        file.write_all(b"Y").await.unwrap();
    });
    assert_eq!(scratch.content(), "0X234Y6789");
}

#[test]
fn c1_a_refused_write_moves_nothing() {
    let scratch = Scratch::new("write", b"0123456789");
    myrt::run(async {
        let mut file = File::open(&scratch.0).await.unwrap();
        let mut byte = [0];
        file.read_exact(&mut byte).await.unwrap();
        assert!(file.write_all(b"X").await.is_err());
        file.read_exact(&mut byte).await.unwrap();
        assert_eq!(byte, *b"1");
        assert_eq!(file.seek(SeekFrom::Current(0)).await.unwrap(), 2);
    });
    assert_eq!(scratch.content(), "0123456789");
}

/// A `File` around one end of a socket pair, which cannot seek, and its peer.
fn unseekable() -> (File, UnixStream) {
    let (ours, peer) = UnixStream::pair().unwrap();
    (File::from_std(OwnedFd::from(ours).into()), peer)
}

#[test]
fn c2_a_write_after_a_partial_read_keeps_what_was_read_ahead() {
    let (mut file, mut peer) = unseekable();
    peer.write_all(b"abc").unwrap();
    myrt::run(async {
        let mut byte = [0];
        file.read_exact(&mut byte).await.unwrap();
        assert_eq!(file.buffer(), b"bc");
        file.write_all(b"answer").await.unwrap();
        assert!(file.seek(SeekFrom::Current(0)).await.is_err());
        assert!(file.seek(SeekFrom::Start(0)).await.is_err());
        let mut rest = [0; 2];
        file.read_exact(&mut rest).await.unwrap();
        assert_eq!(&rest, b"bc");
    });
    let mut answer = [0; 6];
    peer.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"answer");
}

#[test]
fn c2_a_write_does_not_wait_for_a_read_that_was_given_up() {
    let (mut file, mut peer) = unseekable();
    myrt::run(async {
        begin_and_give_up(file.read(&mut [0]));
        file.write_all(b"question").await.unwrap();
        let mut question = [0; 8];
        peer.read_exact(&mut question).unwrap();
        assert_eq!(&question, b"question");
        peer.write_all(b"answer").unwrap();
        let mut answer = [0; 6];
        file.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"answer");
    });
}

#[test]
fn c2_a_device_that_takes_any_seek_has_two_directions() {
    let Ok(zero) = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/zero")
    else {
        return; // a system without it
    };
    myrt::run(async {
        let mut file = File::from_std(zero);
        file.read_exact(&mut [0]).await.unwrap();
        let ahead = file.buffer().len();
        assert!(ahead > 0);
        file.write_all(b"gone").await.unwrap();
        assert_eq!(file.buffer().len(), ahead);
    });
}

#[test]
fn c3_a_job_that_never_ran_is_done_in_the_next_runtime() {
    let scratch = Scratch::new("queued", b"0123456789");
    let names = [0, 1, 2].map(|n| Scratch::new(&format!("queued-{n}"), b""));
    let (mut reading, mut writing, mut seeking) = (scratch.open(), scratch.open(), scratch.open());
    let mut opening = pin!(File::open(&names[0].0));
    let mut looking = pin!(myrt::net::lookup_host("localhost:80"));
    let pool = myrt::run(async {
        let pool = FullPool::new();
        begin_and_give_up(reading.read(&mut [0]));
        begin_and_give_up(writing.write(b"AAA"));
        begin_and_give_up(seeking.seek(SeekFrom::Start(7)));
        begin_and_give_up(opening.as_mut());
        begin_and_give_up(looking.as_mut());
        pool
    });
    drop(pool);
    myrt::run(async {
        let mut bytes = [0; 2];
        reading.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"01");
        writing.write_all(b"BBB").await.unwrap();
        seeking.seek(SeekFrom::Start(7)).await.unwrap();
        seeking.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"78");
        // A future that was begun and whose job never ran says so, and no more.
        assert!(opening.await.is_err());
        assert!(looking.await.is_err());
    });
    assert_eq!(scratch.content(), "BBB3456789");
}

#[test]
fn c3_a_job_that_runs_on_is_heard_in_the_next_runtime() {
    let (mut file, mut peer) = unseekable();
    myrt::run(async {
        begin_and_give_up(file.read(&mut [0]));
        // Some other job has begun later and is through, so this one is on its thread by now, or
        // ahead of it in the queue.
        myrt::spawn_blocking(|| ()).await.unwrap();
        let begun = || myrt::task::blocking_pool().queued_jobs == 0;
        while !begun() {
            myrt::task::yield_now().await;
        }
    });
    peer.write_all(b"abc").unwrap();
    myrt::run(async {
        let mut bytes = [0; 3];
        file.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"abc");
        begin_and_give_up(file.read(&mut [0]));
    });
    peer.write_all(b"d").unwrap();
    let std = myrt::run(async move {
        let consumed = std::future::poll_fn(|cx| {
            let mut file = pin!(&mut file);
            let Poll::Ready(ahead) = file.as_mut().poll_fill_buf(cx) else {
                return Poll::Pending;
            };
            let count = ahead.unwrap().len();
            file.consume(count);
            Poll::Ready(count)
        });
        assert_eq!(consumed.await, 1);
        file.into_std().await.unwrap()
    });
    drop(std);
}

#[test]
fn c3_timers_and_handles_of_tasks_go_on_in_the_next_runtime() {
    let (mut sleep, mut tick, handle, cancel) = myrt::run(async {
        let mut sleep = Box::pin(myrt::time::sleep(Duration::from_millis(5)));
        let mut tick = myrt::time::interval(Duration::from_millis(5));
        tick.tick().await;
        begin_and_give_up(sleep.as_mut());
        begin_and_give_up(tick.tick());
        let handle = myrt::spawn(std::future::pending::<()>());
        let other = myrt::spawn(myrt::finally(std::future::pending::<()>(), async || {
            myrt::task::yield_now().await;
        }));
        myrt::task::yield_now().await;
        (sleep, tick, handle, other.cancel())
    });
    myrt::run(async {
        sleep.as_mut().await;
        tick.tick().await;
        tick.tick().await;
        let error = handle.await.unwrap_err();
        assert!(error.is_cancelled());
        assert_eq!(error.reason(), Some("its runtime has ended"));
        cancel.await;
    });
}

#[test]
fn c3_descriptors_go_on_in_the_next_runtime() {
    let (ours, peer) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    let stream = myrt::net::UnixStream::from_std(ours).unwrap();
    // What goes on in the next runtime has not left this one.
    let careless = || {
        let builder = myrt::runtime::Builder::new().lints(myrt::runtime::Lints::Off);
        builder.build().unwrap()
    };
    let first = careless();
    let (mut child, stdin, mut signal) = first.block_on(async {
        let kind = myrt::signal::unix::SignalKind::user_defined2();
        let mut signal = myrt::signal::unix::signal(kind).unwrap();
        let mut child = myrt::process::Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take();
        let short = Duration::from_millis(1);
        assert!(timeout(short, stream.read(&mut [0])).await.is_err());
        assert!(timeout(short, child.wait()).await.is_err());
        assert!(timeout(short, signal.recv()).await.is_err());
        (child, stdin, signal)
    });
    drop(first);
    (&peer).write_all(b"x").unwrap();
    careless().block_on(async {
        let mut byte = [0];
        assert_eq!(stream.read(&mut byte).await.unwrap(), 1);
        drop(stdin);
        assert!(child.wait().await.unwrap().success());
        let kill = std::process::Command::new("kill")
            .args(["-USR2", &std::process::id().to_string()])
            .status();
        assert!(kill.unwrap().success());
        assert!(signal.recv().await.is_some());
    });
    // Lines over what cannot seek need no other buffer.
    let (file, mut peer) = unseekable();
    peer.write_all(b"a line\n").unwrap();
    myrt::run(async move {
        let (mut file, mut line) = (file, String::new());
        file.read_line(&mut line).await.unwrap();
        assert_eq!(line, "a line\n");
    });
}
