//! What of the machine's side may go to other threads, at compile time: handles and futures are
//! tokens, so all of it.
#![cfg(all(feature = "process", feature = "fs"))]

use myrt::{fs, io, net, process, workers};

fn sent<T: Send + Sync>() {}

#[test]
fn tokens_are_send_and_sync() {
    sent::<process::Command>();
    sent::<process::Child>();
    sent::<process::ChildStdin>();
    sent::<process::ChildStdout>();
    sent::<process::ChildStderr>();
    sent::<process::Wait<'_>>();
    sent::<process::Communicate<'_>>();
    sent::<process::Collect>();
    sent::<process::StatusFuture>();
    sent::<fs::File>();
    sent::<fs::Read<'_>>();
    sent::<fs::WriteAll<'_>>();
    sent::<fs::Job<Vec<u8>>>();
    sent::<fs::OpenFuture>();
    sent::<fs::ReadDir>();
    sent::<fs::DirEntry>();
    sent::<io::Stdin>();
    sent::<io::Stdout>();
    sent::<io::Stderr>();
    sent::<io::Lines<io::Stdin>>();
    sent::<workers::Worker>();
    sent::<workers::Stopped>();
    sent::<net::ListenFd>();
    sent::<net::Splice<'_, net::TcpStream, net::UnixStream>>();
    sent::<net::SendFile<'_>>();
}
