//! `File`: an open file whose reads and writes are jobs on the blocking pool.
//!
//! Two things are not as in std. *Reads run ahead*: a job reads a large piece, and small reads are
//! served from it, so a byte does not cost a job. The system's position is then ahead of the
//! program's; whatever else uses the position first goes back. What was read ahead is given up only
//! when that has succeeded: a seek that is refused moves nothing. *A write that is dropped
//! half-way* may have happened, and the next write does not know whose result it finds. It
//! compares: what was written is what it wanted to write (then that is its result, and the bytes
//! are in the file once), or it is something else (then nobody was told of it, and its own
//! follows). So a write that is ready has reached the system: nothing is held back that a drop, or
//! the end of the program, could lose.
//!
//! At most one job runs for a file that has a position, so they happen in order. What has none (a
//! terminal, a FIFO, a device) has two directions that know nothing of each other: one job each. It
//! knows nothing of paths.

use std::fmt;
use std::fs;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::fs::FileTypeExt as _;
use std::panic::Location;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_io::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite};
use myrt_runtime::task;

use super::file_ops::{Read, ReadExact, ReadToEnd, ReadToString, Seek, Write, WriteAll};
use super::job::Job;
use super::options::{OpenFuture, OpenOptions};
use crate::blocking_op::BlockingOp;
use crate::caller::{self, Caller};

/// What a read takes from the system at least.
const AHEAD: usize = 64 * 1024;
/// What one job moves at most.
const MOST: usize = 1024 * 1024;

/// An open file.
///
/// Reads are buffered (64 KiB ahead), writes are not: each is a job on the pool and is ready when
/// the system has the bytes. Many small writes want a [`BufWriter`](crate::io::BufWriter) around
/// the file, flushed at the end. It also implements futures-io's traits ([`AsyncBufRead`] among
/// them, so that lines need no other buffer). Flushing and closing have nothing to do; dropping
/// closes.
///
/// **Cancel safety.** A dropped read or seek loses nothing: what was read is there for the next
/// one. A dropped write may have happened or not. What was acknowledged is never lost.
///
/// A seek or write that fails moves the position by nothing, whatever was read ahead. What cannot
/// seek (a terminal, a FIFO, a tun device) has no position that reading and writing share: what was
/// read ahead stays, and a write does not wait for a read that was given up.
///
/// It may go on in a later runtime than the one in which it was last used: the result of a job that
/// was under way is heard there.
///
/// The position belongs to the open file, which duplicates ([`try_clone`](Self::try_clone)) and
/// child processes share: do not read through two of them.
///
/// # Examples
///
/// ```
/// use myrt::fs::File;
/// use myrt::io::SeekFrom;
///
/// myrt::run(async {
///     let path = std::env::temp_dir().join(format!("myrt-file-{}", std::process::id()));
///     let mut file = File::create_new(&path).await?;
///     file.write_all(b"hello, file").await?;
///     file.seek(SeekFrom::Start(7)).await?;
///     let mut text = String::new();
///     file.read_to_string(&mut text).await?;
///     assert_eq!(text, "file");
///     # std::fs::remove_file(&path)?;
///     # Ok::<(), std::io::Error>(())
/// }).unwrap();
/// ```
pub struct File {
    std: Arc<fs::File>,
    /// What was read ahead, from `taken` on.
    ahead: Vec<u8>,
    taken: usize,
    /// Reading and writing share a position. Otherwise both jobs may run at once.
    seeks: bool,
    /// Gives the buffer back, filled as far as the read went.
    reading: Option<BlockingOp<(Vec<u8>, io::Result<()>)>>,
    changing: Option<Change>,
}

/// What runs on the pool for a file and is no read.
enum Change {
    Write(BlockingOp<Written>),
    Seek(SeekFrom, BlockingOp<io::Result<u64>>),
}

/// How a write ended.
struct Written {
    /// What it was to write.
    bytes: Vec<u8>,
    /// The system's position was set back to the program's, so what was read ahead is void.
    went_back: bool,
    result: io::Result<usize>,
}

