//! `File`: an open file whose reads and writes are jobs on the blocking pool.
//!
//! Two things are not as in std. *Reads run ahead*: a job reads a large piece, and small reads are served from it, so a byte does not cost a job. The
//! system's position is then ahead of the program's; whatever else uses the position first goes back. *A write that is dropped half-way*
//! may have happened, and the next write does not know whose result it finds. It compares: what was written is what it wanted to write (then that
//! is its result, and the bytes are in the file once), or it is something else (then nobody was told of it, and its own follows). So a
//! write that is ready has reached the system: nothing is held back that a drop, or the end of the program, could lose.
//!
//! At most one job runs for a file, so they happen in order. It knows nothing of paths.

use std::fmt;
use std::fs;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::panic::Location;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_io::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite};
use myrt_runtime::task::{self, JoinHandle};

use super::file_ops::{Read, ReadExact, ReadToEnd, ReadToString, Seek, Write, WriteAll};
use super::job::Job;
use super::options::{OpenFuture, OpenOptions};
use crate::place::{self, Place};
use crate::pool::poll_handle;

/// What a read takes from the system at least.
const AHEAD: usize = 64 * 1024;
/// What one job moves at most.
const MOST: usize = 1024 * 1024;

/// An open file.
///
/// Reads are buffered (64 KiB ahead), writes are not: each is a job on the pool and is ready when the system has the bytes. Many small writes
/// want a [`BufWriter`](crate::io::BufWriter) around the file, flushed at the end. It also implements futures-io's traits ([`AsyncBufRead`] among
/// them, so that lines need no other buffer). Flushing and closing have nothing to do; dropping closes.
///
/// **Cancel safety.** A dropped read or seek loses nothing: what was read is there for the next one. A dropped write may have
/// happened or not. What was acknowledged is never lost.
///
/// The position belongs to the open file, which duplicates ([`try_clone`](Self::try_clone)) and child processes share: do not read through two of them.
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
    running: Option<Running>,
}

/// What runs on the pool for a file.
enum Running {
    /// Gives the buffer back, filled as far as the read went.
    Read(JoinHandle<(Vec<u8>, io::Result<()>)>),
    /// Gives what it was to write, and how much of it was written.
    Write(JoinHandle<(Vec<u8>, io::Result<usize>)>),
    Seek(SeekFrom, JoinHandle<io::Result<u64>>),
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

    /// Takes a std file over.
    #[must_use]
    pub fn from_std(file: fs::File) -> Self {
        Self {
            std: Arc::new(file),
            ahead: Vec::new(),
            taken: 0,
            running: None,
        }
    }

    /// Gives the std file back, at the position that the program has got to.
    ///
    /// # Errors
    /// If that position cannot be set (what cannot seek loses what was read ahead: [`buffer`](Self::buffer) tells before).
    pub async fn into_std(mut self) -> io::Result<fs::File> {
        let at = Location::caller();
        std::future::poll_fn(|cx| self.poll_idle(cx, at)).await;
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

    /// Appends everything up to the end to `out`, and says how much that was. Dropped half-way, what was read is in `out`.
    ///
    /// # Errors
    /// What the system says.
    #[track_caller]
    pub fn read_to_end<'a>(&'a mut self, out: &'a mut Vec<u8>) -> ReadToEnd<'a> {
        ReadToEnd::new(self, out)
    }

    /// Appends everything up to the end, as text, and says how many bytes that were. Not cancel safe.
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
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) before the start, and what else the system says.
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

    /// Cuts it to `size` bytes, or extends it with zeroes. What was read ahead of a cut stays as it was read.
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
        self.std.try_clone().map(Self::from_std)
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

    /// Ready when nothing runs. Bytes that were read are kept; other results were nobody's any more.
    fn poll_idle(&mut self, cx: &mut Context<'_>, at: Place) -> Poll<()> {
        match &mut self.running {
            None => return Poll::Ready(()),
            Some(Running::Read(handle)) => {
                // Failed: the next read will be told again.
                if let Ok((bytes, _)) = ready!(poll_handle(handle, cx, at)) {
                    (self.ahead, self.taken) = (bytes, 0);
                }
            }
            Some(Running::Write(handle)) => drop(ready!(poll_handle(handle, cx, at))),
            Some(Running::Seek(_, handle)) => drop(ready!(poll_handle(handle, cx, at))),
        }
        self.running = None;
        Poll::Ready(())
    }

