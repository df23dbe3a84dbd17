//! A file that is there as a whole, or not at all.
#![allow(unused_variables, unused_mut, reason = "an exercise that is not done yet")]

use std::io;
use std::path::Path;

/// Writes the pieces to a file, until `next` returns none. The file is there when all have come.
/// When `next` fails, or this future is dropped, nothing is left.
pub async fn save<F>(path: &Path, mut next: impl FnMut() -> F) -> io::Result<()>
where
    F: Future<Output = io::Result<Option<Vec<u8>>>>,
{
    todo!("write to another name first, and rename at the end; what removes it otherwise?")
}
