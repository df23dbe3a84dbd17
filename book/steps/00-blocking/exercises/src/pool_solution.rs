//! A server with a fixed number of threads.

use std::io;
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use step00::echo;

/// Serves `clients` clients with exactly `threads` threads, and returns when all have left. A
/// client that finds no free thread waits.
pub fn serve_with_pool(listener: &TcpListener, threads: usize, clients: usize) -> io::Result<()> {
    let taken = AtomicUsize::new(0);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    while taken.fetch_add(1, Ordering::Relaxed) < clients {
                        let (client, _) = listener.accept()?;
                        let _ = echo(client);
                    }
                    Ok(())
                })
            })
            .collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("echo does not panic"))
    })
}
