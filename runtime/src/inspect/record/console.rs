//! Catches what a program prints while it is recorded: descriptors 1 and 2 become a pipe; what
//! comes out of it is kept, and passed on to where they led.
//!
//! Why: a recording shows the console's output at each moment, with the task that printed it.
//!
//! # What is promised, and by what
//!
//! - **Each text belongs to the poll in which it was printed.** The loop asks after each poll
//!   ([`Listening::heard`]), and reads the pipe empty. Where nothing was written, asking costs one
//!   load: see the bell in `sys/console.rs`. Where there is no bell, each question is a system
//!   call.
//! - **Nothing is reordered.** Where standard output and error lead to the same place, there is one
//!   pipe for both, so that what arrives there arrives in the order in which it was written; then
//!   nobody can say which of the two a text was for. Where they lead to different places there are
//!   two. Passing on and remembering happen under one lock.
//! - **A full pipe blocks nobody for long.** A thread passes on what the loop does not, while a
//!   poll lasts or the loop sleeps.
//! - **Nothing is lost, whoever dies.** At the recording's end, and when the process exits in
//!   order, the descriptors are given back and the pipe is read empty. Should the process end in
//!   another way (abort, a signal, exec), or have children that still write to the pipe, a *keeper*
//!   takes over: a shell, started beside the program and no child of it, that sleeps until the
//!   program is gone, and then is a `cat` from the pipe to where it led. Where there is no `sh`,
//!   there is no keeper.
//! - **An end is an end.** When the place to which the output goes takes no more (the reader of a
//!   pipe has left), the program gets its descriptor back, and is told itself at its next write.
//!
//! What it cannot hide: a program that asks whether it prints to a terminal is told that it does
//! not.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle, ThreadId};
use std::time::Duration;

use crate::sys::{Interest, Poller, Selector, bytes, console, fork, os, readable_now};

/// Where a text went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum To {
    /// Standard output and error lead to the same place.
    Both,
    Output,
    Error,
}

impl To {
    /// The descriptors that lead there.
    fn numbers(self) -> &'static [RawFd] {
        match self {
            Self::Both => &[1, 2],
            Self::Output => &[1],
            Self::Error => &[2],
        }
    }
}

/// A recording's ear at the console. The recordings of one thread share the console; those of
/// another thread have none meanwhile.
pub(super) struct Listening {
    console: Arc<Console>,
    key: u64,
    /// How often the bell had rung when the pipe was read last.
    seen: u64,
}

impl Listening {
    /// Begins to listen. None where it is not possible: the console is another thread's, or is no
    /// place to write to.
    pub(super) fn begin() -> Option<Self> {
        let mut current = lock(&CURRENT);
        let console = match &*current {
            Some(console) if !console.is_ours() => return None,
            Some(console) => Arc::clone(console),
            None => {
                let console = Console::open().ok()?;
                CAPTURED_BY.store(console.process, Ordering::Release);
                current.insert(console).clone()
            }
        };
        let mut state = lock(&console.state);
        let key = state.inboxes.last().map_or(0, |inbox| inbox.key + 1);
        state.inboxes.push(Inbox {
            key,
            texts: Vec::new(),
        });
        drop(state);
        Some(Self {
            console,
            key,
            seen: console::writes(),
        })
    }

    /// Whether something may have been written since [`Listening::heard`] was called last.
    #[inline]
    pub(super) fn rang(&self) -> bool {
        self.seen != console::writes() || !self.console.has_bell
    }

    /// What was written since it was called last.
    #[cold]
    pub(super) fn heard(&mut self) -> Vec<(To, String)> {
        self.seen = console::writes();
        if !self.console.is_ours() {
            return Vec::new(); // in a forked child: the parent hears it
        }
        let mut state = lock(&self.console.state);
        state.pass_on();
        state.take(self.key, false)
    }

