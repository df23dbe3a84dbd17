//! One client's lines, and the answers to them.
//!
//! It exists so that whoever connects, and whatever is sent, the program that is watched comes to no harm: a line has a longest
//! length, an answer that nobody takes is given up, and a browser is shown out. It must not know what the commands are.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// Longest line that a client may send, in bytes.
const LONGEST_LINE: usize = 4096;
/// How long a client may leave an answer untaken.
const PATIENCE: Duration = Duration::from_secs(10);

/// A client, however it came.
pub(super) enum Client {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Client {
    /// Answers the client's lines until it goes, is told to, or `answer` has none. An answer ends with an empty line.
    pub(super) fn talk(self, answer: impl FnMut(&str) -> Option<String>) -> io::Result<()> {
        match &self {
            Self::Tcp(stream) => {
                stream.set_write_timeout(Some(PATIENCE))?;
                talk(stream, stream, answer)
            }
            Self::Unix(stream) => {
                stream.set_write_timeout(Some(PATIENCE))?;
                talk(stream, stream, answer)
            }
        }
    }

    /// Says why it may not ask.
    pub(super) fn refuse(self, why: &str) {
        // Nothing is lost if it is not heard.
        let _ = self.talk_once(&format!("error: {why}\n\n"));
    }

    fn talk_once(&self, text: &str) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => {
                stream.set_nonblocking(true)?;
                (&*stream).write_all(text.as_bytes())
            }
            Self::Unix(stream) => {
                stream.set_nonblocking(true)?;
                (&*stream).write_all(text.as_bytes())
            }
        }
    }
}

fn talk(
    client: impl Read,
    mut answers: impl Write,
    mut answer: impl FnMut(&str) -> Option<String>,
) -> io::Result<()> {
    let mut lines = BufReader::new(client);
    loop {
        let mut line = Vec::new();
        let mut piece = lines.by_ref().take(LONGEST_LINE as u64 + 1);
        if piece.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let text = if line.len() > LONGEST_LINE && !line.ends_with(b"\n") {
            lines.skip_until(b'\n')?;
            format!("error: a line has at most {LONGEST_LINE} bytes\n")
        } else {
            let line = String::from_utf8_lossy(&line);
            if is_http(&line) {
                // A page in a browser can post to any port of this machine: what it sends must not be taken for commands.
                let what = "error: this is not HTTP: use nc or myrt-top\n\n";
                return answers.write_all(what.as_bytes());
            }
            match answer(line.trim()) {
                Some(text) => text,
                None => return Ok(()),
            }
        };
        // In one piece: a second one would wait for the client's acknowledgement of the first.
        answers.write_all((text + "\n").as_bytes())?;
    }
}

/// Whether it is the first line of a request, `POST / HTTP/1.1`.
fn is_http(line: &str) -> bool {
    line.trim()
        .rsplit(' ')
        .next()
        .is_some_and(|last| last.starts_with("HTTP/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(sent: &[u8]) -> String {
        let mut said = Vec::new();
        let echo = |line: &str| (line != "quit").then(|| format!("<{line}>\n"));
        talk(sent, &mut said, echo).unwrap();
        String::from_utf8(said).unwrap()
    }

    #[test]
    fn each_line_has_one_answer() {
        assert_eq!(
            answers(b"a\r\n b \n\nlast"),
            "<a>\n\n<b>\n\n<>\n\n<last>\n\n"
        );
        assert_eq!(answers(b"a\nquit\nb\n"), "<a>\n\n");
        assert_eq!(answers(b"\xff\0\n"), "<\u{fffd}\0>\n\n");
    }

    #[test]
    fn a_line_that_is_too_long_is_one_mistake_and_not_several_commands() {
        let longest = [&b"x".repeat(LONGEST_LINE)[..], b"\n"].concat();
        assert_eq!(answers(&longest).len(), LONGEST_LINE + 4);
        for more in [1, 2, 20_000] {
            let line = [&b"x".repeat(LONGEST_LINE + more)[..], b"\na\n"].concat();
            let expected = "error: a line has at most 4096 bytes\n\n<a>\n\n";
            assert_eq!(answers(&line), expected, "{more} too many");
        }
    }

    #[test]
    fn a_browser_is_shown_out() {
        let posted = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\ncancel main\n";
        let expected = "error: this is not HTTP: use nc or myrt-top\n\n";
        assert_eq!(answers(posted), expected);
    }
}
