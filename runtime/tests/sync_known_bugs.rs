//! Bugs that other runtimes had in their locks and channels, each named after its row in the
//! project's table.

mod support;

use std::cell::{Cell, RefCell};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Wake, Waker};

use myrt_runtime::sync::{
    Barrier, Condvar, Event, Mutex, Notify, OnceCell, Queue, RwLock, Semaphore, broadcast, mpsc,
    oneshot, watch,
};
use support::{Manual, now, pending};

/// What a hostile waker does when it is cloned, woken and dropped.
type Hook = Rc<dyn Fn()>;

thread_local! {
    static HOOK: RefCell<Option<Hook>> = const { RefCell::new(None) };
    static CALLS: Cell<usize> = const { Cell::new(0) };
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Calls the hook, once at a time.
fn call_back() {
    let hook = HOOK.with_borrow(Clone::clone);
    if let Some(hook) = hook {
        if !INSIDE.replace(true) {
            CALLS.set(CALLS.get() + 1);
            hook();
            INSIDE.set(false);
        }
    }
}

static HOSTILE: RawWakerVTable = RawWakerVTable::new(
    |data| {
        call_back();
        RawWaker::new(data, &HOSTILE)
    },
    |_| call_back(),
    |_| call_back(),
    |_| call_back(),
);

/// A waker whose every operation calls back into the primitive under test.
fn hostile() -> Waker {
    // SAFETY: the data is never looked at, and every function of the table may be called anywhere.
    unsafe { Waker::from_raw(RawWaker::new(std::ptr::null(), &HOSTILE)) }
}

/// Polls with a hostile waker, cancels, lets `stir` wake, and so on; `hook` uses the primitive from
/// inside of the waker.
fn torment<F: Future>(make: impl Fn() -> F, stir: impl Fn(), hook: impl Fn() + 'static) {
    HOOK.set(Some(Rc::new(hook)));
    CALLS.set(0);
    for round in 0..4 {
        let mut first = Box::pin(make());
        let mut second = Box::pin(make());
        for _ in 0..3 {
            // A fresh waker each time: the stored one is replaced, and so dropped.
            let waker = hostile();
            let mut cx = Context::from_waker(&waker);
            if first.as_mut().poll(&mut cx).is_ready() {
                first = Box::pin(make());
            }
            if second.as_mut().poll(&mut cx).is_ready() {
                second = Box::pin(make());
            }
            if round % 2 == 0 {
                stir();
            }
        }
        drop(first);
        stir();
        drop(second);
    }
    HOOK.set(None);
    assert!(CALLS.get() > 0, "the waker was never used");
}

#[test]
fn r29_r30_r31_wakers_may_call_back_into_locks() {
    let mutex = Rc::new(Mutex::new(0));
    let held = RefCell::new(mutex.try_lock().ok());
    let inner = Rc::clone(&mutex);
    torment(
        || mutex.lock(),
        || {
            drop(held.take());
            held.replace(mutex.try_lock().ok());
        },
        move || {
            drop(inner.try_lock());
            ignore(pending_or_done(inner.lock()));
        },
    );

    let lock = Rc::new(RwLock::new(0));
    let held = RefCell::new(lock.try_write().ok());
    let inner = Rc::clone(&lock);
    torment(
        || lock.read(),
        || {
            drop(held.take());
            held.replace(lock.try_write().ok());
        },
        move || {
            drop(inner.try_write());
            ignore(pending_or_done(inner.write()));
        },
    );

    let semaphore = Rc::new(Semaphore::new(0));
    let inner = Rc::clone(&semaphore);
    torment(
        || semaphore.acquire_many(2),
        || semaphore.add_permits(1),
        move || {
            drop(inner.try_acquire());
            ignore(pending_or_done(inner.acquire()));
        },
    );

    let cell = Rc::new(OnceCell::<u8>::new());
    let inner = Rc::clone(&cell);
    let mut making = pending(cell.get_or_init(std::future::pending));
    torment(
        || cell.get_or_init(|| async { 1 }),
        || {},
        move || {
            let _ = inner.set(3);
            ignore(pending_or_done(inner.get_or_init(|| async { 2 })));
        },
    );
    making.cancel();
}

/// Whatever it returned is not what the test is about.
fn ignore<T>(_: T) {}

/// Polls once with a waker that does nothing.
fn pending_or_done<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

#[test]
fn r29_r30_r31_wakers_may_call_back_into_signals() {
    let event = Rc::new(Event::new());
    let inner = Rc::clone(&event);
    torment(
        || event.wait(),
        || event.set(),
        move || {
            inner.clear();
            ignore(pending_or_done(inner.wait()));
        },
    );

    let notify = Rc::new(Notify::new());
    let inner = Rc::clone(&notify);
    torment(
        || notify.notified(),
        || notify.notify_waiters(),
        move || {
            ignore(pending_or_done(inner.notified()));
            inner.notify_one();
        },
    );

    let pair = Rc::new((Mutex::new(()), Condvar::new()));
    let inner = Rc::clone(&pair);
    torment(
        || async {
            let guard = pair.0.lock().await;
            drop(pair.1.wait(guard).await);
        },
        || pair.1.notify_all(),
        move || inner.1.notify_one(),
    );

    let barrier = Rc::new(Barrier::new(3));
    let inner = Rc::clone(&barrier);
    torment(
        || barrier.wait(),
        || barrier.reset(),
        move || ignore(pending_or_done(inner.wait())),
    );
}

#[test]
fn r29_r30_r31_wakers_may_call_back_into_channels() {
    let (sender, receiver) = mpsc::channel(1);
    let inner = sender.clone();
    let receiver = RefCell::new(receiver);
    torment(
        || std::future::poll_fn(|cx| receiver.borrow_mut().poll_recv(cx)),
        || ignore(sender.try_send(1)),
        move || ignore(inner.try_send(2)),
    );

    let (sender, receiver) = mpsc::channel(1);
    let receiver = Rc::new(RefCell::new(receiver));
    let inner = Rc::clone(&receiver);
    torment(
        || sender.send(1),
        || ignore(receiver.borrow_mut().try_recv()),
        move || {
            if let Ok(mut receiver) = inner.try_borrow_mut() {
                ignore(receiver.try_recv());
            }
        },
    );

    let queue = Rc::new(Queue::new(1));
    let inner = Rc::clone(&queue);
    torment(
        || queue.get(),
        || ignore(queue.put_nowait(1)),
        move || {
            ignore(inner.put_nowait(2));
            ignore(inner.get_nowait());
        },
    );

    let (sender, receiver) = broadcast::channel(2);
    let inner = sender.clone();
    torment(
        || {
            let mut receiver = receiver.resubscribe();
            async move { receiver.recv().await }
        },
        || ignore(sender.send(1)),
        move || ignore(inner.send(2)),
    );

    let (sender, receiver) = watch::channel(0);
    let inner = sender.clone();
    torment(
        || {
            let mut receiver = receiver.clone();
            async move { receiver.changed().await }
        },
        || sender.send_modify(|n| *n += 1),
        move || inner.send_modify(|n| *n += 1),
    );

    let senders = Rc::new(RefCell::new(Vec::new()));
    let inner = Rc::clone(&senders);
    torment(
        || {
            let (sender, receiver) = oneshot::channel();
            senders.borrow_mut().push(sender);
            receiver
        },
        || {},
        move || {
            let sender = inner
                .try_borrow_mut()
                .ok()
                .and_then(|mut senders| senders.pop());
            ignore(sender.map(|sender: oneshot::Sender<u8>| sender.send(1)));
        },
    );
}

/// Sends, or sets, from inside of the clone that the wait makes of its waker: the wait must see it.
#[test]
fn r31_what_happens_while_the_waker_is_cloned_is_not_missed() {
    fn seen<F: Future>(future: F, hook: impl Fn() + 'static) -> Option<F::Output> {
        let mut future = pin!(future);
        HOOK.set(Some(Rc::new(hook)));
        let waker = hostile();
        let mut cx = Context::from_waker(&waker);
        let mut result = future.as_mut().poll(&mut cx);
        HOOK.set(None);
        if result.is_pending() {
            result = future.as_mut().poll(&mut cx);
        }
        match result {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        }
    }
    let event = Rc::new(Event::new());
    let inner = Rc::clone(&event);
    assert!(seen(event.wait(), move || inner.set()).is_some());

    let (sender, mut receiver) = mpsc::unbounded();
    assert_eq!(
        seen(receiver.recv(), move || sender.send(1).expect("open")),
        Some(Some(1))
    );

    let (sender, receiver) = oneshot::channel();
    let sender = RefCell::new(Some(sender));
    let answer = seen(receiver, move || {
        ignore(sender.take().map(|sender| sender.send(1)));
    });
    assert_eq!(answer, Some(Ok(1)));

    let semaphore = Rc::new(Semaphore::new(0));
    let inner = Rc::clone(&semaphore);
    assert!(seen(semaphore.acquire(), move || inner.add_permits(1)).is_some());
    assert_eq!(semaphore.statistics().waiting, 0);
}

/// A waker whose wake panics.
struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("the waker panics");
    }
}

