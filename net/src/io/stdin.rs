//! Standard input, without a thread that sits in a read and without touching the terminal's flags.
//!
//! Standard input is shared: with the shell that started the program, with its children, with
//! whatever else has the same open file. So `O_NONBLOCK` is out of the question (it would be set
//! for all of them, and a shell whose terminal has it misbehaves), and so is a thread that waits in
//! `read` (it would take the next line when nobody wants it any more, a child's perhaps). Instead a
//! read *waits for readiness*, which takes nothing and can be given up, *then* has a thread of the
//! blocking pool read what is there: between the two another process may have taken it, and then
//! the thread waits, not the loop. A regular file is always ready. What no selector takes (some
//! devices) is read on the pool at once.
//!
//! Threads of the pool never keep a program from ending.
//!
//! What was read and not asked for is kept here, for the process, not in the handle: dropping a
//! handle or a future loses nothing. It knows nothing of lines.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::Location;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use futures_io::AsyncRead;
use myrt_runtime::io::{Ready, readable};
use myrt_runtime::os::{self, PerProcess};
use myrt_runtime::task::{self, Wait};

use super::lines::Lines;
use super::reader::Reader;
use crate::caller::{self, Caller};

/// What a read takes from the system at most.
const PIECE: usize = 64 * 1024;

/// The program's standard input, with a buffer of its own that all handles share.
///
/// It is read from the descriptor, past the buffer of [`std::io::stdin`]: use one of them. It never
/// keeps the program from ending, and leaves the descriptor blocking, as the shell and children
/// expect it. Reading is **cancel safe**, and takes nothing from the system before somebody asks.
///
/// asyncio has `connect_read_pipe` for this, which makes the terminal non-blocking for everyone.
///
/// # Examples
///
/// ```no_run
/// use myrt::stream::StreamExt;
///
/// myrt::run(async {
///     let mut lines = myrt::io::stdin().lines();
///     while let Some(line) = lines.next().await {
///         println!("you said {:?}", line?);
///     }
///     # Ok::<(), myrt::io::ReadError>(())
/// }).unwrap();
/// ```
#[must_use]
pub fn stdin() -> Stdin {
    Stdin {
        wait: None,
        place: None,
    }
}

/// Standard input; see [`stdin`].
pub struct Stdin {
    /// A read has found nothing and waits.
    wait: Option<Ready<Input>>,
    /// Where this handle's waker is among those of [`Shared::waiting`].
    place: Option<u64>,
}

/// The descriptor.
#[derive(Debug)]
struct Input;

impl AsFd for Input {
    fn as_fd(&self) -> BorrowedFd<'_> {
        // The descriptor is open as long as the process is: std says so by not asking for a handle.
        STDIN.get_or_init(io::stdin).as_fd()
    }
}

static STDIN: std::sync::OnceLock<io::Stdin> = std::sync::OnceLock::new();

/// What the process has read and not asked for.
#[derive(Default)]
struct Shared {
    bytes: Vec<u8>,
    taken: usize,
    /// A job reads.
    reading: bool,
    /// The end, or a failure, that nobody was told of yet. After a terminal's end (Ctrl-D) more may
    /// come.
    told: Option<io::Result<()>>,
    /// By places, which those who give up or go give back.
    waiting: BTreeMap<u64, Waker>,
}

/// The child of a fork begins with nothing: what its parent has read and not asked for stays the
/// parent's, and a read that is under way there is no job here.
static SHARED: PerProcess<Mutex<Shared>> = PerProcess::new();

/// Numbers places; the child of a fork counts on, so that a handle which it took over has a number
/// of its own there, too.
static PLACES: AtomicU64 = AtomicU64::new(0);

fn shared() -> MutexGuard<'static, Shared> {
    let shared = SHARED.get().lock();
    shared.unwrap_or_else(PoisonError::into_inner)
}

impl Stdin {
    /// Reads what there is, at least one byte; `Ok(0)` is the end (after which a terminal may go
    /// on). **Cancel safe.**
    ///
    /// # Errors
    /// What the system says.
    #[track_caller]
    pub fn read<'a>(&'a mut self, buf: &'a mut [u8]) -> ReadStdin<'a> {
        ReadStdin {
            stdin: self,
            buf,
            at: Location::caller(),
        }
    }

    /// The lines as a stream, without their ends. The stream has read ahead when it is dropped:
    /// keep it, or take its [`reader`](Lines::into_reader) back.
    #[track_caller]
    pub fn lines(self) -> Lines<Self> {
        Reader::new(self).lines()
    }

    fn poll_read_at(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
        at: Caller,
    ) -> Poll<io::Result<usize>> {
        if buf.is_empty() {
            return task::poll_budget(cx).map(|()| Ok(0));
        }
        task::poll_within_budget(cx, |cx| self.poll_shared(cx, buf, at))
    }