impl File {
    /// Opens a file for reading.
    ///
    /// # Errors
    /// What the system says.
    #[track_caller]
    pub fn open(path: impl AsRef<Path>) -> OpenFuture {
        OpenOptions::new().read(true).open(path)
    }

    /// Opens a file for writing, made or emptied.
    ///
    /// # Errors
    /// What the system says.
    #[track_caller]
    pub fn create(path: impl AsRef<Path>) -> OpenFuture {
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(path)
    }

    /// Makes a file, for reading and writing; it must not be there.
    ///
    /// # Errors
    /// [`AlreadyExists`](io::ErrorKind::AlreadyExists), and what else the system says.
    #[track_caller]
    pub fn create_new(path: impl AsRef<Path>) -> OpenFuture {
        OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(path)
    }

    /// Options for opening.
    pub fn options() -> OpenOptions {
        OpenOptions::new()
    }

    /// Takes a std file over, and asks the system what kind of file it is.
    #[must_use]
    pub fn from_std(file: fs::File) -> Self {
        let seeks = has_position(&file);
        Self::new(file, seeks)
    }

    fn new(file: fs::File, seeks: bool) -> Self {
        Self {
            std: Arc::new(file),
            ahead: Vec::new(),
            taken: 0,
            seeks,
            reading: None,
            changing: None,
        }
    }

    /// Gives the std file back, at the position that the program has got to. It waits for a read
    /// that was given up.
    ///
    /// # Errors
    /// If that position cannot be set: what cannot seek would lose what was read ahead.
    /// [`buffer`](Self::buffer) tells before; consume it first.
    pub async fn into_std(mut self) -> io::Result<fs::File> {
        let at = Location::caller();
        std::future::poll_fn(|cx| {
            ready!(self.poll_read_job(cx, at));
            self.poll_changed(cx, at)
        })
        .await;
        let back = self.unread();
        if back != 0 {
            let std = Arc::clone(&self.std);
            Job::new(move || (&*std).seek(SeekFrom::Current(back))).await?;
        }
        match Arc::try_unwrap(self.std) {
            Ok(file) => Ok(file),
            // A job that nobody waits for any more still holds it.
            Err(shared) => shared.try_clone(),
        }
    }

    /// What was read ahead and not yet asked for.
    #[must_use]
    pub fn buffer(&self) -> &[u8] {
        &self.ahead[self.taken..]
    }

    /// Reads what there is, at least one byte; `Ok(0)` is the end. **Cancel safe.**
    ///
    /// # Errors
    /// What the system says.
    #[track_caller]
    pub fn read<'a>(&'a mut self, buf: &'a mut [u8]) -> Read<'a> {
        Read::new(self, buf)
    }

    /// Fills `buf` whole. Not cancel safe.
    ///
    /// # Errors
    /// [`UnexpectedEof`](io::ErrorKind::UnexpectedEof), and what else the system says.
    #[track_caller]
    pub fn read_exact<'a>(&'a mut self, buf: &'a mut [u8]) -> ReadExact<'a> {
        ReadExact::new(self, buf)
    }

    /// Appends everything up to the end to `out`, and says how much that was. Dropped half-way,
    /// what was read is in `out`.
    ///
    /// # Errors
    /// What the system says.
    #[track_caller]
    pub fn read_to_end<'a>(&'a mut self, out: &'a mut Vec<u8>) -> ReadToEnd<'a> {
        ReadToEnd::new(self, out)
    }

    /// Appends everything up to the end, as text, and says how many bytes that were. Not cancel
    /// safe.
    ///
    /// # Errors
    /// [`InvalidData`](io::ErrorKind::InvalidData) if it is not UTF-8, and what the system says.
    #[track_caller]
    pub fn read_to_string<'a>(&'a mut self, out: &'a mut String) -> ReadToString<'a> {
        ReadToString::new(self, out)
    }

    /// Writes some of `buf`, at most 1 MiB, and says how much: the system has it then.
    ///
    /// # Errors
    /// What the system says.
    #[track_caller]
    pub fn write<'a>(&'a mut self, buf: &'a [u8]) -> Write<'a> {
        Write::new(self, buf)
    }

