//! A server with a fixed number of threads.
#![allow(unused_variables, reason = "an exercise that is not done yet")]

use std::io;
use std::net::TcpListener;

/// Serves `clients` clients with exactly `threads` threads, and returns when all have left. A
/// client that finds no free thread waits.
pub fn serve_with_pool(listener: &TcpListener, threads: usize, clients: usize) -> io::Result<()> {
    todo!("accept from several threads: a listener may be shared")
}
