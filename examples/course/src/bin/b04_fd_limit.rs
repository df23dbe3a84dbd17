//! select knows descriptors up to 1,023, whatever the process may have.
//!
//! In C the 1,025th descriptor is a bit beyond the end of the set: memory of somebody else,
//! silently. Here it is an error that says so, and nothing else is disturbed. The other selectors
//! take it.
//!
//! Course: 8.6, limits of select (B4; the claim N14). The course's `unsigned long
//! fds_bits[FD_SETSIZE/8]` would be eight times as large as the set is (R10), and its table of
//! select with 10,000 sockets shows what cannot be measured (R11).
//!
//! ```text
//! cargo run --release -p course --bin fd_limit
//! ```

use std::io;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::rc::Rc;

use myrt::io::Async;
use myrt::runtime::{Builder, FdTooLarge, Selector, raise_fd_limit};
use myrt::time::{Duration, timeout};

fn main() -> io::Result<()> {
    raise_fd_limit()?;
    // The runtimes first: their own descriptors are below the limit, too.
    let mut runtimes = Vec::new();
    for selector in [Selector::Select, Selector::Poll, Selector::Epoll] {
        runtimes.push((selector, Builder::new().selector(selector).build()?));
    }
    let low = Rc::new(UdpSocket::bind("127.0.0.1:0")?);
    // Descriptors are given out from below: fill the places up to 1,023.
    let mut high = Rc::new(low.try_clone()?);
    let mut filling = Vec::new();
    while high.as_raw_fd() < 1024 {
        filling.push(Rc::clone(&high));
        high = Rc::new(UdpSocket::bind("127.0.0.1:0")?);
    }
    for (selector, runtime) in runtimes {
        runtime.block_on(async {
            for socket in [&low, &high] {
                let number = socket.as_raw_fd();
                let waiting = Async::new(Rc::clone(socket))?;
                match timeout(Duration::from_millis(10), waiting.readable()).await {
                    Err(_) => println!("{selector:<8} waits for descriptor {number}"),
                    Ok(Ok(())) => println!("{selector:<8} descriptor {number} is readable"),
                    Ok(Err(error)) => {
                        let typed = error
                            .get_ref()
                            .and_then(|inner| inner.downcast_ref::<FdTooLarge>());
                        println!(
                            "{selector:<8} refuses descriptor {number}: {error} (typed: {})",
                            typed.is_some()
                        );
                    }
                }
            }
            io::Result::Ok(())
        })?;
    }
    Ok(())
}