    /// Writes `buf` whole: the system has it then. Dropped half-way, some of it may be written.
    ///
    /// # Errors
    /// What the system says.
    #[track_caller]
    pub fn write_all<'a>(&'a mut self, buf: &'a [u8]) -> WriteAll<'a> {
        WriteAll::new(self, buf)
    }

    /// Sets the position, and says where that is from the start.
    ///
    /// # Errors
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) before the start, and what else the system
    /// says.
    #[track_caller]
    pub fn seek(&mut self, to: SeekFrom) -> Seek<'_> {
        Seek::new(self, to)
    }

    /// Sees to it that everything that was written survives a power failure.
    ///
    /// # Errors
    /// What the system says: it may have failed to write what it took long ago.
    #[track_caller]
    pub fn sync_all(&self) -> Job<()> {
        self.job(fs::File::sync_all)
    }

    /// As [`sync_all`](Self::sync_all), without what is not needed to read it back (times).
    ///
    /// # Errors
    /// What the system says.
    #[track_caller]
    pub fn sync_data(&self) -> Job<()> {
        self.job(fs::File::sync_data)
    }

    /// Cuts it to `size` bytes, or extends it with zeroes. What was read ahead of a cut stays as it
    /// was read.
    ///
    /// # Errors
    /// What the system says.
    #[track_caller]
    pub fn set_len(&self, size: u64) -> Job<()> {
        self.job(move |file| file.set_len(size))
    }

    /// What the system knows of it.
    ///
    /// # Errors
    /// What the system says.
    #[track_caller]
    pub fn metadata(&self) -> Job<fs::Metadata> {
        self.job(fs::File::metadata)
    }

    /// Changes its permissions.
    ///
    /// # Errors
    /// What the system says.
    #[track_caller]
    pub fn set_permissions(&self, permissions: fs::Permissions) -> Job<()> {
        self.job(move |file| file.set_permissions(permissions))
    }

    /// Another descriptor of the same open file: they share the position.
    ///
    /// # Errors
    /// What the system says.
    #[track_caller]
    pub fn try_clone(&self) -> io::Result<Self> {
        let std = self.std.try_clone()?;
        Ok(Self::new(std, self.seeks))
    }

    #[track_caller]
    fn job<T: Send + 'static>(
        &self,
        work: impl FnOnce(&fs::File) -> io::Result<T> + Send + Sync + 'static,
    ) -> Job<T> {
        let std = Arc::clone(&self.std);
        Job::new(move || work(&std))
    }

    /// How far the system's position is behind the program's: negative, or zero.
    fn unread(&self) -> i64 {
        -((self.ahead.len() - self.taken) as i64)
    }

    fn forget_ahead(&mut self) {
        self.ahead.clear();
        self.taken = 0;
    }

    /// Ready when no read runs. Bytes that were read are kept; a failure was nobody's any more, and
    /// the next read will be told again.
    fn poll_read_job(&mut self, cx: &mut Context<'_>, at: Caller) -> Poll<()> {
        if let Some(reading) = &mut self.reading {
            let done = ready!(reading.poll(cx, at));
            self.reading = None;
            if let Ok((bytes, _)) = done {
                (self.ahead, self.taken) = (bytes, 0);
            }
        }
        Poll::Ready(())
    }

    /// Ready when no write or seek runs; its result was nobody's any more.
    fn poll_changed(&mut self, cx: &mut Context<'_>, at: Caller) -> Poll<()> {
        match &mut self.changing {
            None => {}
            Some(Change::Write(work)) => {
                let done = ready!(work.poll(cx, at));
                drop(self.wrote(done));
            }
            Some(Change::Seek(_, work)) => {
                let done = ready!(work.poll(cx, at));
                drop(self.sought(done));
            }
        }
        Poll::Ready(())
    }

    /// A write has ended. None: it never ran.
    fn wrote(&mut self, done: io::Result<Written>) -> io::Result<(Vec<u8>, io::Result<usize>)> {
        self.changing = None;
        let Written {
            bytes,
            went_back,
            result,
        } = done?;
        if went_back {
            self.forget_ahead();
        }
        Ok((bytes, result))
    }

    /// A seek has ended: only if it moved is what was read ahead void.
    fn sought(&mut self, done: io::Result<io::Result<u64>>) -> io::Result<u64> {
        self.changing = None;
        let position = done??;
        self.forget_ahead();
        Ok(position)
    }

    /// Ready when reads are in order: what shares their position is through.
    fn poll_before_read(&mut self, cx: &mut Context<'_>, at: Caller) -> Poll<()> {
        if self.seeks {
            ready!(self.poll_changed(cx, at));
        }
        Poll::Ready(())
    }

    /// Ready when a write or seek may begin: nothing runs that shares its position.
    fn poll_before_change(&mut self, cx: &mut Context<'_>, at: Caller) -> Poll<()> {
        ready!(self.poll_changed(cx, at));
        if self.seeks {
            ready!(self.poll_read_job(cx, at));
        }
        Poll::Ready(())
    }

    /// Ready with what is read ahead; nothing is the end.
    fn poll_ahead(
        &mut self,
        cx: &mut Context<'_>,
        wanted: usize,
        at: Caller,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_before_read(cx, at));
            if self.taken < self.ahead.len() {
                return Poll::Ready(Ok(()));
            }
            if let Some(reading) = &mut self.reading {
                let foreign = reading.is_foreign();
                let done = ready!(reading.poll(cx, at));
                self.reading = None;
                let (bytes, result) = match done {
                    // Its runtime ended first: nothing was read.
                    Err(_) if foreign => continue,
                    done => done?,
                };
                (self.ahead, self.taken) = (bytes, 0);
                return Poll::Ready(result);
            }
            let (std, mut bytes) = (Arc::clone(&self.std), std::mem::take(&mut self.ahead));
            self.taken = 0;
            let length = wanted.clamp(AHEAD, MOST);
            self.reading = Some(BlockingOp::begin(move || {
                bytes.resize(length, 0);
                let read = uninterrupted(|| (&*std).read(&mut bytes));
                bytes.truncate(*read.as_ref().unwrap_or(&0));
                (bytes, read.map(drop))
            }));
        }
    }

    pub(super) fn poll_read_at(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
        at: Caller,
    ) -> Poll<io::Result<usize>> {
        if buf.is_empty() {
            return task::poll_budget(cx).map(|()| Ok(0));
        }
        ready!(task::poll_within_budget(cx, |cx| self.poll_ahead(
            cx,
            buf.len(),
            caller::of(at)
        )))?;
        let count = buf.len().min(self.ahead.len() - self.taken);
        buf[..count].copy_from_slice(&self.ahead[self.taken..][..count]);
        self.taken += count;
        Poll::Ready(Ok(count))
    }

    pub(super) fn poll_write_at(
        &mut self,
        cx: &mut Context<'_>,
        buf: &[u8],
        at: Caller,
    ) -> Poll<io::Result<usize>> {
        if buf.is_empty() {
            return task::poll_budget(cx).map(|()| Ok(0));
        }
        let at = caller::of(at);
        loop {
            let Some(Change::Write(work)) = &mut self.changing else {
                ready!(self.poll_before_change(cx, at));
                let (std, back) = (Arc::clone(&self.std), self.unread());
                let bytes = buf[..buf.len().min(MOST)].to_vec();
                self.changing = Some(Change::Write(BlockingOp::begin(move || {
                    write(&std, back, bytes)
                })));
                continue;
            };
            let foreign = work.is_foreign();
            let done = ready!(work.poll(cx, at));
            let (bytes, result) = match self.wrote(done) {
                // Its runtime ended first: nothing was written.
                Err(_) if foreign => continue,
                done => done?,
            };
            if buf.starts_with(&bytes) {
                return Poll::Ready(result);
            }
            // The write of somebody who gave up: ours is still to be done.
        }
    }

    pub(super) fn poll_seek_at(
        &mut self,
        cx: &mut Context<'_>,
        to: SeekFrom,
        at: Caller,
    ) -> Poll<io::Result<u64>> {
        let at = caller::of(at);
        loop {
            match &mut self.changing {
                // The same is asked for as before: if that was given up, then this is what was
                // meant instead.
                Some(Change::Seek(target, work)) if *target == to => {
                    let foreign = work.is_foreign();
                    let done = ready!(work.poll(cx, at));
                    if done.is_err() && foreign {
                        // Its runtime ended first: nothing was moved.
                        self.changing = None;
                        continue;
                    }
                    return Poll::Ready(self.sought(done));
                }
                _ => {
                    ready!(self.poll_before_change(cx, at));
                    let (std, back) = (Arc::clone(&self.std), self.unread());
                    let seek = BlockingOp::begin(move || match to {
                        SeekFrom::Current(by) => seek_by(&std, back, by),
                        to => (&*std).seek(to),
                    });
                    self.changing = Some(Change::Seek(to, seek));
                }
            }
        }
    }
}

