//! A task whose socket is always ready, and a task beside it.

use std::cell::Cell;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::rc::Rc;

use step07::{Direction, block_on, ready, retry, spawn, yield_now};
use sys::count::call;

/// Two ends of one socket, both non-blocking.
fn pair() -> (UnixStream, UnixStream) {
    let (a, b) = UnixStream::pair().expect("two descriptors are free");
    a.set_nonblocking(true).expect("a socket can be");
    b.set_nonblocking(true).expect("a socket can be");
    (a, b)
}

/// Runs `busy`, and beside it a task that only yields: how often that has run when `busy` ends.
fn beside(busy: impl Future<Output = ()> + 'static) -> u32 {
    let turns = Rc::new(Cell::new(0));
    let count = Rc::clone(&turns);
    block_on(async move {
        let busy = spawn(async move {
            busy.await;
            turns.get()
        });
        drop(spawn(async move {
            loop {
                count.set(count.get() + 1);
                yield_now().await;
            }
        }));
        busy.await.expect("it does not panic")
    })
}

// ANCHOR: by_hand
/// As in step 6: tries, and waits only where it would block. Here it never would.
pub fn by_hand(operations: u32) -> u32 {
    let (mut a, mut b) = pair();
    beside(async move {
        for _ in 0..operations {
            b.write_all(b"x").expect("there is room");
            while a.read(&mut [0]).is_err() {
                ready(&a, Direction::Read).await.expect("it is open");
            }
        }
    })
}
// ANCHOR_END: by_hand

// ANCHOR: with_budget
/// The same with `retry`, which yields after 32 operations.
pub fn with_budget(operations: u32) -> u32 {
    let (a, mut b) = pair();
    beside(async move {
        for _ in 0..operations {
            b.write_all(b"x").expect("there is room");
            retry(&a, Direction::Read, || (&a).read(&mut [0])).await.expect("it is open");
        }
    })
}
// ANCHOR_END: with_budget

async fn echo(end: UnixStream) -> io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        let read = || call("read", || (&end).read(&mut buffer));
        let n = retry(&end, Direction::Read, read).await?;
        if n == 0 {
            return Ok(());
        }
        let write = || call("write", || (&end).write(&buffer[..n]));
        retry(&end, Direction::Write, write).await?;
    }
}

/// `clients` tasks that send a byte and await its echo, `times` times each, beside as many that
/// answer.
pub fn echoes(clients: usize, times: usize) {
    block_on(async move {
        let mut tasks = Vec::new();
        for _ in 0..clients {
            let (here, there) = pair();
            drop(spawn(echo(there)));
            tasks.push(spawn(async move {
                for _ in 0..times {
                    (&here).write_all(b"x").expect("there is room");
                    retry(&here, Direction::Read, || (&here).read(&mut [0]))
                        .await
                        .expect("it is open");
                }
            }));
        }
        for task in tasks {
            task.await.expect("it does not panic");
        }
    });
}
