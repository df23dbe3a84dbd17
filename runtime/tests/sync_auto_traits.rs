//! The table of what may leave its thread: no primitive, handle, guard or future of `sync`; all of
//! its errors, results and records. `sync::remote` is what may, if its messages may.

use std::cell::Cell;
use std::rc::Rc;

use myrt_runtime::sync::{
    self, broadcast, futures, mpsc, oneshot, queue, remote, statistics, watch,
};

/// Compiles only if the type is not `Send`: else two impls fit and `_` is ambiguous.
macro_rules! not_send {
    ($($t:ty),* $(,)?) => { $(
        const _: fn() = || {
            trait AmbiguousIfSend<A> { fn some_item() {} }
            impl<T: ?Sized> AmbiguousIfSend<()> for T {}
            struct IsSend;
            impl<T: ?Sized + Send> AmbiguousIfSend<IsSend> for T {}
            let _ = <$t as AmbiguousIfSend<_>>::some_item;
        };
        const _: fn() = || {
            trait AmbiguousIfSync<A> { fn some_item() {} }
            impl<T: ?Sized> AmbiguousIfSync<()> for T {}
            struct IsSync;
            impl<T: ?Sized + Sync> AmbiguousIfSync<IsSync> for T {}
            let _ = <$t as AmbiguousIfSync<_>>::some_item;
        };
    )* };
}

macro_rules! send {
    ($($t:ty),* $(,)?) => { $(
        const _: fn() = || {
            fn check<T: Send + Sync>() {}
            check::<$t>();
        };
    )* };
}

not_send!(
    sync::Mutex<u8>,
    sync::MutexGuard<'static, u8>,
    sync::MappedMutexGuard<'static, u8>,
    sync::OwnedMutexGuard<u8>,
    sync::RwLock<u8>,
    sync::RwLockReadGuard<'static, u8>,
    sync::RwLockWriteGuard<'static, u8>,
    sync::OwnedRwLockReadGuard<u8>,
    sync::OwnedRwLockWriteGuard<u8>,
    sync::Semaphore,
    sync::SemaphorePermit<'static>,
    sync::OwnedSemaphorePermit,
    sync::BoundedSemaphore,
    sync::BoundedPermit<'static>,
    sync::Event,
    sync::Notify,
    sync::Condvar,
    sync::Barrier,
    sync::OnceCell<u8>,
    sync::SetOnce<u8>,
    broadcast::WeakSender<u8>,
    futures::SetOnceWait<'static, u8>,
    sync::RateLimiter,
    sync::Queue<u8>,
    sync::PriorityQueue<u8>,
    sync::LifoQueue<u8>,
);

not_send!(
    futures::Lock<'static, u8>,
    futures::LockOwned<u8>,
    futures::Read<'static, u8>,
    futures::Write<'static, u8>,
    futures::ReadOwned<u8>,
    futures::WriteOwned<u8>,
    futures::Acquire<'static>,
    futures::AcquireOwned,
    futures::AcquireBounded<'static>,
    futures::EventWait<'static>,
    futures::Notified<'static>,
    futures::OwnedNotified,
    futures::CondvarWait<'static, 'static, u8>,
    futures::BarrierWait<'static>,
    futures::RateAcquire<'static>,
);

not_send!(
    mpsc::Sender<u8>,
    mpsc::WeakSender<u8>,
    mpsc::Receiver<u8>,
    mpsc::Permit<'static, u8>,
    mpsc::OwnedPermit<u8>,
    mpsc::UnboundedSender<u8>,
    mpsc::WeakUnboundedSender<u8>,
    mpsc::UnboundedReceiver<u8>,
    mpsc::SendFuture<'static, u8>,
    mpsc::RecvFuture<'static, u8>,
    oneshot::Sender<u8>,
    oneshot::Receiver<u8>,
    broadcast::Sender<u8>,
    broadcast::Receiver<u8>,
    broadcast::RecvFuture<'static, u8>,
    watch::Sender<u8>,
    watch::Receiver<u8>,
    watch::Ref<'static, u8>,
    watch::Changed<'static, u8>,
    queue::PutFuture<'static, u8, queue::Fifo<u8>>,
    queue::GetFuture<'static, u8, queue::Fifo<u8>>,
    queue::JoinFuture<'static, u8, queue::Fifo<u8>>,
);

send!(
    sync::TryLockError,
    sync::AcquireError,
    sync::TryAcquireError,
    sync::OverRelease,
    sync::BrokenBarrier,
    sync::BarrierWaitResult,
    sync::SetError<u8>,
    sync::SetOnceError<u8>,
    sync::QueueShutDown<u8>,
    sync::PutNowaitError<u8>,
    sync::GetNowaitError,
    mpsc::error::SendError<u8>,
    mpsc::error::TrySendError<u8>,
    mpsc::error::TryRecvError,
    oneshot::error::RecvError,
    oneshot::error::TryRecvError,
    broadcast::error::SendError<u8>,
    broadcast::error::RecvError,
    broadcast::error::TryRecvError,
    broadcast::error::Lagged,
    watch::error::SendError<u8>,
    watch::error::RecvError,
);

send!(
    statistics::MutexStatistics,
    statistics::RwLockStatistics,
    statistics::SemaphoreStatistics,
    statistics::EventStatistics,
    statistics::NotifyStatistics,
    statistics::CondvarStatistics,
    statistics::BarrierStatistics,
    statistics::OnceCellStatistics,
    statistics::QueueStatistics,
    statistics::RateLimiterStatistics,
    statistics::MpscStatistics,
    statistics::OneshotStatistics,
    statistics::BroadcastStatistics,
    statistics::WatchStatistics,
);

#[test]
fn the_table_compiles() {
    // The constants above are the test.
}

send!(
    remote::mpsc::Sender<Cell<u8>>,
    remote::mpsc::UnboundedSender<Cell<u8>>,
    remote::mpsc::Receiver<Cell<u8>>,
    remote::mpsc::SendFuture<'static, u8>,
    remote::mpsc::RecvFuture<'static, Cell<u8>>,
    remote::mpsc::ClosedFuture<'static, Cell<u8>>,
    remote::oneshot::Sender<Cell<u8>>,
    remote::oneshot::Receiver<Cell<u8>>,
    remote::oneshot::ClosedFuture<'static, Cell<u8>>,
);

not_send!(
    remote::mpsc::Sender<Rc<u8>>,
    remote::mpsc::UnboundedSender<Rc<u8>>,
    remote::mpsc::Receiver<Rc<u8>>,
    remote::oneshot::Sender<Rc<u8>>,
    remote::oneshot::Receiver<Rc<u8>>,
);