/// Whether reading and writing share a position. A device that takes a seek and has no position is
/// found out by [`go_back`].
fn has_position(file: &fs::File) -> bool {
    let Ok(metadata) = file.metadata() else {
        return true;
    };
    let kind = metadata.file_type();
    kind.is_file()
        || kind.is_dir()
        || kind.is_block_device()
        || (kind.is_char_device() && { file }.stream_position().is_ok())
}

/// Writes where the program is, which is `back` from where the system is.
fn write(mut file: &fs::File, back: i64, bytes: Vec<u8>) -> Written {
    let (went_back, result) = match go_back(file, back) {
        Ok(went_back) => (went_back, uninterrupted(|| file.write(&bytes))),
        Err(error) => (false, Err(error)),
    };
    Written {
        bytes,
        went_back,
        result,
    }
}

/// Sets the position back. False where there is none: what was read ahead is then not in the way of
/// a write.
fn go_back(mut file: &fs::File, back: i64) -> io::Result<bool> {
    if back == 0 {
        return Ok(false);
    }
    match file.stream_position() {
        // Some devices take any seek, and reading never moves them.
        Ok(position) if position < back.unsigned_abs() => Ok(false),
        Ok(_) => file.seek(SeekFrom::Current(back)).map(|_| true),
        Err(error) if error.kind() == io::ErrorKind::NotSeekable => Ok(false),
        Err(error) => Err(error),
    }
}

