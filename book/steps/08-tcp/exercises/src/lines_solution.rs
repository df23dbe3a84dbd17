//! Lines out of a stream of bytes.

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
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let mut line: Vec<u8> = self.rest.drain(..=end).collect();
                line.pop();
                return Ok(Some(line));
            }
            if self.rest.len() > self.limit {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the line is too long"));
            }
            let mut buffer = [0; 1024];
            let n = self.stream.read(&mut buffer).await?;
            self.rest.extend_from_slice(&buffer[..n]);
            if n == 0 {
                let last = std::mem::take(&mut self.rest);
                return Ok(if last.is_empty() { None } else { Some(last) });
            }
        }
    }
}