    /// Ends to listen, and gives the descriptors back if nobody else listens. What was written
    /// last.
    pub(super) fn end(self) -> Vec<(To, String)> {
        if !self.console.is_ours() {
            return Vec::new();
        }
        flush();
        let mut current = lock(&CURRENT);
        let mut state = lock(&self.console.state);
        let last = state.inboxes.iter().all(|inbox| inbox.key == self.key);
        if last {
            state.give_back();
            for stream in &state.streams {
                console::take_bell_down(stream.reader.as_fd());
            }
        }
        state.pass_on();
        let texts = state.take(self.key, true);
        let over = state.streams.iter().all(|stream| stream.is_over);
        drop(state);
        if last {
            console::listen_for_bell(false);
            current.take();
            let passing = lock(&self.console.passing).take();
            if let Some(passing) = passing.filter(|_| over) {
                let _ = passing.join();
            }
        }
        texts
    }
}

/// The console that is recorded now: there is one a process.
static CURRENT: Mutex<Option<Arc<Console>>> = Mutex::new(None);
/// The process whose console is recorded: a forked child must not touch the locks of its parent.
static CAPTURED_BY: AtomicU32 = AtomicU32::new(0);

struct Console {
    process: u32,
    /// The loop's.
    thread: ThreadId,
    has_bell: bool,
    state: Mutex<State>,
    /// The thread that passes on.
    passing: Mutex<Option<JoinHandle<()>>>,
    /// While they are open, the keepers sleep.
    _keepers: Vec<OwnedFd>,
}

impl Console {
    fn open() -> io::Result<Arc<Self>> {
        flush(); // what was printed before is not this recording's
        let (output, error) = (
            io::stdout().as_fd().try_clone_to_owned()?,
            io::stderr().as_fd().try_clone_to_owned()?,
        );
        let streams = match place_of(output.as_fd())? == place_of(error.as_fd())? {
            true => vec![Stream::new(To::Both, output)?],
            false => vec![
                Stream::new(To::Output, output)?,
                Stream::new(To::Error, error)?,
            ],
        };
        let (streams, writers): (Vec<Stream>, Vec<OwnedFd>) = streams.into_iter().unzip();
        let mut poller = Poller::new(Selector::Poll)?;
        for (stream, token) in streams.iter().zip(0..) {
            poller.add(stream.number(), token, Interest::READABLE)?;
        }
        let keepers = streams.iter().filter_map(|stream| keep(stream).ok());
        let keepers = keepers.collect();
        let has_bell = streams
            .iter()
            .zip(&writers)
            .all(|(stream, writer)| has_bell(stream, writer));
        if !has_bell {
            console::listen_for_bell(false);
        }
        let console = Arc::new(Self {
            process: fork::current_pid(),
            thread: thread::current().id(),
            has_bell,
            state: Mutex::new(State {
                streams,
                inboxes: Vec::new(),
            }),
            passing: Mutex::new(None),
            _keepers: keepers,
        });
        let passing = Arc::clone(&console);
        let builder = thread::Builder::new().name("myrt-console".into());
        // From here on the thread sees to the pipes, and ends when they are closed, however this
        // goes on.
        let passing = builder.spawn(move || pass_on(&passing, poller))?;
        *lock(&console.passing) = Some(passing);
        let mut state = lock(&console.state);
        let replaced = state
            .streams
            .iter()
            .zip(&writers)
            .try_for_each(|it| it.0.replace(it.1));
        if let Err(error) = replaced {
            state.give_back();
            return Err(error);
        }
        drop(state);
        static AT_EXIT: std::sync::Once = std::sync::Once::new();
        AT_EXIT.call_once(|| {
            console::at_exit(process_exits);
        });
        Ok(console)
    }

    /// Whether the calling thread is the loop's, in the process that began.
    fn is_ours(&self) -> bool {
        self.process == fork::current_pid() && self.thread == thread::current().id()
    }
}

/// The process exits while it is recorded: nothing of what it printed may be behind its end.
extern "C" fn process_exits() {
    if CAPTURED_BY.load(Ordering::Acquire) != fork::current_pid() {
        return;
    }
    // std has emptied its buffers already.
    if let Some(console) = lock(&CURRENT).take() {
        let mut state = lock(&console.state);
        state.give_back();
        state.pass_on();
    }
}

struct State {
    streams: Vec<Stream>,
    inboxes: Vec<Inbox>,
}

/// What one recording has not heard yet.
struct Inbox {
    key: u64,
    texts: Vec<(To, Vec<u8>)>,
}

