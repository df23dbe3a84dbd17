//! The counts that foreign readers and writers give, checked in one place.
//!
//! A stream says how many bytes it took or gave. One that says more than it was handed is broken,
//! and believing it means bytes that never were, an index out of range, or a loop that never ends.

use std::io;

/// `count`, if it is one of at most `most` bytes.
///
/// # Errors
/// That the stream claims more.
#[inline]
pub(crate) fn read(count: usize, most: usize) -> io::Result<usize> {
    if count > most {
        return Err(claims("reader", count, most));
    }
    Ok(count)
}

/// As [`read`], of a writer.
///
/// # Errors
/// That the stream claims more.
#[inline]
pub(crate) fn taken(count: usize, most: usize) -> io::Result<usize> {
    if count > most {
        return Err(claims("writer", count, most));
    }
    Ok(count)
}

/// As [`taken`], of a writer that was given something and must not take nothing.
///
/// # Errors
/// [`WriteZero`](io::ErrorKind::WriteZero), or that the stream claims more.
#[inline]
pub(crate) fn written(count: usize, most: usize) -> io::Result<usize> {
    match count {
        0 => Err(io::ErrorKind::WriteZero.into()),
        count => taken(count, most),
    }
}

#[cold]
fn claims(which: &str, count: usize, most: usize) -> io::Error {
    io::Error::other(format!(
        "a broken {which} claims {count} bytes, and was given {most}"
    ))
}
