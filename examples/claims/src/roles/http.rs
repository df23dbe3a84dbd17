//! HTTP as far as the claims need it: a server that takes its time, and one that says hello at
//! once.

use std::io;

use myrt::time::{Duration, sleep};

use super::{receive, send, serve, serve_at};

pub(super) const HELLO: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 13\r\n\r\nHello, world!";
const LATE: &[u8] = b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// How many requests `bytes` ends, and what is left of them.
pub(super) fn requests(bytes: &mut Vec<u8>) -> usize {
    let mut count = 0;
    let mut end = 0;
    while let Some(at) = bytes[end..].windows(4).position(|four| four == b"\r\n\r\n") {
        end += at + 4;
        count += 1;
    }
    bytes.drain(..end);
    count
}

/// Answers after `millis`, and closes.
pub(super) fn delay(millis: u64) -> io::Result<()> {
    serve(move |stream| async move {
        let mut bytes = Vec::new();
        while requests(&mut bytes) == 0 {
            if receive(&stream, &mut bytes).await? == 0 {
                return Ok(());
            }
        }
        drop(bytes);
        sleep(Duration::from_millis(millis)).await;
        send(&stream, LATE).await
    })
}

/// Answers at once, as often as asked. Several such processes at one port are nginx's workers.
pub(super) fn hello(port: u16) -> io::Result<()> {
    serve_at(Some(port), async |stream| {
        let mut bytes = Vec::new();
        while receive(&stream, &mut bytes).await? > 0 {
            let answers = requests(&mut bytes);
            if bytes.is_empty() {
                bytes = Vec::new();
            }
            send(&stream, &HELLO.repeat(answers)).await?;
        }
        Ok(())
    })
}
