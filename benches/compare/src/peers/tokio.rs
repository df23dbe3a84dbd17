//! tokio, twice: the `current_thread` runtime (the baseline of every ratio) and `LocalRuntime`.
//!
//! `current_thread` takes only `Send` futures; the programs are not `Send`. A `LocalSet` would
//! cost it time that its users do not pay, so its tasks are wrapped in a promise that holds on one
//! thread instead.

use std::future::Future;
use std::io;
use std::ops::DerefMut;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{Mutex, Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::peer::{Peer, Primitives, Serve, ServeHello, Unavailable};
use crate::programs::hello::Requests;
use crate::tally;

/// `Builder::new_current_thread().build()`.
#[derive(Clone, Copy, Debug)]
pub struct CurrentThread;

/// `Builder::new_current_thread().build_local()`.
#[derive(Clone, Copy, Debug)]
pub struct Local;

/// A promise that the value stays on its thread.
#[derive(Debug)]
pub struct OneThread<T>(T);

// SAFETY: a `current_thread` runtime polls and drops its tasks on the thread inside `block_on`
// (here the only one), and the outputs are taken there too.
unsafe impl<T> Send for OneThread<T> {}

impl<F: Future> Future for OneThread<F> {
    type Output = OneThread<F::Output>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: the field is pinned with the whole and never moved out.
        let future = unsafe { self.map_unchecked_mut(|wrapped| &mut wrapped.0) };
        future.poll(context).map(OneThread)
    }
}

impl Peer for CurrentThread {
    type Join<T: 'static> = JoinHandle<OneThread<T>>;
    type Sync = Tokio;

    fn block_on<F: Future>(main: impl FnOnce(Self) -> F) -> Result<F::Output, Unavailable> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Unavailable::because)?;
        Ok(runtime.block_on(main(Self)))
    }

    fn spawn<F>(self, future: F) -> Self::Join<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        tokio::spawn(OneThread(future))
    }

    fn detach<T: 'static>(self, join: Self::Join<T>) {
        drop(join);
    }

    fn yield_now(self) -> impl Future<Output = ()> {
        tokio::task::yield_now()
    }

    fn sleep(self, duration: Duration) -> impl Future {
        tokio::time::sleep(duration)
    }

    fn timeout<F: Future>(self, limit: Duration, future: F) -> impl Future {
        tokio::time::timeout(limit, future)
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
        select(first, second)
    }
}

impl Peer for Local {
    type Join<T: 'static> = JoinHandle<T>;
    type Sync = Tokio;

    fn block_on<F: Future>(main: impl FnOnce(Self) -> F) -> Result<F::Output, Unavailable> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build_local(LocalOptions::default())
            .map_err(Unavailable::because)?;
        Ok(runtime.block_on(main(Self)))
    }

    fn spawn<F>(self, future: F) -> Self::Join<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        tokio::task::spawn_local(future)
    }

    fn detach<T: 'static>(self, join: Self::Join<T>) {
        drop(join);
    }

    fn yield_now(self) -> impl Future<Output = ()> {
        tokio::task::yield_now()
    }

    fn sleep(self, duration: Duration) -> impl Future {
        tokio::time::sleep(duration)
    }

    fn timeout<F: Future>(self, limit: Duration, future: F) -> impl Future {
        tokio::time::timeout(limit, future)
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
        select(first, second)
    }
}

async fn select<A, B>(first: A, second: B) -> u64
where
    A: Future<Output = u64>,
    B: Future<Output = u64>,
{
    tokio::select! {
        value = first => value,
        value = second => value,
    }
}

impl Serve for CurrentThread {
    fn serve(self) -> impl Future<Output = io::Result<()>> {
        serve(self)
    }
}

impl Serve for Local {
    fn serve(self) -> impl Future<Output = io::Result<()>> {
        serve(self)
    }
}

impl ServeHello for CurrentThread {
    fn serve_hello(self) -> impl Future<Output = io::Result<()>> {
        serve_hello(self)
    }
}

impl ServeHello for Local {
    fn serve_hello(self) -> impl Future<Output = io::Result<()>> {
        serve_hello(self)
    }
}

/// hyper-util's adapters, as its users take them; the two runtimes differ in how they spawn alone.
#[cfg(feature = "hyper")]
mod http {
    use std::io;

    use hyper_util::rt::{TokioIo, TokioTimer};
    use tokio::net::{TcpListener, TcpStream};

    use super::{CurrentThread, Local};
    use crate::peer::ServeHttp;

    impl ServeHttp for CurrentThread {
        type Listener = TcpListener;
        type Stream = TokioIo<TcpStream>;
        type Timer = TokioTimer;

        async fn listen(self) -> io::Result<(TcpListener, u16)> {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let port = listener.local_addr()?.port();
            Ok((listener, port))
        }

        async fn accept(self, listener: &TcpListener) -> io::Result<Self::Stream> {
            Ok(TokioIo::new(listener.accept().await?.0))
        }

        fn timer(self) -> Self::Timer {
            TokioTimer::new()
        }
    }

    impl ServeHttp for Local {
        type Listener = TcpListener;
        type Stream = TokioIo<TcpStream>;
        type Timer = TokioTimer;

        async fn listen(self) -> io::Result<(TcpListener, u16)> {
            CurrentThread.listen().await
        }

        async fn accept(self, listener: &TcpListener) -> io::Result<Self::Stream> {
            CurrentThread.accept(listener).await
        }

        fn timer(self) -> Self::Timer {
            TokioTimer::new()
        }
    }
}

async fn serve<P: Peer>(peer: P) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    tally::listening(listener.local_addr()?.port());
    loop {
        let (stream, _) = listener.accept().await?;
        tally::accepted();
        let task = peer.spawn(echo(stream));
        peer.detach(task);
    }
}

async fn serve_hello<P: Peer>(peer: P) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    tally::listening(listener.local_addr()?.port());
    loop {
        let (stream, _) = listener.accept().await?;
        tally::accepted();
        let task = peer.spawn(hello(stream));
        peer.detach(task);
    }
}

async fn hello(mut stream: TcpStream) {
    let mut requests = Requests::default();
    while let Ok(length @ 1..) = stream.read(requests.room()).await {
        let answers = requests.answers(length);
        if !answers.is_empty() && stream.write_all(answers).await.is_err() {
            break;
        }
    }
    drop(stream);
    tally::closed();
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
    drop(stream);
    tally::closed();
}

/// `tokio::sync`.
#[derive(Debug)]
pub struct Tokio;

impl Primitives for Tokio {
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
