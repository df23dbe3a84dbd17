//! glommio: io_uring only. It has local channels, a semaphore and a read-write lock of its own;
//! the oneshot is `local-sync`'s.

use std::future::Future;
use std::io;
use std::ops::DerefMut;
use std::time::Duration;

use futures_lite::{AsyncReadExt, AsyncWriteExt};
use futures_util::FutureExt;
use glommio::channels::local_channel::{self, LocalReceiver, LocalSender};
use glommio::net::{TcpListener, TcpStream};
use glommio::sync::{RwLock, Semaphore};
use glommio::{LocalExecutorBuilder, Placement, Task};
use local_sync::oneshot;

use crate::peer::{Peer, Primitives, Serve, Unavailable};
use crate::tally;

/// The thread's executor.
#[derive(Clone, Copy, Debug)]
pub struct Glommio;

impl Peer for Glommio {
    type Join<T: 'static> = Task<T>;
    type Sync = Own;

    fn block_on<F: Future>(main: impl FnOnce(Self) -> F) -> Result<F::Output, Unavailable> {
        let executor = LocalExecutorBuilder::new(Placement::Unbound)
            .make()
            .map_err(Unavailable::because)?;
        Ok(executor.run(main(Self)))
    }

    fn spawn<F>(self, future: F) -> Self::Join<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        glommio::spawn_local(future)
    }

    fn detach<T: 'static>(self, join: Self::Join<T>) {
        drop(join.detach());
    }

    fn yield_now(self) -> impl Future<Output = ()> {
        // What `glommio::executor().yield_now()` does, without the proxy's borrow.
        futures_lite::future::yield_now()
    }

    fn sleep(self, duration: Duration) -> impl Future {
        glommio::timer::Timer::new(duration)
    }

    fn timeout<F: Future>(self, limit: Duration, future: F) -> impl Future {
        glommio::timer::timeout(limit, async { Ok(future.await) })
    }

    fn gather<F: Future + 'static>(self, futures: Vec<F>) -> impl Future<Output = Vec<F::Output>>
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

impl Serve for Glommio {
    async fn serve(self) -> io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(io::Error::from)?;
        tally::listening(listener.local_addr().map_err(io::Error::from)?.port());
        loop {
            let stream = listener.accept().await.map_err(io::Error::from)?;
            tally::accepted();
            drop(glommio::spawn_local(echo(stream)).detach());
        }
    }
}

async fn echo(mut stream: TcpStream) {
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
    let _ = stream.close().await;
    tally::closed();
}

/// `glommio::sync` and `glommio::channels`.
#[derive(Debug)]
pub struct Own;

impl Primitives for Own {
    type Mutex = RwLock<u64>;
    type Semaphore = Semaphore;
    type Sender<T: 'static> = LocalSender<T>;
    type Receiver<T: 'static> = LocalReceiver<T>;
    type OnceSender<T: 'static> = oneshot::Sender<T>;
    type OnceReceiver<T: 'static> = oneshot::Receiver<T>;

    fn mutex(value: u64) -> Self::Mutex {
        RwLock::new(value)
    }

    async fn lock(mutex: &Self::Mutex) -> impl DerefMut<Target = u64> {
        mutex.write().await.expect("the lock is never closed")
    }

    fn semaphore(permits: usize) -> Self::Semaphore {
        Semaphore::new(permits as u64)
    }

    fn acquire(semaphore: &Self::Semaphore) -> impl Future {
        semaphore.acquire_permit(1)
    }

    fn channel<T: 'static>(capacity: usize) -> (Self::Sender<T>, Self::Receiver<T>) {
        local_channel::new_bounded(capacity)
    }

    fn send<T: 'static>(sender: &Self::Sender<T>, value: T) -> impl Future {
        sender.send(value)
    }

    fn receive<T: 'static>(receiver: &mut Self::Receiver<T>) -> impl Future<Output = Option<T>> {
        receiver.recv()
    }

    fn oneshot<T: 'static>() -> (Self::OnceSender<T>, Self::OnceReceiver<T>) {
        oneshot::channel()
    }

    fn send_once<T: 'static>(sender: Self::OnceSender<T>, value: T) {
        let _ = sender.send(value);
    }
}