#[test]
fn r31_a_waker_that_panics_keeps_nobody_else_asleep() {
    let event = Event::new();
    let mut first = Box::pin(event.wait());
    let waker = Waker::from(Arc::new(Panics));
    assert!(
        first
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    let second = pending(event.wait());
    let third = pending(event.wait());
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| event.set()));
    assert!(result.is_err());
    assert_eq!((second.woken(), third.woken()), (1, 1));
}

#[test]
fn r42_an_item_is_not_lost_when_its_get_is_cancelled() {
    let queue = Queue::new(0);
    let mut first = pending(queue.get());
    let mut second = pending(queue.get());
    queue.put_nowait(1).expect("no bound");
    assert_eq!(first.woken(), 1, "promised to the first");
    first.cancel();
    assert_eq!(second.woken(), 1, "and then to the second");
    assert_eq!(second.poll(), Poll::Ready(Ok(1)));

    let mut third = pending(queue.get());
    queue.put_nowait(2).expect("no bound");
    third.cancel();
    assert_eq!(
        queue.get_nowait(),
        Ok(2),
        "nobody waits: it is there for who asks next"
    );
}

#[test]
fn r43_what_was_made_before_the_cancellation_is_kept() {
    let (sender, mut receiver) = oneshot::channel();
    let mut waiting = pending(&mut receiver);
    sender.send(7).expect("the receiver waits");
    waiting.cancel();
    assert_eq!(now(receiver), Ok(7));

    let (sender, mut receiver) = mpsc::channel(1);
    let mut waiting = pending(receiver.recv());
    sender.try_send(7).expect("room");
    waiting.cancel();
    drop(waiting);
    assert_eq!(receiver.try_recv(), Ok(7));
}

