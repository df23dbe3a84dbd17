//! Asks a monitor over a plain socket, as `nc` would, and makes its answers comparable: what
//! changes from run to run is masked, and places in the source are shown as the code that stands
//! there.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

/// Asks one question on a connection of its own; the answer ends with an empty line.
pub(crate) fn ask(address: SocketAddr, question: &str) -> String {
    ask_of(TcpStream::connect(address).unwrap(), question)
}

/// The same on a connection of any kind.
pub(crate) fn ask_of(mut client: impl Read + Write, question: &str) -> String {
    writeln!(client, "{question}").unwrap();
    let lines = BufReader::new(client).lines().map_while(Result::ok);
    lines
        .take_while(|line| !line.is_empty())
        .map(|line| line + "\n")
        .collect()
}

/// Asks with the monitor's token, so that it may cancel and record.
#[allow(dead_code, reason = "some files only read")]
pub(crate) fn ask_allowed(address: SocketAddr, token: &str, question: &str) -> String {
    let mut client = TcpStream::connect(address).unwrap();
    writeln!(client, "token {token}").unwrap();
    let mut lines = BufReader::new(client.try_clone().unwrap());
    for expected in ["allowed: cancel, record\n", "\n"] {
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        assert_eq!(line, expected);
    }
    ask_of(client, question)
}

/// Sends bytes and no more, and reads all that comes.
#[allow(dead_code, reason = "some files only ask")]
pub(crate) fn send(address: SocketAddr, bytes: &[u8]) -> String {
    let mut client = TcpStream::connect(address).unwrap();
    client.write_all(bytes).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

/// Replaces what stands between `before` and the first character that `ends` it, at each place.
pub(crate) fn mask(text: &str, before: &str, ends: impl Fn(char) -> bool, with: &str) -> String {
    let mut parts = text.split(before);
    let mut masked = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.find(&ends).map_or("", |end| &part[end..]);
        masked.push_str(before);
        masked.push_str(with);
        masked.push_str(rest);
    }
    masked
}

/// Leaves out how long polls took, which is there when they are timed, as where lints are on.
pub(crate) fn without_times(json: &str) -> String {
    let digit = |c: char| !c.is_ascii_digit();
    let text = mask(json, ",\"busy_us\":", digit, "");
    let text = mask(&text, ",\"longest_poll_us\":", digit, "");
    text.replace(",\"busy_us\":,\"longest_poll_us\":", "")
}

/// Shows each `file:line:column` as the line of code that is there, with a mark at the column.
pub(crate) fn show_places(text: &str, file: &str, source: &str) -> String {
    let before = format!("{file}:");
    let mut parts = text.split(&before);
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = |c: char| !c.is_ascii_digit();
        let (line, rest) = part.split_once(':').unwrap();
        let end = rest.find(digits).unwrap_or(rest.len());
        let (column, rest) = rest.split_at(end);
        let line: usize = line.parse().unwrap();
        let column: usize = column.parse().unwrap();
        let code = source.lines().nth(line - 1).unwrap();
        let (left, right) = code.split_at(column - 1);
        shown.push_str(left.trim_start());
        shown.push('▸');
        shown.push_str(right);
        shown.push_str(rest);
    }
    shown
}
