//! Where a recording is written: the file that the program names, the next free name, or a new file
//! that a client named.
//!
//! Why: a name that comes from outside must not overwrite anything, follow a link, or block the
//! loop (a FIFO without a reader).

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many names are tried.
const NAMES: usize = 10_000;

/// See the module's head.
pub(super) enum Target {
    /// The program named it: an earlier recording there is replaced.
    Named(PathBuf),
    /// The environment named it, and this is which runtime of the process it is: the first name
    /// that is free from there on.
    NextFree(PathBuf, usize),
    /// A client of the monitor named it: it was made when the recording began.
    New(PathBuf, File),
}

impl Target {
    /// The file of this process's next runtime: the first one's as it is, `-2`, `-3` before the
    /// ending for others.
    pub(super) fn next_free(file: PathBuf) -> Self {
        static RUNTIMES: AtomicUsize = AtomicUsize::new(1);
        Self::NextFree(file, RUNTIMES.fetch_add(1, Ordering::Relaxed))
    }

    /// Makes a file in `folder` for a client that may give it a name and nothing else.
    ///
    /// # Errors
    /// When the name is a path, or there is such a file, folder or link.
    pub(super) fn new_in(folder: &Path, name: &Path) -> io::Result<Self> {
        let mut parts = name.components();
        let is_name = matches!(parts.next(), Some(Component::Normal(part)) if part == name);
        if !is_name || parts.next().is_some() {
            let message = format!(
                "a recording's name is one without a folder; it is written to {}",
                folder.display()
            );
            return Err(io::Error::new(ErrorKind::InvalidInput, message));
        }
        let path = folder.join(name);
        let path = std::path::absolute(&path).unwrap_or(path);
        let file = make(&path).map_err(|error| {
            let message = format!("{}: {error}", path.display());
            io::Error::new(error.kind(), message)
        })?;
        Ok(Self::New(path, file))
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Named(path) | Self::NextFree(path, _) | Self::New(path, _) => path,
        }
    }

    /// Writes it, and says where to.
    pub(super) fn write(self, text: &[u8]) -> (PathBuf, io::Result<()>) {
        match self {
            Self::Named(path) => {
                let written = replace(&path).and_then(|mut file| file.write_all(text));
                (path, written)
            }
            Self::NextFree(path, first) => {
                for number in first..first + NAMES {
                    let name = numbered(&path, number);
                    match make(&name) {
                        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                        Err(error) => return (name, Err(error)),
                        Ok(mut file) => return (name, file.write_all(text)),
                    }
                }
                (path, Err(ErrorKind::AlreadyExists.into()))
            }
            Self::New(path, mut file) => {
                let written = file.write_all(text);
                (path, written)
            }
        }
    }
}

/// Makes a file that was not there. No link is followed, and of several who try one succeeds.
fn make(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// Opens a regular file to be written from its beginning; another kind of file might block the
/// loop.
fn replace(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    let file = options.custom_flags(libc::O_NONBLOCK).open(path)?;
    if !file.metadata()?.is_file() {
        let message = "a recording is written to a regular file";
        return Err(io::Error::new(ErrorKind::InvalidInput, message));
    }
    file.set_len(0)?;
    Ok(file)
}

fn numbered(file: &Path, number: usize) -> PathBuf {
    if number == 1 {
        return file.to_owned();
    }
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let (stem, ending) = name.split_once('.').unwrap_or((&name, ""));
    file.with_file_name(format!("{stem}-{number}.{ending}"))
}
