//! RESP2: commands out of bytes, replies into bytes.
//!
//! The parser borrows: an argument is a pair of positions in the input, nothing is copied. It may
//! be interrupted after any byte and goes on where it was, so a command that comes one byte at a
//! time costs no more than one that comes at once. It knows neither sockets nor commands.

/// Longest inline command, as Redis has it.
const MAX_INLINE: usize = 64 * 1024;
/// Most arguments of one command.
const MAX_ARGUMENTS: usize = 1024 * 1024;
/// Room that is kept from one command to the next.
const MANY_WORDS: usize = 64;
/// Longest argument.
pub(crate) const MAX_BULK: usize = 512 * 1024 * 1024;
/// Longest line that says a length: a sign and the digits of an `i64`, with room to spare.
const MAX_LENGTH_LINE: usize = 32;

/// What a client must not send. The connection is of no use after it: nobody knows where the next
/// command begins.
#[derive(Debug)]
pub(crate) struct ProtocolError(pub String);

impl ProtocolError {
    fn new<T>(text: &str) -> Result<T, Self> {
        Err(Self(text.to_owned()))
    }
}

/// One command's words. The first is its name.
#[derive(Clone, Copy)]
pub(crate) struct Args<'a> {
    input: &'a [u8],
    words: &'a [(usize, usize)],
}

impl<'a> Args<'a> {
    pub(crate) fn len(self) -> usize {
        self.words.len()
    }

    pub(crate) fn get(self, index: usize) -> &'a [u8] {
        let (start, end) = self.words[index];
        &self.input[start..end]
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = &'a [u8]> {
        self.words
            .iter()
            .map(move |&(start, end)| &self.input[start..end])
    }
}

/// The state between two reads.
#[derive(Default)]
pub(crate) struct Parser {
    words: Vec<(usize, usize)>,
    /// Arguments of an array that are still to come.
    missing: usize,
    /// Up to here the command has been understood.
    at: usize,
}

impl Parser {
    /// Looks for a command at the start of `input`, which must begin with the same bytes as in the
    /// call before if that one found none. Gives its length; [`args`](Self::args) has its words
    /// then. An empty command has no words.
    pub(crate) fn parse(&mut self, input: &[u8]) -> Result<Option<usize>, ProtocolError> {
        if self.at == 0 {
            self.words.clear();
            self.words.shrink_to(MANY_WORDS);
            match input.first() {
                None => return Ok(None),
                Some(b'*') => {
                    let Some((count, next)) = length(input, 1, "invalid multibulk length")? else {
                        return Ok(None);
                    };
                    self.at = next;
                    self.missing = usize::try_from(count).unwrap_or(0); // -1 is a nil array: nothing to do
                    if self.missing > MAX_ARGUMENTS {
                        return ProtocolError::new("invalid multibulk length");
                    }
                }
                Some(_) => return self.inline(input),
            }
        }
        while self.missing > 0 {
            match input.get(self.at) {
                None => return Ok(None),
                Some(b'$') => {}
                Some(other) => {
                    return Err(ProtocolError(format!(
                        "expected '$', got '{}'",
                        other.escape_ascii()
                    )));
                }
            }
            let Some((count, start)) = length(input, self.at + 1, "invalid bulk length")? else {
                return Ok(None);
            };
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            if count > MAX_BULK {
                return ProtocolError::new("invalid bulk length");
            }
            let end = start + count;
            match input.get(end..end + 2) {
                None => return Ok(None),
                Some(b"\r\n") => {}
                Some(_) => return ProtocolError::new("a bulk string must end with CRLF"),
            }
            self.words.push((start, end));
            self.missing -= 1;
            self.at = end + 2;
        }
        let used = self.at;
        self.at = 0;
        Ok(Some(used))
    }

    /// The words of the command that [`parse`](Self::parse) has found at the start of `input`.
    pub(crate) fn args<'a>(&'a self, input: &'a [u8]) -> Args<'a> {
        Args {
            input,
            words: &self.words,
        }
    }

    /// A line of words, as a person types it into telnet: `SET greeting "hello world"`. What stands
    /// between quotes is one word; backslashes within it are nothing special.
    fn inline(&mut self, input: &[u8]) -> Result<Option<usize>, ProtocolError> {
        let Some(end) = input.iter().position(|&byte| byte == b'\n') else {
            return match input.len() {
                0..=MAX_INLINE => Ok(None),
                _ => ProtocolError::new("too big inline request"),
            };
        };
        if end > MAX_INLINE {
            return ProtocolError::new("too big inline request");
        }
        let mut at = 0;
        while at < end {
            let quote = match input[at] {
                byte if byte.is_ascii_whitespace() => {
                    at += 1;
                    continue;
                }
                byte @ (b'"' | b'\'') => Some(byte),
                _ => None,
            };
            let start = at + usize::from(quote.is_some());
            let is_last = |byte: &u8| match quote {
                Some(quote) => *byte == quote,
                None => byte.is_ascii_whitespace(),
            };
            let length = input[start..end].iter().position(is_last);
            let stop = match length {
                Some(length) => start + length,
                None if quote.is_some() => {
                    return ProtocolError::new("unbalanced quotes in request");
                }
                None => end,
            };
            self.words.push((start, stop));
            at = stop + usize::from(quote.is_some());
        }
        Ok(Some(end + 1))
    }
}