    fn poll_shared(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
        at: Caller,
    ) -> Poll<io::Result<usize>> {
        crate::calls::fence("standard input")?;
        loop {
            match look(buf, cx.waker(), &mut self.place) {
                Found::Done(done) => {
                    self.wait = None;
                    self.give_up();
                    return Poll::Ready(done);
                }
                Found::Reading => {
                    caller::note(Wait::Blocking, at);
                    return Poll::Pending;
                }
                Found::Nothing => {
                    let wait = self.wait.get_or_insert_with(|| readable(Input));
                    // An error: the selector does not take it. Then a thread waits.
                    let waited = ready!(caller::within(at, || Pin::new(wait).poll(cx)));
                    self.wait = None;
                    drop(waited);
                    begin();
                }
            }
        }
    }
}

impl Stdin {
    /// Waits no longer; who goes on waits for the same readiness.
    fn give_up(&mut self) {
        if let Some(place) = self.place.take() {
            let waker = shared().waiting.remove(&place);
            drop(waker);
        }
    }
}

impl Drop for Stdin {
    fn drop(&mut self) {
        self.give_up();
    }
}

/// How standard input stands.
enum Found {
    /// Bytes are there, or the end, or a failure.
    Done(io::Result<usize>),
    /// A job reads; its end wakes.
    Reading,
    /// Nobody reads. Who begins to wakes the others, too.
    Nothing,
}

fn look(buf: &mut [u8], waker: &Waker, place: &mut Option<u64>) -> Found {
    // Before the lock is taken: a waker's clone is foreign code.
    let waker = waker.clone();
    let mut shared = shared();
    let rest = &shared.bytes[shared.taken..];
    if !rest.is_empty() {
        let count = rest.len().min(buf.len());
        buf[..count].copy_from_slice(&rest[..count]);
        shared.taken += count;
        return Found::Done(Ok(count));
    }
    if let Some(told) = shared.told.take() {
        return Found::Done(told.map(|()| 0));
    }
    let place = *place.get_or_insert_with(|| PLACES.fetch_add(1, Relaxed));
    let old = shared.waiting.insert(place, waker);
    let reading = shared.reading;
    drop(shared);
    drop(old);
    if reading {
        Found::Reading
    } else {
        Found::Nothing
    }
}

/// Begins to read, unless somebody does.
fn begin() {
    let reading = std::mem::replace(&mut shared().reading, true);
    if !reading {
        let job = Reading {
            bytes: Vec::new(),
            result: None,
        };
        drop(task::spawn_blocking(move || job.run()));
    }
}

/// A read on the pool. However it ends, also when it never began, those who wait hear of it.
struct Reading {
    bytes: Vec<u8>,
    result: Option<io::Result<usize>>,
}

impl Reading {
    fn run(mut self) {
        self.bytes.resize(PIECE, 0);
        self.result = Some(os::read(Input.as_fd(), &mut self.bytes));
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        let mut shared = shared();
        match self.result.take() {
            Some(Ok(0)) => shared.told = Some(Ok(())),
            Some(Ok(count)) => {
                self.bytes.truncate(count);
                (shared.bytes, shared.taken) = (std::mem::take(&mut self.bytes), 0);
            }
            // Somebody else has taken it, of a descriptor that somebody else made non-blocking.
            Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => {}
            Some(Err(error)) => shared.told = Some(Err(error)),
            None => {}
        }
        shared.reading = false;
        let waiting = std::mem::take(&mut shared.waiting);
        drop(shared);
        for waker in waiting.into_values() {
            waker.wake();
        }
    }
}

impl AsyncRead for Stdin {
    #[track_caller]
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let at = caller::of(Location::caller());
        self.get_mut().poll_read_at(cx, buf, at)
    }
}

impl AsFd for Stdin {
    fn as_fd(&self) -> BorrowedFd<'_> {
        STDIN.get_or_init(io::stdin).as_fd()
    }
}

/// Future of [`Stdin::read`].
#[must_use = "futures do nothing unless awaited"]
pub struct ReadStdin<'a> {
    stdin: &'a mut Stdin,
    buf: &'a mut [u8],
    at: Caller,
}

impl Future for ReadStdin<'_> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { stdin, buf, at } = self.get_mut();
        stdin.poll_read_at(cx, buf, at)
    }
}

impl Drop for ReadStdin<'_> {
    fn drop(&mut self) {
        self.stdin.give_up();
    }
}

impl fmt::Debug for Stdin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shared = shared();
        let ahead = shared.bytes.len() - shared.taken;
        f.debug_struct("Stdin")
            .field("read_ahead", &ahead)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ReadStdin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadStdin")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}
