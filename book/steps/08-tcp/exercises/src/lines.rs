//! Lines out of a stream of bytes.
#![allow(unused_variables, dead_code, reason = "an exercise that is not done yet")]

use std::io;

use step08::TcpStream;

/// Reads lines. A line may come in many pieces, and a piece may hold many lines.
pub struct Lines<'a> {
    stream: &'a TcpStream,
    /// What was read and not yet returned.
    rest: Vec<u8>,
    /// A line longer than this is an error: a client must not fill the memory.
    limit: usize,
}

impl<'a> Lines<'a> {
    pub fn new(stream: &'a TcpStream, limit: usize) -> Self {
        Self { stream, rest: Vec::new(), limit }
    }

    /// The next line without its end; the last one may lack it. None at the end of the stream.
    pub async fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        todo!("ErrorKind::InvalidData where more than `limit` bytes hold no end of line")
    }
}
