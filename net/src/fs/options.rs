//! How a file is opened: std's options, with an async end.

use std::fs;
use std::future::Future;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::file::File;
use super::job::Job;

/// How a file is opened: [`std::fs::OpenOptions`].
///
/// # Examples
///
/// ```
/// myrt::run(async {
///     let path = std::env::temp_dir().join(format!("myrt-log-{}", std::process::id()));
///     let mut log = myrt::fs::OpenOptions::new().append(true).create(true).open(&path).await?;
///     log.write_all(b"begun\n").await?;
///     # std::fs::remove_file(&path)?;
///     # Ok::<(), std::io::Error>(())
/// }).unwrap();
/// ```
#[derive(Debug, Clone)]
#[must_use = "call open() to open a file"]
pub struct OpenOptions {
    std: fs::OpenOptions,
}

macro_rules! options {
    ($($(#[$meta:meta])* $name:ident;)*) => {
        impl OpenOptions {
            $(
                $(#[$meta])*
                pub fn $name(&mut self, $name: bool) -> &mut Self {
                    self.std.$name($name);
                    self
                }
            )*
        }
    };
}

options! {
    /// For reading.
    read;
    /// For writing.
    write;
    /// For writing at the end, wherever that is then.
    append;
    /// Empties it.
    truncate;
    /// Makes it if it is not there.
    create;
    /// Makes it, and fails if it is there.
    create_new;
}

impl OpenOptions {
    /// Nothing is chosen yet; at least one of `read`, `write` and `append` must be.
    pub fn new() -> Self {
        Self {
            std: fs::OpenOptions::new(),
        }
    }

    /// The permissions of a file that is made, before the process's umask. Default `0o666`.
    pub fn mode(&mut self, mode: u32) -> &mut Self {
        self.std.mode(mode);
        self
    }

    /// Flags of the system's (`O_NOFOLLOW`, ..). Not `O_NONBLOCK`: the pool's threads expect to
    /// wait.
    pub fn custom_flags(&mut self, flags: i32) -> &mut Self {
        self.std.custom_flags(flags);
        self
    }

    /// Opens a file, on the pool: opening a FIFO waits for its other end.
    ///
    /// # Errors
    /// What the system says.
    #[track_caller]
    pub fn open(&self, path: impl AsRef<Path>) -> OpenFuture {
        let (options, path) = (self.std.clone(), path.as_ref().to_path_buf());
        OpenFuture {
            job: Job::new(move || options.open(path)),
        }
    }
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl From<fs::OpenOptions> for OpenOptions {
    fn from(std: fs::OpenOptions) -> Self {
        Self { std }
    }
}

/// Future of [`OpenOptions::open`], [`File::open`] and [`File::create`].
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct OpenFuture {
    job: Job<fs::File>,
}

impl Future for OpenFuture {
    type Output = io::Result<File>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.job).poll(cx).map_ok(File::from_std)
    }
}
