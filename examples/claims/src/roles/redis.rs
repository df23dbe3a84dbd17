//! A small Redis, used where the course's own program is not built: PING, GET and SET over RESP,
//! one thread, no locks.
//!
//! Complete commands of a read are answered by one write.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::rc::Rc;

use super::{Shared, receive, send};

type Store = Shared<HashMap<Vec<u8>, Vec<u8>>>;

pub(super) fn serve() -> io::Result<()> {
    let store = Store::new(RefCell::default());
    super::serve(move |stream| {
        let store = Rc::clone(&store);
        async move {
            let mut bytes = Vec::new();
            while receive(&stream, &mut bytes).await? > 0 {
                let mut answer = Vec::new();
                let mut done = 0;
                while let Some((command, length)) = parse(&bytes[done..])? {
                    execute(&command, &store, &mut answer);
                    done += length;
                }
                bytes.drain(..done);
                if bytes.is_empty() {
                    bytes = Vec::new();
                }
                send(&stream, &answer).await?;
            }
            Ok(())
        }
    })
}

/// The words of a command, and how many bytes it took.
type Parsed<'a> = (Vec<&'a [u8]>, usize);

/// The first command of `bytes` and its length; `None` while it is incomplete.
fn parse(bytes: &[u8]) -> io::Result<Option<Parsed<'_>>> {
    let Some((count, mut at)) = header(bytes, b'*')? else {
        return Ok(None);
    };
    let mut words = Vec::new();
    for _ in 0..count {
        let Some((length, start)) = header(&bytes[at..], b'$')? else {
            return Ok(None);
        };
        let word = at + start;
        if bytes.len() < word + length + 2 {
            return Ok(None);
        }
        words.push(&bytes[word..word + length]);
        at = word + length + 2;
    }
    Ok(Some((words, at)))
}

/// A kind and a number at the start of `bytes`: the number, and where the rest begins.
fn header(bytes: &[u8], kind: u8) -> io::Result<Option<(usize, usize)>> {
    let Some(end) = bytes.windows(2).position(|two| two == b"\r\n") else {
        return Ok(None);
    };
    let number = bytes[..end]
        .strip_prefix(&[kind])
        .and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok())
        .filter(|number| *number < 1 << 20);
    match number {
        Some(number) => Ok(Some((number, end + 2))),
        None => Err(io::Error::new(io::ErrorKind::InvalidData, "no RESP")),
    }
}

fn execute(words: &[&[u8]], store: &Store, answer: &mut Vec<u8>) {
    match words {
        [name] if name.eq_ignore_ascii_case(b"PING") => answer.extend(b"+PONG\r\n"),
        [name, key, value] if name.eq_ignore_ascii_case(b"SET") => {
            store.borrow_mut().insert(key.to_vec(), value.to_vec());
            answer.extend(b"+OK\r\n");
        }
        [name, key] if name.eq_ignore_ascii_case(b"GET") => match store.borrow().get(*key) {
            Some(value) => {
                answer.extend(format!("${}\r\n", value.len()).bytes());
                answer.extend(value);
                answer.extend(b"\r\n");
            }
            None => answer.extend(b"$-1\r\n"),
        },
        _ => answer.extend(b"-ERR unknown command\r\n"),
    }
}