impl State {
    /// Reads what is in the pipes, writes it to where it was to go, and remembers it.
    fn pass_on(&mut self) {
        for stream in &mut self.streams {
            stream.pass_on(&mut self.inboxes);
        }
    }

    /// The standard streams lead again to where they led, unless the program has put something else
    /// there itself.
    fn give_back(&mut self) {
        self.streams.iter().for_each(Stream::give_back);
    }

    /// What came for a recording. A character that has come in part waits for the rest, unless this
    /// is the `end`.
    fn take(&mut self, key: u64, end: bool) -> Vec<(To, String)> {
        let Some(place) = self.inboxes.iter().position(|inbox| inbox.key == key) else {
            return Vec::new();
        };
        let inbox = &mut self.inboxes[place];
        let mut texts = Vec::new();
        for (to, bytes) in &mut inbox.texts {
            let whole = match end {
                true => bytes.len(),
                false => whole_characters(bytes),
            };
            let text: Vec<u8> = bytes.drain(..whole).collect();
            if !text.is_empty() {
                texts.push((*to, String::from_utf8_lossy(&text).into_owned()));
            }
        }
        if end {
            self.inboxes.remove(place);
        }
        texts
    }
}

/// How many bytes there are before a character that is not complete.
fn whole_characters(bytes: &[u8]) -> usize {
    let from = bytes.len().saturating_sub(3);
    let begun = (from..bytes.len()).rev().find(|at| bytes[*at] >= 0xC0);
    match begun {
        Some(at) if std::str::from_utf8(&bytes[at..]).is_err_and(|it| it.error_len().is_none()) => {
            at
        }
        _ => bytes.len(),
    }
}

/// A pipe in place of one or two descriptors.
struct Stream {
    to: To,
    reader: OwnedFd,
    /// Where the descriptors led.
    original: OwnedFd,
    /// That place takes no more.
    is_stuffed: bool,
    /// Nobody can write to the pipe any more.
    is_over: bool,
}

impl Stream {
    /// The stream, and the pipe's end to write.
    fn new(to: To, original: OwnedFd) -> io::Result<(Self, OwnedFd)> {
        let (reader, writer) = os::pipe()?;
        // The program, its children and the keeper expect what they know: calls that block.
        bytes::set_blocking(reader.as_fd())?;
        bytes::set_blocking(writer.as_fd())?;
        let stream = Self {
            to,
            reader,
            original,
            is_stuffed: false,
            is_over: false,
        };
        Ok((stream, writer))
    }

    fn number(&self) -> RawFd {
        self.reader.as_raw_fd()
    }

    fn pass_on(&mut self, inboxes: &mut [Inbox]) {
        let mut buf = [0; PIECE];
        // As much as a pipe holds, or a little more; whoever writes without end is asked again
        // later.
        for _ in 0..PIECES {
            let has_some = |ready: Interest| ready.contains(Interest::READABLE);
            if self.is_over || !readable_now(self.number(), Interest::READABLE).is_ok_and(has_some)
            {
                return;
            }
            let Ok(count @ 1..) = bytes::read(self.reader.as_fd(), &mut buf) else {
                self.is_over = true;
                return;
            };
            let text = &buf[..count];
            for inbox in inboxes.iter_mut() {
                match inbox.texts.iter_mut().find(|(to, _)| *to == self.to) {
                    Some((_, bytes)) => bytes.extend_from_slice(text),
                    None => {
                        inbox.texts.push((self.to, text.to_vec()));
                        inbox.texts.sort_by_key(|(to, _)| *to as u8);
                    }
                }
            }
            if !self.is_stuffed && write_all(self.original.as_fd(), text).is_err() {
                self.is_stuffed = true;
                self.give_back();
            }
        }
    }

    /// Its descriptors lead to the pipe from now on.
    fn replace(&self, writer: &OwnedFd) -> io::Result<()> {
        let mut numbers = self.to.numbers().iter();
        numbers.try_for_each(|number| console::stand_in(writer.as_fd(), *number))
    }

    fn give_back(&self) {
        for number in self.to.numbers() {
            if self.stands_in(*number) {
                let _ = console::stand_in(self.original.as_fd(), *number);
            }
        }
    }

