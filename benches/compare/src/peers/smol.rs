//! smol: `LocalExecutor` of async-executor over the reactor of async-io.
//!
//! The executor is leaked to get a `'static` handle, which is what smol's users do with a
//! thread-local or a static executor.

use std::future::Future;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use async_executor::{LocalExecutor, Task};
use async_io::{Async, Timer};
use futures_lite::{AsyncReadExt, AsyncWriteExt, future};

use super::neutral::Neutral;
use crate::peer::{Peer, Serve, Unavailable};
use crate::tally;

/// A handle to the thread's executor.
#[derive(Clone, Copy, Debug)]
pub struct Smol(&'static LocalExecutor<'static>);

impl Peer for Smol {
    type Join<T: 'static> = Task<T>;
    type Sync = Neutral;

    fn block_on<F: Future>(main: impl FnOnce(Self) -> F) -> Result<F::Output, Unavailable> {
        let executor: &'static LocalExecutor<'static> = Box::leak(Box::new(LocalExecutor::new()));
        Ok(async_io::block_on(executor.run(main(Self(executor)))))
    }

    fn spawn<F>(self, future: F) -> Self::Join<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        self.0.spawn(future)
    }

    fn detach<T: 'static>(self, join: Self::Join<T>) {
        join.detach();
    }

    fn yield_now(self) -> impl Future<Output = ()> {
        future::yield_now()
    }

    fn sleep(self, duration: Duration) -> impl Future {
        Timer::after(duration)
    }

    fn timeout<F: Future>(self, limit: Duration, inner: F) -> impl Future {
        // As smol's documentation writes a timeout.
        future::or(async { Some(inner.await) }, async move {
            Timer::after(limit).await;
            None
        })
    }

    fn gather<F: Future + 'static>(self, futures: Vec<F>) -> impl Future<Output = Vec<F::Output>>
    where
        F::Output: 'static,
    {
        futures_util::future::join_all(futures)
    }

    fn select<A, B>(self, first: A, second: B) -> impl Future<Output = u64>
    where
        A: Future<Output = u64>,
        B: Future<Output = u64>,
    {
        future::race(first, second)
    }
}

impl Serve for Smol {
    async fn serve(self) -> io::Result<()> {
        let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], 0))?;
        tally::listening(listener.get_ref().local_addr()?.port());
        loop {
            let (stream, _) = listener.accept().await?;
            tally::accepted();
            self.spawn(echo(stream)).detach();
        }
    }
}

async fn echo(mut stream: Async<TcpStream>) {
    let mut buffer = [0; 64];
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(length) => {
                if stream.write_all(&buffer[..length]).await.is_err() {
                    break;
                }
            }
        }
    }
    drop(stream);
    tally::closed();
}
