//! myrt, through its facade alone, as its users write it.

use std::future::Future;
use std::io;
use std::ops::DerefMut;
use std::time::Duration;

use myrt::net::{TcpListener, TcpStream};
use myrt::runtime::Runtime;
use myrt::sync::{Mutex, Semaphore, mpsc, oneshot};
use myrt::task::JoinHandle;

use crate::peer::{Peer, Primitives, Serve, Unavailable};
use crate::tally;

/// The thread's runtime.
#[derive(Clone, Copy, Debug)]
pub struct Myrt;

impl Peer for Myrt {
    type Join<T: 'static> = JoinHandle<T>;
    type Sync = Own;

    fn block_on<F: Future>(main: impl FnOnce(Self) -> F) -> Result<F::Output, Unavailable> {
        let mut runtime = Runtime::new().map_err(Unavailable::because)?;
        Ok(runtime.block_on(main(Self)))
    }

    fn spawn<F>(self, future: F) -> Self::Join<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        myrt::spawn(future)
    }

    fn detach<T: 'static>(self, join: Self::Join<T>) {
        drop(join);
    }

    fn yield_now(self) -> impl Future<Output = ()> {
        myrt::yield_now()
    }

    fn sleep(self, duration: Duration) -> impl Future {
        myrt::time::sleep(duration)
    }

    fn timeout<F: Future>(self, limit: Duration, future: F) -> impl Future {
        myrt::time::timeout(limit, future)
    }

    fn gather<F: Future + 'static>(self, futures: Vec<F>) -> impl Future<Output = Vec<F::Output>>
    where
        F::Output: 'static,
    {
        myrt::gather(futures)
    }

    async fn select<A, B>(self, first: A, second: B) -> u64
    where
        A: Future<Output = u64>,
        B: Future<Output = u64>,
    {
        myrt::select! {
            value = first => value,
            value = second => value,
        }
    }
}

impl Serve for Myrt {
    async fn serve(self) -> io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        tally::listening(listener.local_addr()?.port());
        loop {
            let (stream, _) = listener.accept().await?;
            tally::accepted();
            drop(myrt::spawn(echo(stream)));
        }
    }
}

async fn echo(stream: TcpStream) {
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

/// `myrt::sync`.
#[derive(Debug)]
pub struct Own;

impl Primitives for Own {
    type Mutex = Mutex<u64>;
    type Semaphore = Semaphore;
    type Sender<T: 'static> = mpsc::Sender<T>;
    type Receiver<T: 'static> = mpsc::Receiver<T>;
    type OnceSender<T: 'static> = oneshot::Sender<T>;
    type OnceReceiver<T: 'static> = oneshot::Receiver<T>;

    fn mutex(value: u64) -> Self::Mutex {
        Mutex::new(value)
    }

    fn lock(mutex: &Self::Mutex) -> impl Future<Output = impl DerefMut<Target = u64>> {
        mutex.lock()
    }

    fn semaphore(permits: usize) -> Self::Semaphore {
        Semaphore::new(permits)
    }

    fn acquire(semaphore: &Self::Semaphore) -> impl Future {
        semaphore.acquire()
    }

    fn channel<T: 'static>(capacity: usize) -> (Self::Sender<T>, Self::Receiver<T>) {
        mpsc::channel(capacity)
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
