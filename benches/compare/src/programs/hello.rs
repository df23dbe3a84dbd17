//! HTTP hello without a library: what a request says is not looked at, only where it ends. The same
//! text for every server, the raw loop included, so that what differs is the runtime alone.

use crate::load::HELLO;

/// What one connection has received and not answered yet, and its answers.
#[derive(Debug)]
pub struct Requests {
    input: [u8; 1024],
    filled: usize,
    answers: Vec<u8>,
    answer: Vec<u8>,
}

impl Default for Requests {
    fn default() -> Self {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: ";
        let mut answer = format!("{head}{}\r\n\r\n", HELLO.len()).into_bytes();
        answer.extend_from_slice(HELLO);
        Self {
            input: [0; 1024],
            filled: 0,
            answers: Vec::with_capacity(answer.len()),
            answer,
        }
    }
}

impl Requests {
    /// Where the next bytes go. Never empty: a request that fills it is thrown away.
    pub fn room(&mut self) -> &mut [u8] {
        if self.filled == self.input.len() {
            self.filled = 0;
        }
        &mut self.input[self.filled..]
    }

    /// The answers to the requests that are whole now that `length` bytes have come; empty if none
    /// is.
    pub fn answers(&mut self, length: usize) -> &[u8] {
        self.filled += length;
        self.answers.clear();
        let mut begin = 0;
        while let Some(end) = end_of_head(&self.input[begin..self.filled]) {
            begin += end;
            self.answers.extend_from_slice(&self.answer);
        }
        if begin == self.filled {
            self.filled = 0;
        } else {
            self.input.copy_within(begin..self.filled, 0);
            self.filled -= begin;
        }
        &self.answers
    }
}

fn end_of_head(bytes: &[u8]) -> Option<usize> {
    let place = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some(place + 4)
}

#[cfg(test)]
mod tests {
    use super::{HELLO, Requests};

    fn feed(requests: &mut Requests, bytes: &[u8]) -> usize {
        requests.room()[..bytes.len()].copy_from_slice(bytes);
        let answers = requests.answers(bytes.len());
        answers
            .windows(HELLO.len())
            .filter(|part| *part == HELLO)
            .count()
    }

    #[test]
    fn pieces_and_pipelines_are_answered_once_each() {
        let mut requests = Requests::default();
        assert_eq!(feed(&mut requests, b"GET / HTTP/1.1\r\n\r"), 0);
        assert_eq!(feed(&mut requests, b"\nGET / HTTP/1.1\r\n\r\nGET"), 2);
        assert_eq!(feed(&mut requests, b" / HTTP/1.1\r\n\r\n"), 1);
        assert_eq!(feed(&mut requests, &[b'x'; 1024]), 0);
        assert_eq!(feed(&mut requests, b"\r\n\r\n"), 1);
    }
}
