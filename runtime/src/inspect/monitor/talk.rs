//! One client's lines, and the answers to them.
//!
//! Why: what clients send must not harm the program that is watched. A line has a longest length,
//! an answer that the client does not read is given up, and the connection ends at the first line
//! that is no command: what follows it may be a part of something else, such as the body of a
//! request that a page in a browser sends.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// Longest line that a client may send, in bytes.
const LONGEST_LINE: usize = 4096;
/// How long a client may leave an answer untaken.
const PATIENCE: Duration = Duration::from_secs(10);
/// How much is read and thrown away after the last answer, and how long is waited for more of it:
/// closing a socket that has unread bytes resets it, and the client may lose the answer.
const LEFTOVERS: u64 = 4 << 20;
const LINGER: Duration = Duration::from_secs(1);

/// What a line gets.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    Answer(String),
    /// An answer after which the connection ends.
    Last(String),
    /// No answer, and the end.
    End,
}

/// A client, however it came.
pub(super) enum Client {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Client {
    /// Whether only the owner's processes can have connected.
    pub(super) fn is_private(&self) -> bool {
        matches!(self, Self::Unix(_))
    }

    /// Answers the client's lines until it goes, or `answer` ends it. An answer ends with an empty
    /// line.
    pub(super) fn talk(self, answer: impl FnMut(&str) -> Reply) -> io::Result<()> {
        match &self {
            Self::Tcp(stream) => {
                stream.set_write_timeout(Some(PATIENCE))?;
                talk(stream, stream, answer)?;
                stream.set_read_timeout(Some(LINGER))?;
                stream.shutdown(Shutdown::Write)?;
                throw_away(stream)
            }
            Self::Unix(stream) => {
                stream.set_write_timeout(Some(PATIENCE))?;
                talk(stream, stream, answer)?;
                stream.set_read_timeout(Some(LINGER))?;
                stream.shutdown(Shutdown::Write)?;
                throw_away(stream)
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

fn throw_away(client: impl Read) -> io::Result<()> {
    io::copy(&mut client.take(LEFTOVERS), &mut io::sink()).map(drop)
}

fn talk(
    client: impl Read,
    mut answers: impl Write,
    mut answer: impl FnMut(&str) -> Reply,
) -> io::Result<()> {
    let mut lines = BufReader::new(client);
    loop {
        let mut line = Vec::new();
        let mut piece = lines.by_ref().take(LONGEST_LINE as u64 + 1);
        if piece.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let (text, last) = match read(&line).map_or_else(Reply::Last, &mut answer) {
            Reply::Answer(text) => (text, false),
            Reply::Last(text) => (text, true),
            Reply::End => return Ok(()),
        };
        // In one piece: a second one would wait for the client's acknowledgement of the first.
        answers.write_all((text + "\n").as_bytes())?;
        if last {
            return Ok(());
        }
    }
}

/// The text of a line.
///
/// # Errors
/// What to say to a client that does not speak this language.
fn read(line: &[u8]) -> Result<&str, String> {
    if line.len() > LONGEST_LINE && !line.ends_with(b"\n") {
        return Err(format!("error: a line has at most {LONGEST_LINE} bytes\n"));
    }
    let text = std::str::from_utf8(line).map(str::trim_ascii);
    let is_text = |text: &&str| !text.chars().any(|c| c.is_control() && c != '\t');
    match text.ok().filter(is_text) {
        Some(text) if is_http(text) => Err("error: this is not HTTP: use nc or myrt-top\n".into()),
        Some(text) => Ok(text),
        None => Err("error: this is not text\n".into()),
    }
}

/// Whether it is the first line of a request, `POST / HTTP/1.1`.
fn is_http(line: &str) -> bool {
    line.rsplit(' ')
        .next()
        .is_some_and(|last| last.starts_with("HTTP/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(sent: &[u8]) -> String {
        let mut said = Vec::new();
        let echo = |line: &str| match line {
            "quit" => Reply::End,
            "wrong" => Reply::Last("?\n".into()),
            line => Reply::Answer(format!("<{line}>\n")),
        };
        talk(sent, &mut said, echo).unwrap();
        String::from_utf8(said).unwrap()
    }

    #[test]
    fn each_line_has_one_answer() {
        assert_eq!(
            answers(b"a\r\n b\tc \n\nlast"),
            "<a>\n\n<b\tc>\n\n<>\n\n<last>\n\n"
        );
        assert_eq!(answers(b"a\nquit\nb\n"), "<a>\n\n");
        assert_eq!(answers(b"a\nwrong\nb\n"), "<a>\n\n?\n\n");
    }

    #[test]
    fn a_line_that_is_too_long_is_the_last_one() {
        let longest = [&b"x".repeat(LONGEST_LINE)[..], b"\n"].concat();
        assert_eq!(answers(&longest).len(), LONGEST_LINE + 4);
        for more in [1, 2, 20_000] {
            let line = [&b"x".repeat(LONGEST_LINE + more)[..], b"\na\n"].concat();
            let expected = "error: a line has at most 4096 bytes\n\n";
            assert_eq!(answers(&line), expected, "{more} too many");
        }
    }

    #[test]
    fn a_line_that_is_no_text_is_the_last_one() {
        let expected = "error: this is not text\n\n";
        for line in [
            &b"\xff\n"[..],
            b"\0\n",
            b"\x16\x03\x01\n",
            b"a\x1b[2J\n",
            b"a\rb\n",
        ] {
            let sent = [line, b"a\n"].concat();
            assert_eq!(answers(&sent), expected, "{line:?}");
        }
    }

    #[test]
    fn a_browser_is_shown_out() {
        let posted = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\ncancel main\n";
        let expected = "error: this is not HTTP: use nc or myrt-top\n\n";
        assert_eq!(answers(posted), expected);
    }
}
