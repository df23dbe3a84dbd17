//! monoio, twice: the legacy driver (epoll) and io_uring. Spawning and time are the same code;
//! only the driver under `block_on` differs.

use std::future::Future;
use std::io;
use std::time::Duration;

use monoio::io::{AsyncReadRent, AsyncWriteRentExt};
use monoio::net::{TcpListener, TcpStream};
use monoio::task::JoinHandle;
use monoio::{IoUringDriver, LegacyDriver, RuntimeBuilder};

use super::local::Local;
use crate::peer::{Peer, Serve, Unavailable};
use crate::tally;

/// The legacy driver.
#[derive(Clone, Copy, Debug)]
pub struct Epoll;

/// The io_uring driver.
#[derive(Clone, Copy, Debug)]
pub struct Uring;

macro_rules! peer {
    ($peer:ty, $driver:ty) => {
        impl Peer for $peer {
            type Join<T: 'static> = JoinHandle<T>;
            type Sync = Local;

            fn block_on<F: Future>(main: impl FnOnce(Self) -> F) -> Result<F::Output, Unavailable> {
                let mut runtime = RuntimeBuilder::<$driver>::new()
                    .enable_timer()
                    .build()
                    .map_err(Unavailable::because)?;
                Ok(runtime.block_on(main(Self)))
            }

            fn spawn<F>(self, future: F) -> Self::Join<F::Output>
            where
                F: Future + 'static,
                F::Output: 'static,
            {
                monoio::spawn(future)
            }

            fn detach<T: 'static>(self, join: Self::Join<T>) {
                drop(join);
            }

            fn yield_now(self) -> impl Future<Output = ()> {
                futures_lite::future::yield_now()
            }

            fn sleep(self, duration: Duration) -> impl Future {
                monoio::time::sleep(duration)
            }

            fn timeout<F: Future>(self, limit: Duration, future: F) -> impl Future {
                monoio::time::timeout(limit, future)
            }

            fn gather<F: Future + 'static>(
                self,
                futures: Vec<F>,
            ) -> impl Future<Output = Vec<F::Output>>
            where
                F::Output: 'static,
            {
                futures_util::future::join_all(futures)
            }

            async fn select<A, B>(self, first: A, second: B) -> u64
            where
                A: Future<Output = u64>,
                B: Future<Output = u64>,
            {
                let mut first = std::pin::pin!(first);
                let mut second = std::pin::pin!(second);
                monoio::select! {
                    value = &mut first => value,
                    value = &mut second => value,
                }
            }
        }

        impl Serve for $peer {
            async fn serve(self) -> io::Result<()> {
                let listener = TcpListener::bind("127.0.0.1:0")?;
                tally::listening(listener.local_addr()?.port());
                loop {
                    let (stream, _) = listener.accept().await?;
                    tally::accepted();
                    monoio::spawn(echo(stream));
                }
            }
        }
    };
}

peer!(Epoll, LegacyDriver);
peer!(Uring, IoUringDriver);

async fn echo(mut stream: TcpStream) {
    let mut buffer = Vec::with_capacity(64);
    loop {
        let result;
        (result, buffer) = stream.read(buffer).await;
        match result {
            Ok(0) | Err(_) => break,
            Ok(_) => {
                let result;
                (result, buffer) = stream.write_all(buffer).await;
                if result.is_err() {
                    break;
                }
            }
        }
    }
    drop(stream);
    tally::closed();
}