/// The number at `at`, and the position after its CRLF.
fn length(input: &[u8], at: usize, error: &str) -> Result<Option<(i64, usize)>, ProtocolError> {
    let mut number: i64 = 0;
    let negative = input.get(at) == Some(&b'-');
    let start = at + usize::from(negative);
    for (index, &byte) in input.iter().enumerate().skip(start).take(MAX_LENGTH_LINE) {
        match byte {
            b'0'..=b'9' => {
                let next = number
                    .checked_mul(10)
                    .and_then(|n| n.checked_add(i64::from(byte - b'0')));
                let Some(next) = next else {
                    return ProtocolError::new(error);
                };
                number = next;
            }
            b'\r' if index > start => {
                return match input.get(index + 1) {
                    None => Ok(None),
                    Some(b'\n') => Ok(Some((if negative { -number } else { number }, index + 2))),
                    Some(_) => ProtocolError::new(error),
                };
            }
            _ => return ProtocolError::new(error),
        }
    }
    if input.len() - at > MAX_LENGTH_LINE {
        return ProtocolError::new(error);
    }
    Ok(None)
}

/// `+text`
pub(crate) fn simple(out: &mut Vec<u8>, text: &str) {
    out.push(b'+');
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// `-text`: a word in capitals, then what is wrong. A line break in it would end the reply, so
/// there is none.
pub(crate) fn error(out: &mut Vec<u8>, text: &str) {
    out.push(b'-');
    out.extend(text.bytes().map(|byte| {
        if byte == b'\r' || byte == b'\n' {
            b' '
        } else {
            byte
        }
    }));
    out.extend_from_slice(b"\r\n");
}

/// `:number`
pub(crate) fn integer(out: &mut Vec<u8>, number: i64) {
    line(out, b':', number);
}

/// A number of things.
pub(crate) fn count(out: &mut Vec<u8>, number: usize) {
    integer(out, i64::try_from(number).unwrap_or(i64::MAX));
}

/// `*count`; the elements follow.
pub(crate) fn array(out: &mut Vec<u8>, count: usize) {
    line(out, b'*', i64::try_from(count).unwrap_or(i64::MAX));
}

/// `$length`, then the bytes.
pub(crate) fn bulk(out: &mut Vec<u8>, bytes: &[u8]) {
    line(out, b'$', i64::try_from(bytes.len()).unwrap_or(i64::MAX));
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

/// Nothing there.
pub(crate) fn nil(out: &mut Vec<u8>) {
    out.extend_from_slice(b"$-1\r\n");
}

fn line(out: &mut Vec<u8>, kind: u8, number: i64) {
    if let Ok(digit @ 0..=9) = u8::try_from(number) {
        out.extend_from_slice(&[kind, b'0' + digit, b'\r', b'\n']);
        return;
    }
    out.push(kind);
    decimal(out, number);
    out.extend_from_slice(b"\r\n");
}

/// Appends a number in decimal, without the machinery of `format!`.
pub(crate) fn decimal(out: &mut Vec<u8>, number: i64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = number.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b"0123456789"[usize::try_from(rest % 10).unwrap_or(0)];
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::{Parser, decimal};

    fn words(input: &[u8]) -> Result<Option<Vec<Vec<u8>>>, String> {
        let mut parser = Parser::default();
        let found = parser.parse(input).map_err(|error| error.0)?;
        Ok(found.map(|_| parser.args(input).iter().map(<[u8]>::to_vec).collect()))
    }

    #[test]
    fn a_command_may_come_byte_by_byte() {
        let whole = b"*2\r\n$4\r\nECHO\r\n$3\r\na\r\n\r\n";
        let mut parser = Parser::default();
        for end in 0..whole.len() {
            assert!(
                parser.parse(&whole[..end]).unwrap().is_none(),
                "after {end} bytes"
            );
        }
        assert_eq!(parser.parse(whole).unwrap(), Some(whole.len()));
        assert_eq!(parser.args(whole).get(1), b"a\r\n");
    }

    #[test]
    fn what_no_client_may_send_is_refused() {
        for bad in [
            &b"*x\r\n"[..],
            b"*1048577\r\n",
            b"*1\r\n:1\r\n",
            b"*1\r\n$-1\r\n",
            b"*1\r\n$999999999999\r\n",
            b"*1\r\n$99999999999999999999999\r\n",
            b"*00000000000000000000000000000000000000000",
            b"*1\r\n$1\r\nab\r\n",
            b"set \"x\r\n",
        ] {
            assert!(words(bad).is_err(), "{}", bad.escape_ascii());
        }
        assert!(words(&vec![b'a'; 70_000]).is_err(), "a line without an end");
    }

    #[test]
    fn a_line_is_a_command_too() {
        let line = words(b"set  k 'two words' \r\n").unwrap().unwrap();
        assert_eq!(line, [&b"set"[..], b"k", b"two words"]);
        assert_eq!(words(b"\r\n").unwrap().unwrap(), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn numbers_are_written_as_format_would() {
        for number in [0, 9, 10, -1, i64::MAX, i64::MIN] {
            let mut out = Vec::new();
            decimal(&mut out, number);
            assert_eq!(out, number.to_string().as_bytes());
        }
    }
}