#[test]
fn r44_a_cancelled_waiter_passes_on_what_it_was_handed() {
    let mutex = Mutex::new(());
    let guard = mutex.try_lock().expect("free");
    let mut first = pending(mutex.lock());
    let mut second = pending(mutex.lock());
    drop(guard);
    assert_eq!((first.woken(), second.woken()), (1, 0));
    assert!(
        mutex.try_lock().is_err(),
        "handed over, nobody may overtake"
    );
    first.cancel();
    assert_eq!(second.woken(), 1);
    assert!(second.poll().is_ready());

    let semaphore = Semaphore::new(0);
    let mut first = pending(semaphore.acquire_many(3));
    let mut second = pending(semaphore.acquire());
    semaphore.add_permits(2);
    assert_eq!(semaphore.available_permits(), 0, "set aside for the first");
    assert_eq!(semaphore.statistics().set_aside, 2);
    first.cancel();
    assert_eq!(second.woken(), 1);
    assert!(second.poll().is_ready());
    assert_eq!(semaphore.available_permits(), 2);

    let notify = Notify::new();
    let mut first = pending(notify.notified());
    let second = pending(notify.notified());
    notify.notify_one();
    first.cancel();
    assert_eq!(second.woken(), 1);
    drop(second);
    assert!(notify.statistics().permit, "nobody is left: it is stored");
}

