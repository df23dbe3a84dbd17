//! Executor-agnostic primitives, for smol: `async-lock`,
//! `async-channel`, and the oneshot of `futures-channel`.

use std::future::Future;
use std::ops::DerefMut;

use crate::peer::Primitives;

/// What a user of smol would add to the dependencies.
#[derive(Debug)]
pub struct Neutral;

impl Primitives for Neutral {
    type Mutex = async_lock::Mutex<u64>;
    type Semaphore = async_lock::Semaphore;
    type Sender<T: 'static> = async_channel::Sender<T>;
    type Receiver<T: 'static> = async_channel::Receiver<T>;
    type OnceSender<T: 'static> = futures_channel::oneshot::Sender<T>;
    type OnceReceiver<T: 'static> = futures_channel::oneshot::Receiver<T>;

    fn mutex(value: u64) -> Self::Mutex {
        async_lock::Mutex::new(value)
    }

    fn lock(mutex: &Self::Mutex) -> impl Future<Output = impl DerefMut<Target = u64>> {
        mutex.lock()
    }

    fn semaphore(permits: usize) -> Self::Semaphore {
        async_lock::Semaphore::new(permits)
    }

    fn acquire(semaphore: &Self::Semaphore) -> impl Future {
        semaphore.acquire()
    }

    fn channel<T: 'static>(capacity: usize) -> (Self::Sender<T>, Self::Receiver<T>) {
        async_channel::bounded(capacity)
    }

    fn send<T: 'static>(sender: &Self::Sender<T>, value: T) -> impl Future {
        sender.send(value)
    }

    async fn receive<T: 'static>(receiver: &mut Self::Receiver<T>) -> Option<T> {
        receiver.recv().await.ok()
    }

    fn oneshot<T: 'static>() -> (Self::OnceSender<T>, Self::OnceReceiver<T>) {
        futures_channel::oneshot::channel()
    }

    fn send_once<T: 'static>(sender: Self::OnceSender<T>, value: T) {
        let _ = sender.send(value);
    }
}