/// Moves by `by` from where the program is, which is `back` from where the system is: in one call,
/// which moves or does not.
fn seek_by(mut file: &fs::File, back: i64, by: i64) -> io::Result<u64> {
    // What is less than any number is before the start.
    let by = back.checked_add(by).ok_or(io::ErrorKind::InvalidInput)?;
    file.seek(SeekFrom::Current(by))
}

/// Again when a signal interrupts it.
fn uninterrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

impl AsyncRead for File {
    #[track_caller]
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let at = Location::caller();
        self.get_mut().poll_read_at(cx, buf, at)
    }
}

impl AsyncBufRead for File {
    #[track_caller]
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let (this, at) = (self.get_mut(), caller::of(Location::caller()));
        ready!(this.poll_ahead(cx, 0, at))?;
        Poll::Ready(Ok(this.buffer()))
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        let this = self.get_mut();
        this.taken = this.ahead.len().min(this.taken + amount);
    }
}

impl AsyncWrite for File {
    #[track_caller]
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let at = Location::caller();
        self.get_mut().poll_write_at(cx, buf, at)
    }

    /// Nothing to do: what was acknowledged is the system's.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Nothing to do: dropping closes.
    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl AsyncSeek for File {
    #[track_caller]
    fn poll_seek(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: SeekFrom,
    ) -> Poll<io::Result<u64>> {
        let at = Location::caller();
        self.get_mut().poll_seek_at(cx, to, at)
    }
}

impl From<fs::File> for File {
    fn from(file: fs::File) -> Self {
        Self::from_std(file)
    }
}

impl AsFd for File {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.std.as_fd()
    }
}

impl AsRawFd for File {
    fn as_raw_fd(&self) -> RawFd {
        self.std.as_raw_fd()
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File")
            .field("std", &self.std)
            .field("read_ahead", &self.buffer().len())
            .field(
                "running",
                &(self.reading.is_some() || self.changing.is_some()),
            )
            .finish()
    }
}
