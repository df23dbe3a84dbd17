//! The extension traits of byte streams: futures-lite's names, std's rules.
//!
//! Why: std's rules are what readers of the names expect, and upstream's code breaks some of them:
//! here what is read is appended, a call that a signal interrupted is made again where std makes it
//! again, and bytes that came before an error are not lost. Each future takes a share of the task's
//! turn, whatever it reads from, so that a slice or `empty()` in a loop starves no other task.

mod buf_read;
mod number;
mod read;
mod write;

pub use buf_read::{AsyncBufReadExt, BufLines, FillBuf, ReadLineInto, ReadUntilByte, SplitBytes};
pub use number::{ReadNumber, WriteNumber};
pub use read::{
    AsyncReadExt, Bytes, ReadAllInto, ReadExactInto, ReadInto, ReadStringInto, ReadVectoredInto,
};
pub use write::{AsyncWriteExt, CloseWriter, FlushWriter, WriteAllOf, WriteOf, WriteVectoredOf};

use std::io;

/// What a foreign stream says it has transferred, if that can be.
pub(super) fn checked(count: usize, most: usize) -> io::Result<usize> {
    if count <= most {
        return Ok(count);
    }
    Err(io::Error::other(format!(
        "the stream below claims to have transferred {count} bytes of {most}"
    )))
}

fn is_interrupted<T>(result: &io::Result<T>) -> bool {
    matches!(result, Err(error) if error.kind() == io::ErrorKind::Interrupted)
}

/// Appends bytes to a text. Bytes that are no UTF-8 are in the error, as a
/// [`FromUtf8Error`](std::string::FromUtf8Error), and the text is as it was.
fn append_text(text: &mut String, bytes: Vec<u8>) -> io::Result<usize> {
    let read = String::from_utf8(bytes)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    text.push_str(&read);
    Ok(read.len())
}