    /// Whether the descriptor still leads to this pipe.
    fn stands_in(&self, number: RawFd) -> bool {
        let (output, error) = (io::stdout(), io::stderr());
        let now = match number {
            1 => place_of(output.as_fd()),
            _ => place_of(error.as_fd()),
        };
        matches!((now, place_of(self.reader.as_fd())), (Ok(now), Ok(pipe)) if now == pipe)
    }
}

/// The thread that passes on what the loop does not come to. It ends when nobody can write any
/// more: children may go on for longer than the recording.
fn pass_on(console: &Console, mut poller: Poller) {
    let mut events = Vec::new();
    loop {
        if poller.wait(&mut events, 2, None).is_err() {
            return;
        }
        let mut state = lock(&console.state);
        state.pass_on();
        for (stream, token) in state.streams.iter().zip(0..) {
            let interest = match stream.is_over {
                true => Interest::NONE,
                false => Interest::READABLE,
            };
            let _ = poller.modify(stream.number(), token, interest);
        }
        let over = state.streams.iter().all(|stream| stream.is_over);
        drop(state);
        console::ring(); // what others wrote has come
        if over {
            return;
        }
    }
}

/// Tries whether a write rings at once.
fn has_bell(stream: &Stream, writer: &OwnedFd) -> bool {
    if !console::listen_for_bell(true) || !console::hang_bell(stream.reader.as_fd()) {
        return false;
    }
    let before = console::writes();
    let wrote = matches!(bytes::write(writer.as_fd(), b"?"), Ok(1));
    let rang = console::writes() != before;
    // One byte is there, so reading it does not block.
    wrote && matches!(bytes::read(stream.reader.as_fd(), &mut [0]), Ok(1)) && rang
}

/// Starts who takes over when this process is gone. It sleeps until what is returned is closed.
///
/// The shell's background list reads from /dev/null unless it is told otherwise: descriptor 3.
/// Its standard error is the pipe to read from: it says nothing.
fn keep(stream: &Stream) -> io::Result<OwnedFd> {
    let (asleep, awake) = os::pipe()?;
    bytes::set_blocking(asleep.as_fd())?;
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "cd /; exec 3<&0; (read -r _ <&3; exec cat <&2) &"])
        .stdin(Stdio::from(asleep))
        .stdout(Stdio::from(stream.original.try_clone()?))
        .stderr(Stdio::from(stream.reader.try_clone()?))
        // What the terminal sends to the program is not for the keeper.
        .process_group(0);
    // It is over at once: its background list goes on alone. Where a program ignores its children,
    // there is nothing to wait for.
    let _ = shell.spawn()?.wait();
    Ok(awake)
}

/// Writes it all, and waits where the place is one that does not block.
#[expect(
    clippy::disallowed_methods,
    reason = "the program's own write would have waited or failed here"
)]
fn write_all(fd: BorrowedFd<'_>, mut text: &[u8]) -> io::Result<()> {
    while !text.is_empty() {
        match bytes::write(fd, text) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => text = &text[count..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                thread::sleep(Duration::from_millis(1));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Which open thing a descriptor names.
fn place_of(fd: BorrowedFd<'_>) -> io::Result<(u64, u64)> {
    let file = File::from(fd.try_clone_to_owned()?).metadata()?;
    Ok((file.dev(), file.ino()))
}

/// std holds back what is no line yet.
fn flush() {
    let _ = io::stdout().flush();
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is read at once.
const PIECE: usize = 16 * 1024;
const PIECES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_that_has_come_in_part_waits() {
        assert_eq!(whole_characters(b""), 0);
        assert_eq!(whole_characters(b"abc"), 3);
        let text = "aé█🦀".as_bytes();
        assert_eq!(whole_characters(text), text.len());
        assert_eq!(whole_characters(&text[..2]), 1);
        assert_eq!(whole_characters(&text[..5]), 3);
        assert_eq!(whole_characters(&text[..9]), 6);
        assert_eq!(whole_characters(b"a\xFF"), 2);
        assert_eq!(whole_characters(b"a\x80\x80\x80\x80"), 5);
    }
}
