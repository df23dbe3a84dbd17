//! myrt, through its facade alone, as its users write it.

mod net;
mod sync;

use std::future::Future;
use std::time::Duration;

use myrt::runtime::Runtime;
use myrt::task::JoinHandle;

use crate::peer::{Peer, Unavailable};

/// The thread's runtime.
#[derive(Clone, Copy, Debug)]
pub struct Myrt;

impl Peer for Myrt {
    type Join<T: 'static> = JoinHandle<T>;
    type Sync = sync::Own;

    fn block_on<F: Future>(main: impl FnOnce(Self) -> F) -> Result<F::Output, Unavailable> {
        let runtime = Runtime::new().map_err(Unavailable::because)?;
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
        #[cfg(feature = "myrt-combine")]
        return myrt::gather(futures);
        #[cfg(not(feature = "myrt-combine"))]
        futures_util::future::join_all(futures)
    }

    async fn select<A, B>(self, first: A, second: B) -> u64
    where
        A: Future<Output = u64>,
        B: Future<Output = u64>,
    {
        #[cfg(feature = "myrt-combine")]
        return myrt::select! {
            value = first => value,
            value = second => value,
        };
        #[cfg(not(feature = "myrt-combine"))]
        futures_lite::future::race(first, second).await
    }
}
