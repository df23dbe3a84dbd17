//! std's functions on paths, each one job on the pool.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::job::Job;

/// Reads a whole file.
///
/// # Errors
/// What the system says.
///
/// # Examples
///
/// ```
/// myrt::run(async {
///     let bytes = myrt::fs::read("/dev/null").await?;
///     assert!(bytes.is_empty());
///     # Ok::<(), std::io::Error>(())
/// }).unwrap();
/// ```
#[track_caller]
pub fn read(path: impl AsRef<Path>) -> Job<Vec<u8>> {
    on(path, |path| fs::read(path))
}

/// Reads a whole file of text.
///
/// # Errors
/// [`InvalidData`](io::ErrorKind::InvalidData) if it is not UTF-8, and what the system says.
#[track_caller]
pub fn read_to_string(path: impl AsRef<Path>) -> Job<String> {
    on(path, |path| fs::read_to_string(path))
}

/// Makes a file with these contents, or replaces those of one that is there. Copies the contents,
/// once. Dropped half-way, the file may be there in part: write to another name and [`rename`]
/// where that matters.
///
/// # Errors
/// What the system says.
///
/// # Examples
///
/// ```
/// myrt::run(async {
///     let path = std::env::temp_dir().join(format!("myrt-doc-{}", std::process::id()));
///     myrt::fs::write(&path, "words").await?;
///     assert_eq!(myrt::fs::read_to_string(&path).await?, "words");
///     myrt::fs::remove_file(&path).await?;
///     # Ok::<(), std::io::Error>(())
/// }).unwrap();
/// ```
#[track_caller]
pub fn write(path: impl AsRef<Path>, contents: impl AsRef<[u8]>) -> Job<()> {
    let contents = contents.as_ref().to_vec();
    on(path, move |path| fs::write(path, contents))
}

/// Makes a directory; its parent must be there.
///
/// # Errors
/// What the system says.
#[track_caller]
pub fn create_dir(path: impl AsRef<Path>) -> Job<()> {
    on(path, |path| fs::create_dir(path))
}

/// Makes a directory and its parents, as far as they are not there.
///
/// # Errors
/// What the system says.
#[track_caller]
pub fn create_dir_all(path: impl AsRef<Path>) -> Job<()> {
    on(path, |path| fs::create_dir_all(path))
}

/// Removes a file (or a symbolic link, not what it points to).
///
/// # Errors
/// What the system says.
#[track_caller]
pub fn remove_file(path: impl AsRef<Path>) -> Job<()> {
    on(path, |path| fs::remove_file(path))
}

/// Removes an empty directory.
///
/// # Errors
/// What the system says.
#[track_caller]
pub fn remove_dir(path: impl AsRef<Path>) -> Job<()> {
    on(path, |path| fs::remove_dir(path))
}

/// Removes a directory with everything in it. It does not follow symbolic links. Dropped half-way,
/// it may go on.
///
/// # Errors
/// What the system says.
#[track_caller]
pub fn remove_dir_all(path: impl AsRef<Path>) -> Job<()> {
    on(path, |path| fs::remove_dir_all(path))
}

/// What the system knows of a file; symbolic links are followed.
///
/// # Errors
/// What the system says.
#[track_caller]
pub fn metadata(path: impl AsRef<Path>) -> Job<fs::Metadata> {
    on(path, |path| fs::metadata(path))
}

/// What the system knows of a file; symbolic links are not followed.
///
/// # Errors
/// What the system says.
#[track_caller]
pub fn symlink_metadata(path: impl AsRef<Path>) -> Job<fs::Metadata> {
    on(path, |path| fs::symlink_metadata(path))
}

/// The absolute path without symbolic links.
///
/// # Errors
/// What the system says.
#[track_caller]
pub fn canonicalize(path: impl AsRef<Path>) -> Job<PathBuf> {
    on(path, |path| fs::canonicalize(path))
}

/// Where a symbolic link points.
///
/// # Errors
/// What the system says.
#[track_caller]
pub fn read_link(path: impl AsRef<Path>) -> Job<PathBuf> {
    on(path, |path| fs::read_link(path))
}

/// Whether something is there; broken symbolic links are not.
///
/// # Errors
/// What the system says.
#[track_caller]
pub fn try_exists(path: impl AsRef<Path>) -> Job<bool> {
    on(path, |path| path.try_exists())
}

/// Renames, and replaces what is there: atomically, within one file system.
///
/// # Errors
/// What the system says.
#[track_caller]
pub fn rename(from: impl AsRef<Path>, to: impl AsRef<Path>) -> Job<()> {
    let to = to.as_ref().to_path_buf();
    on(from, move |from| fs::rename(from, to))
}

/// Copies a file's contents and permissions, in the kernel where it can, and says how many bytes
/// that were.
///
/// # Errors
/// What the system says.
#[track_caller]
pub fn copy(from: impl AsRef<Path>, to: impl AsRef<Path>) -> Job<u64> {
    let to = to.as_ref().to_path_buf();
    on(from, move |from| fs::copy(from, to))
}

/// Makes another name for the same file.
///
/// # Errors
/// What the system says.
#[track_caller]
pub fn hard_link(original: impl AsRef<Path>, link: impl AsRef<Path>) -> Job<()> {
    let link = link.as_ref().to_path_buf();
    on(original, move |original| fs::hard_link(original, link))
}

/// Makes a symbolic link.
///
/// # Errors
/// What the system says.
#[track_caller]
pub fn symlink(original: impl AsRef<Path>, link: impl AsRef<Path>) -> Job<()> {
    let link = link.as_ref().to_path_buf();
    on(original, move |original| {
        std::os::unix::fs::symlink(original, link)
    })
}

/// Changes a file's permissions.
///
/// # Errors
/// What the system says.
#[track_caller]
pub fn set_permissions(path: impl AsRef<Path>, permissions: fs::Permissions) -> Job<()> {
    on(path, move |path| fs::set_permissions(path, permissions))
}

/// A job on a path of its own.
#[track_caller]
fn on<T: Send + 'static>(
    path: impl AsRef<Path>,
    work: impl FnOnce(&Path) -> io::Result<T> + Send + Sync + 'static,
) -> Job<T> {
    let path = path.as_ref().to_path_buf();
    Job::new(move || work(&path))
}
