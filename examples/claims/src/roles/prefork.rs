//! Apache's prefork model: processes that each serve one client at a time.
//!
//! The parent opens the one listener and hands it to its workers as their standard input (the
//! course binds again in each child, which fails: R5). Their standard output is the pipe at which
//! the parent's own end shows, so they end with it.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Command, Stdio};

use super::http::{HELLO, requests};
use super::{end_with_parent, say};

/// Starts the workers, prints their process numbers, and waits for the end.
pub(super) fn parent(workers: usize) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let mut pids = String::new();
    let mut children = Vec::new();
    for _ in 0..workers {
        let pipe = io::stdin().as_fd().try_clone_to_owned()?;
        let child = Command::new(std::env::current_exe()?)
            .args(["--role", "prefork-worker"])
            .stdin(Stdio::from(OwnedFd::from(listener.try_clone()?)))
            .stdout(Stdio::from(pipe))
            .spawn()?;
        pids.push_str(&format!(" {}", child.id()));
        children.push(child);
    }
    say(&format!("listening {}", listener.local_addr()?.port()))?;
    say(&pids)?;
    for mut child in children {
        child.wait()?;
    }
    Ok(())
}

/// One client after the other.
pub(super) fn worker() -> io::Result<()> {
    let pipe = io::stdout().as_fd().try_clone_to_owned()?;
    end_with_parent(std::fs::File::from(pipe))?;
    let listener = TcpListener::from(io::stdin().as_fd().try_clone_to_owned()?);
    for stream in listener.incoming() {
        // A client that resets is its own affair.
        let _ = one_client(stream?);
    }
    Ok(())
}

fn one_client(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = [0; 4096];
    let mut bytes = Vec::new();
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        bytes.extend_from_slice(&buffer[..count]);
        let answers = requests(&mut bytes);
        stream.write_all(&HELLO.repeat(answers))?;
    }
}
