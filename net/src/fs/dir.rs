//! The entries of a directory as a stream: one job on the pool for many of them.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::future::Future;
use std::io;
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use super::job::Job;
use crate::blocking_op::BlockingOp;
use crate::caller::{self, Caller};

/// Entries fetched by one job.
const BATCH: usize = 64;

/// The entries of a directory, without `.` and `..`, in the order in which the system tells them.
///
/// # Errors
/// What the system says.
///
/// # Examples
///
/// ```
/// use myrt::stream::StreamExt;
///
/// myrt::run(async {
///     let mut entries = myrt::fs::read_dir("/dev").await?;
///     while let Some(entry) = entries.try_next().await? {
///         println!("{}", entry.path().display());
///     }
///     # Ok::<(), std::io::Error>(())
/// }).unwrap();
/// ```
#[track_caller]
pub fn read_dir(path: impl AsRef<Path>) -> ReadDirFuture {
    let path = path.as_ref().to_path_buf();
    ReadDirFuture {
        job: Job::new(move || fs::read_dir(path).map(fetch)),
        at: Location::caller(),
    }
}

/// Some entries, and the rest of the directory.
struct Batch {
    entries: VecDeque<io::Result<fs::DirEntry>>,
    /// None at the end.
    rest: Option<fs::ReadDir>,
}

fn fetch(mut rest: fs::ReadDir) -> Batch {
    let entries: VecDeque<_> = rest.by_ref().take(BATCH).collect();
    let ended = entries.len() < BATCH;
    Batch {
        entries,
        rest: (!ended).then_some(rest),
    }
}

/// Future of [`read_dir`].
#[must_use = "futures do nothing unless awaited"]
pub struct ReadDirFuture {
    job: Job<Batch>,
    at: Caller,
}

impl Future for ReadDirFuture {
    type Output = io::Result<ReadDir>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let at = self.at;
        Pin::new(&mut self.job).poll(cx).map_ok(|batch| ReadDir {
            batch,
            running: None,
            at,
        })
    }
}

/// The entries of a directory: a [`Stream`] of `io::Result<DirEntry>`; see [`read_dir`]. Polling on
/// after an error is allowed.
#[must_use = "streams do nothing unless polled"]
pub struct ReadDir {
    batch: Batch,
    running: Option<BlockingOp<Batch>>,
    at: Caller,
}

impl ReadDir {
    /// The next entry. **Cancel safe.**
    ///
    /// # Errors
    /// What the system says.
    #[track_caller]
    pub fn next_entry(&mut self) -> NextEntry<'_> {
        NextEntry {
            at: Location::caller(),
            dir: self,
        }
    }

    fn poll_entry(
        &mut self,
        cx: &mut Context<'_>,
        at: Caller,
    ) -> Poll<Option<io::Result<DirEntry>>> {
        loop {
            if let Some(entry) = self.batch.entries.pop_front() {
                return Poll::Ready(Some(entry.map(DirEntry::new)));
            }
            if let Some(work) = &mut self.running {
                let batch = ready!(work.poll(cx, caller::of(at)));
                self.running = None;
                match batch {
                    Ok(batch) => self.batch = batch,
                    Err(error) => return Poll::Ready(Some(Err(error))),
                }
            } else if let Some(rest) = self.batch.rest.take() {
                self.running = Some(BlockingOp::begin(move || fetch(rest)));
            } else {
                return Poll::Ready(None);
            }
        }
    }
}

impl Stream for ReadDir {
    type Item = io::Result<DirEntry>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let at = this.at;
        this.poll_entry(cx, at)
    }
}

/// Future of [`ReadDir::next_entry`].
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct NextEntry<'a> {
    dir: &'a mut ReadDir,
    at: Caller,
}

impl Future for NextEntry<'_> {
    type Output = io::Result<Option<DirEntry>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let at = self.at;
        self.dir.poll_entry(cx, at).map(Option::transpose)
    }
}

/// One entry of a directory.
#[derive(Clone)]
pub struct DirEntry {
    std: Arc<fs::DirEntry>,
}

impl DirEntry {
    fn new(std: fs::DirEntry) -> Self {
        Self { std: Arc::new(std) }
    }

    /// Its path: the one given to [`read_dir`] and its name.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.std.path()
    }

    /// Its name.
    #[must_use]
    pub fn file_name(&self) -> OsString {
        self.std.file_name()
    }

    /// What the system knows of it; symbolic links are not followed.
    ///
    /// # Errors
    /// What the system says.
    #[track_caller]
    pub fn metadata(&self) -> Job<fs::Metadata> {
        let std = Arc::clone(&self.std);
        Job::new(move || std.metadata())
    }

    /// What kind of file it is; symbolic links are not followed.
    ///
    /// # Errors
    /// What the system says.
    #[track_caller]
    pub fn file_type(&self) -> Job<fs::FileType> {
        let std = Arc::clone(&self.std);
        Job::new(move || std.file_type())
    }
}

impl fmt::Debug for DirEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DirEntry").field(&self.path()).finish()
    }
}

impl fmt::Debug for ReadDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadDir")
            .field("fetched", &self.batch.entries.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ReadDirFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadDirFuture")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}
