//! A file that is there as a whole, or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Removes the unfinished file, unless it was finished.
struct Unfinished {
    path: PathBuf,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path); // fails when it was renamed, which is right
    }
}

/// Writes the pieces to a file, until `next` returns none. The file is there when all have come.
/// When `next` fails, or this future is dropped, nothing is left.
pub async fn save<F>(path: &Path, mut next: impl FnMut() -> F) -> io::Result<()>
where
    F: Future<Output = io::Result<Option<Vec<u8>>>>,
{
    let unfinished = Unfinished { path: path.with_extension("unfinished") };
    let mut file = File::create(&unfinished.path)?;
    while let Some(piece) = next().await? {
        file.write_all(&piece)?;
    }
    fs::rename(&unfinished.path, path)
}
