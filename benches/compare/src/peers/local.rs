//! Primitives without atomics for the thread-per-core runtimes that bring none of their own:
//! `local-sync` (by monoio's authors) and the mutex of `synchrony` (by compio's).

use std::future::Future;
use std::ops::DerefMut;

use local_sync::mpsc::bounded;
use local_sync::{oneshot, semaphore::Semaphore};
use synchrony::unsync::mutex::Mutex;

use crate::peer::Primitives;

/// What a user of monoio or compio would add to the dependencies.
#[derive(Debug)]
pub struct Local;

impl Primitives for Local {
    type Mutex = Mutex<u64>;
    type Semaphore = Semaphore;
    type Sender<T: 'static> = bounded::Tx<T>;
    type Receiver<T: 'static> = bounded::Rx<T>;
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
        bounded::channel(capacity)
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