    /// Ready with what is read ahead; nothing is the end.
    fn poll_ahead(
        &mut self,
        cx: &mut Context<'_>,
        wanted: usize,
        at: Place,
    ) -> Poll<io::Result<()>> {
        loop {
            if self.taken < self.ahead.len() {
                return Poll::Ready(Ok(()));
            }
            match &mut self.running {
                Some(Running::Read(handle)) => {
                    let done = ready!(poll_handle(handle, cx, at));
                    self.running = None;
                    let (bytes, result) = done?;
                    (self.ahead, self.taken) = (bytes, 0);
                    return Poll::Ready(result);
                }
                Some(_) => ready!(self.poll_idle(cx, at)),
                None => {
                    let (std, mut bytes) = (Arc::clone(&self.std), std::mem::take(&mut self.ahead));
                    self.taken = 0;
                    let length = wanted.clamp(AHEAD, MOST);
                    self.running = Some(Running::Read(task::spawn_blocking(move || {
                        bytes.resize(length, 0);
                        let read = uninterrupted(|| (&*std).read(&mut bytes));
                        bytes.truncate(*read.as_ref().unwrap_or(&0));
                        (bytes, read.map(drop))
                    })));
                }
            }
        }
    }

    pub(super) fn poll_read_at(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
        at: Place,
    ) -> Poll<io::Result<usize>> {
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        ready!(task::poll_budget(cx));
        ready!(self.poll_ahead(cx, buf.len(), place::of(at)))?;
        let count = buf.len().min(self.ahead.len() - self.taken);
        buf[..count].copy_from_slice(&self.ahead[self.taken..][..count]);
        self.taken += count;
        Poll::Ready(Ok(count))
    }

    pub(super) fn poll_write_at(
        &mut self,
        cx: &mut Context<'_>,
        buf: &[u8],
        at: Place,
    ) -> Poll<io::Result<usize>> {
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let at = place::of(at);
        loop {
            match &mut self.running {
                Some(Running::Write(handle)) => {
                    let done = ready!(poll_handle(handle, cx, at));
                    self.running = None;
                    let (bytes, result) = done?;
                    if buf.starts_with(&bytes) {
                        return Poll::Ready(result);
                    }
                    // The write of somebody who gave up: ours is still to be done.
                }
                Some(_) => ready!(self.poll_idle(cx, at)),
                None => {
                    let (std, back) = (Arc::clone(&self.std), self.unread());
                    self.forget_ahead();
                    let bytes = buf[..buf.len().min(MOST)].to_vec();
                    self.running = Some(Running::Write(task::spawn_blocking(move || {
                        let there = if back == 0 {
                            Ok(0)
                        } else {
                            (&*std).seek(SeekFrom::Current(back))
                        };
                        let written = there.and_then(|_| uninterrupted(|| (&*std).write(&bytes)));
                        (bytes, written)
                    })));
                }
            }
        }
    }

    pub(super) fn poll_seek_at(
        &mut self,
        cx: &mut Context<'_>,
        to: SeekFrom,
        at: Place,
    ) -> Poll<io::Result<u64>> {
        let at = place::of(at);
        loop {
            match &mut self.running {
                // The same is asked for as before: if that was given up, then this is what was meant instead.
                Some(Running::Seek(target, handle)) if *target == to => {
                    let done = ready!(poll_handle(handle, cx, at));
                    self.running = None;
                    return Poll::Ready(done.and_then(|done| done));
                }
                Some(_) => ready!(self.poll_idle(cx, at)),
                None => {
                    let (std, back) = (Arc::clone(&self.std), self.unread());
                    self.forget_ahead();
                    self.running = Some(Running::Seek(
                        to,
                        task::spawn_blocking(move || match to {
                            SeekFrom::Current(by) => seek_by(&std, back, by),
                            to => (&*std).seek(to),
                        }),
                    ));
                }
            }
        }
    }
}

/// Moves by `by` from where the program is, which is `back` from where the system is.
fn seek_by(mut file: &fs::File, back: i64, by: i64) -> io::Result<u64> {
    match back.checked_add(by) {
        Some(by) => file.seek(SeekFrom::Current(by)),
        None => {
            file.seek(SeekFrom::Current(back))?;
            file.seek(SeekFrom::Current(by))
        }
    }
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
        let (this, at) = (self.get_mut(), place::of(Location::caller()));
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
            .field("running", &self.running.is_some())
            .finish()
    }
}