#[test]
fn r44_a_cancelled_writer_lets_the_readers_behind_it_in() {
    let lock = RwLock::new(());
    let reading = lock.try_read().expect("free");
    let mut writer = pending(lock.write());
    let mut reader = pending(lock.read());
    writer.cancel();
    assert_eq!(reader.woken(), 1);
    assert!(reader.poll().is_ready());
    drop(reading);
}

#[test]
fn r44_a_cancelled_condvar_waiter_passes_the_notification_on() {
    let (mutex, condvar) = (Mutex::new(()), Condvar::new());
    let mut waiters: Vec<Manual<_>> = Vec::new();
    for _ in 0..3 {
        let guard = mutex.try_lock().expect("free");
        waiters.push(pending(condvar.wait(guard)));
    }
    condvar.notify_one();
    assert_eq!(waiters[0].woken(), 1);
    waiters[0].cancel();
    assert_eq!(waiters[1].woken(), 1, "cancelled before it ran");

    let guard = mutex.try_lock().expect("free");
    assert!(
        waiters[1].poll().is_pending(),
        "notified, and waits for the lock"
    );
    waiters[1].cancel();
    assert_eq!(waiters[2].woken(), 1, "cancelled before it had the lock");
    drop(guard);
    assert!(waiters[2].poll().is_ready());
}

#[test]
fn a_waiter_that_moves_to_another_task_is_woken_there() {
    let mutex = Mutex::new(());
    let guard = mutex.try_lock().expect("free");
    let mut waiter = pending(mutex.lock());
    assert!(waiter.poll_moved().is_pending());
    drop(guard);
    assert_eq!(waiter.woken(), 1, "the waker of the last poll counts");

    let (sender, mut receiver) = mpsc::channel(1);
    let mut waiter = pending(receiver.recv());
    assert!(waiter.poll_moved().is_pending());
    sender.try_send(1).expect("room");
    assert_eq!(waiter.woken(), 1);
}

/// A message whose drop uses the channel that it is in.
struct Nosy(Option<mpsc::UnboundedSender<Self>>, Arc<AtomicUsize>);

impl Drop for Nosy {
    fn drop(&mut self) {
        self.1.fetch_add(1, Ordering::SeqCst);
        if let Some(sender) = self.0.take() {
            let _ = sender.send(Self(None, Arc::clone(&self.1)));
        }
    }
}

#[test]
fn r35_messages_may_use_the_channel_while_it_drops_them() {
    let drops = Arc::new(AtomicUsize::new(0));
    let (sender, receiver) = mpsc::unbounded();
    for _ in 0..3 {
        let message = Nosy(Some(sender.clone()), Arc::clone(&drops));
        assert!(sender.send(message).is_ok());
    }
    drop(receiver);
    assert_eq!(drops.load(Ordering::SeqCst), 6, "three sent, three refused");
}

#[test]
fn a_pending_stream_is_polled_pinned() {
    use futures_core::Stream;
    let (sender, receiver) = mpsc::channel(1);
    let mut receiver = pin!(receiver);
    let mut cx = Context::from_waker(Waker::noop());
    assert!(Pin::as_mut(&mut receiver).poll_next(&mut cx).is_pending());
    sender.try_send(1).expect("room");
    drop(sender);
    assert_eq!(
        Pin::as_mut(&mut receiver).poll_next(&mut cx),
        Poll::Ready(Some(1))
    );
    assert_eq!(
        Pin::as_mut(&mut receiver).poll_next(&mut cx),
        Poll::Ready(None)
    );
}
