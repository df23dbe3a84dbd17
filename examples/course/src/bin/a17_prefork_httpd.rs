//! Apache's prefork model: processes that each serve one client at a time, for comparison. No
//! runtime.
//!
//! The parent opens the one listener and hands it to its children, as their standard input; the
//! kernel gives each connection to one of those that wait in `accept`. With ten processes the
//! eleventh slow client waits.
//!
//! Course: 8.5, case 1 (A17; the claims N3 and N6). The course binds the port again in each child,
//! which fails with EADDRINUSE (R5): a listener is inherited, or shares its port as in
//! `nginx_like`.
//!
//! ```text
//! cargo run --release -p course --bin prefork_httpd -- 127.0.0.1:8000 --procs 10
//! ```
//!
//! Clients: `curl localhost:8000`, `wrk -t1 -c10 http://localhost:8000/`.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::parent_id;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use lexopt::ValueExt;

/// How long a client may keep a whole process waiting.
const PATIENCE: Duration = Duration::from_secs(10);
const MAX_HEAD: usize = 16 * 1024;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut address = "127.0.0.1:8000".to_owned();
    let mut processes = 10;
    let mut is_child = false;
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            lexopt::Arg::Value(value) => address = value.string()?,
            lexopt::Arg::Long("procs") => processes = arguments.value()?.parse()?,
            lexopt::Arg::Long("child") => is_child = true,
            other => return Err(other.unexpected().into()),
        }
    }
    if is_child {
        let inherited = io::stdin().as_fd().try_clone_to_owned()?;
        return Ok(serve(&TcpListener::from(inherited))?);
    }
    let listener = TcpListener::bind(address)?;
    println!(
        "listening on {} with {processes} processes",
        listener.local_addr()?
    );
    let mut children = Vec::new();
    for _ in 0..processes {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .arg("--child")
            .stdin(Stdio::from(OwnedFd::from(listener.try_clone()?)));
        children.push(command.spawn()?);
    }
    for mut child in children {
        child.wait()?;
    }
    Ok(())
}

fn serve(listener: &TcpListener) -> io::Result<()> {
    end_with_parent();
    for stream in listener.incoming().flatten() {
        let _ = answer(stream);
    }
    Ok(())
}

/// A child whose parent was killed serves nobody any more. It waits in `accept`, so another thread
/// looks.
#[expect(clippy::disallowed_methods, reason = "there is no runtime here")]
fn end_with_parent() {
    let parent = parent_id();
    thread::spawn(move || {
        while parent_id() == parent {
            thread::sleep(Duration::from_millis(100));
        }
        std::process::exit(0);
    });
}

/// Answers the requests of one connection, while it lasts.
fn answer(mut stream: TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let text = format!("Hello from process {}\n", std::process::id());
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{text}",
        text.len()
    );
    let mut input = Vec::new();
    let mut buf = [0; 4096];
    loop {
        while let Some(end) = input.windows(4).position(|four| four == b"\r\n\r\n") {
            input.drain(..end + 4);
            stream.write_all(answer.as_bytes())?;
        }
        let n = stream.read(&mut buf)?;
        if n == 0 || input.len() > MAX_HEAD {
            return Ok(());
        }
        input.extend_from_slice(&buf[..n]);
    }
}
