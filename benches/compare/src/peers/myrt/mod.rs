//! myrt, through its facade alone, as its users write it.

use std::future::Future;
use std::time::Duration;

use myrt::runtime::Runtime;
use myrt::task::JoinHandle;

use crate::peer::{Peer, Unavailable};

/// The thread's runtime.
#[derive(Clone, Copy, Debug)]
pub struct Myrt;

impl Peer for Myrt {
    const HAS_SYNC: bool = cfg!(feature = "myrt-sync");

    type Join<T: 'static> = JoinHandle<T>;
    #[cfg(feature = "myrt-sync")]
    type Sync = sync::Own;
    #[cfg(not(feature = "myrt-sync"))]
    type Sync = super::neutral::Neutral;

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
        #[cfg(feature = "myrt-sync")]
        return myrt::gather(futures);
        #[cfg(not(feature = "myrt-sync"))]
        futures_util::future::join_all(futures)
    }

    async fn select<A, B>(self, first: A, second: B) -> u64
    where
        A: Future<Output = u64>,
        B: Future<Output = u64>,
    {
        #[cfg(feature = "myrt-sync")]
        return myrt::select! {
            value = first => value,
            value = second => value,
        };
        #[cfg(not(feature = "myrt-sync"))]
        futures_lite::future::race(first, second).await
    }
}

#[cfg(feature = "myrt-net")]
mod net;
#[cfg(feature = "myrt-sync")]
mod sync;
