//! Under edge triggering: read until it would block, but not for ever.

use std::io::{self, ErrorKind, Read};

/// What `drain` found.
#[derive(Debug, PartialEq, Eq)]
pub enum Drained {
    /// It would block: the next event comes when there is more.
    Empty,
    /// The limit was reached: there may be more, and no event will say so. Call again.
    More,
    /// The other side has closed.
    End,
}

/// Reads into `out` until `source` would block, has ended, or `limit` reads were made.
pub fn drain(source: &mut impl Read, out: &mut Vec<u8>, limit: usize) -> io::Result<Drained> {
    let mut buffer = [0; 64];
    let mut reads = 0;
    while reads < limit {
        match source.read(&mut buffer) {
            Ok(0) => return Ok(Drained::End),
            Ok(n) => out.extend_from_slice(&buffer[..n]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Drained::Empty),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        reads += 1;
    }
    Ok(Drained::More)
}
