//! compio, twice: io_uring and the polling driver. Its handles cancel when dropped, so detaching
//! is a call.

use std::future::Future;
use std::io;
use std::time::Duration;

use compio::BufResult;
use compio::driver::{DriverType, ProactorBuilder};
use compio::io::{AsyncRead, AsyncWriteExt};
use compio::net::{TcpListener, TcpStream};
use compio::runtime::{JoinHandle, RuntimeBuilder};
use futures_util::FutureExt;

use super::local::Local;
use crate::peer::{Peer, Serve, Unavailable};
use crate::tally;

/// The io_uring driver.
#[derive(Clone, Copy, Debug)]
pub struct Uring;

/// The polling driver (epoll).
#[derive(Clone, Copy, Debug)]
pub struct Polling;

macro_rules! peer {
    ($peer:ty, $driver:expr) => {
        impl Peer for $peer {
            type Join<T: 'static> = JoinHandle<T>;
            type Sync = Local;

            fn block_on<F: Future>(main: impl FnOnce(Self) -> F) -> Result<F::Output, Unavailable> {
                let mut proactor = ProactorBuilder::new();
                proactor.driver_type($driver);
                let runtime = RuntimeBuilder::new()
                    .with_proactor(proactor)
                    .build()
                    .map_err(Unavailable::because)?;
                Ok(runtime.block_on(main(Self)))
            }

            fn spawn<F>(self, future: F) -> Self::Join<F::Output>
            where
                F: Future + 'static,
                F::Output: 'static,
            {
                compio::runtime::spawn(future)
            }

            fn detach<T: 'static>(self, join: Self::Join<T>) {
                join.detach();
            }

            fn yield_now(self) -> impl Future<Output = ()> {
                futures_lite::future::yield_now()
            }

            fn sleep(self, duration: Duration) -> impl Future {
                compio::time::sleep(duration)
            }

            fn timeout<F: Future>(self, limit: Duration, future: F) -> impl Future {
                compio::time::timeout(limit, future)
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
                let mut first = std::pin::pin!(first.fuse());
                let mut second = std::pin::pin!(second.fuse());
                futures_util::select! {
                    value = first => value,
                    value = second => value,
                }
            }
        }

        impl Serve for $peer {
            async fn serve(self) -> io::Result<()> {
                let listener = TcpListener::bind("127.0.0.1:0").await?;
                tally::listening(listener.local_addr()?.port());
                loop {
                    let (stream, _) = listener.accept().await?;
                    tally::accepted();
                    compio::runtime::spawn(echo(stream)).detach();
                }
            }
        }
    };
}

peer!(Uring, DriverType::IoUring);
peer!(Polling, DriverType::Poll);

async fn echo(mut stream: TcpStream) {
    let mut buffer = Vec::with_capacity(64);
    loop {
        let BufResult(result, filled) = stream.read(buffer).await;
        buffer = filled;
        match result {
            Ok(0) | Err(_) => break,
            Ok(_) => {
                let BufResult(result, written) = stream.write_all(buffer).await;
                buffer = written;
                buffer.clear();
                if result.is_err() {
                    break;
                }
            }
        }
    }
    let _ = stream.close().await;
    tally::closed();
}
