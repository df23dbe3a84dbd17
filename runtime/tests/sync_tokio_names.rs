//! What tokio's users look for in `sync` and `task`: values set once, weak senders, last waiters,
//! a bound on readers, scopes of locals without a future.

mod support;

use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use myrt_runtime::run;
use myrt_runtime::sync::{Notify, RwLock, RwLockWriteGuard, SetOnce, SetOnceError};
use myrt_runtime::sync::{broadcast, mpsc};
use myrt_runtime::task::{spawn, yield_now};
use support::{now, pending};

#[test]
fn a_value_that_is_set_once_wakes_all_that_wait() {
    let cell = SetOnce::new();
    assert!(!cell.initialized());
    let mut one = pending(cell.wait());
    let mut two = pending(cell.wait());
    let mut gone = pending(cell.wait());
    gone.cancel();
    assert_eq!(cell.statistics().waiting, 2);
    assert_eq!(cell.set(7), Ok(()));
    assert_eq!((one.woken(), two.woken()), (1, 1));
    assert_eq!((one.poll(), two.poll()), (Poll::Ready(&7), Poll::Ready(&7)));
    assert_eq!(now(cell.wait()), &7);
    assert_eq!(cell.set(8), Err(SetOnceError(8)));
    assert_eq!(cell.get(), Some(&7));
    drop((one, two, gone));
    assert_eq!(cell.into_inner(), Some(7));
    assert_eq!(SetOnce::<u8>::new_with(None).get(), None);
    assert_eq!(SetOnce::from(1).get(), Some(&1));
}

#[test]
fn the_last_waiter_is_woken_and_a_cancelled_one_passes_it_on() {
    let bell = Notify::new();
    let mut first = pending(bell.notified());
    let mut second = pending(bell.notified());
    let mut third = pending(bell.notified());
    bell.notify_last();
    assert_eq!((first.woken(), second.woken(), third.woken()), (0, 0, 1));
    third.cancel();
    assert_eq!((first.woken(), second.woken()), (0, 1), "to the last again");
    assert!(second.poll().is_ready());
    bell.notify_one();
    assert_eq!(first.woken(), 1);
    assert!(first.poll().is_ready());
    bell.notify_last();
    assert!(bell.statistics().permit, "nobody waited");
    now(bell.notified());
}

#[test]
fn no_more_than_so_many_read_at_a_time() {
    let lock = RwLock::with_max_readers(5, 2);
    let one = now(lock.read());
    let two = now(lock.read());
    assert!(lock.try_read().is_err());
    assert_eq!(lock.statistics().readers, 2);
    let mut third = pending(lock.read());
    let mut writer = pending(lock.write());
    drop(one);
    assert_eq!((third.woken(), writer.woken()), (1, 0));
    assert!(third.poll().is_ready());
    drop(two);
    assert_eq!(writer.woken(), 1);
    let Poll::Ready(mut value) = writer.poll() else {
        panic!("it was woken");
    };
    *value = 6;
    assert!(lock.statistics().writer && lock.statistics().readers == 0);
    assert!(lock.try_read().is_err() && lock.try_write().is_err());
    let part = RwLockWriteGuard::downgrade_map(value, |value| value);
    assert_eq!(lock.statistics().readers, 1);
    let other = lock.try_read().expect("there is room for one");
    assert_eq!((*part, *other), (6, 6));
    assert!(lock.try_read().is_err() && lock.try_write().is_err());
    drop((part, other));
    assert!(lock.try_write().is_ok());
}

#[test]
fn weak_senders_keep_no_channel_open_and_are_counted() {
    let (sender, mut receiver) = broadcast::channel(4);
    let weak = sender.downgrade();
    let other = weak.clone();
    assert_eq!((sender.strong_count(), sender.weak_count()), (1, 2));
    let again = weak.upgrade().expect("one is there");
    assert_eq!(receiver.sender_strong_count(), 2);
    again.send(1).expect("a receiver");
    drop((sender, again, other));
    assert_eq!((weak.strong_count(), weak.weak_count()), (0, 1));
    assert_eq!(receiver.sender_weak_count(), 1);
    assert!(weak.upgrade().is_none());
    assert_eq!(now(receiver.recv()), Ok(1));
    assert!(now(receiver.recv()).is_err());

    let (sender, receiver) = mpsc::channel::<u8>(1);
    let weak = sender.downgrade();
    assert_eq!((weak.strong_count(), weak.weak_count()), (1, 1));
    assert_eq!(receiver.sender_weak_count(), 1);
    drop(sender);
    assert_eq!(weak.strong_count(), 0);
}

myrt_runtime::task_local! { static LOCAL: Rc<Cell<u32>>; }

#[test]
#[allow(clippy::async_yields_async, reason = "the child is awaited later")]
fn a_local_is_set_for_a_call_and_taken_out_of_a_scope() {
    run(async {
        let value = Rc::new(Cell::new(1));
        let child = LOCAL.sync_scope(Rc::clone(&value), || {
            LOCAL.with(|cell| cell.set(2));
            spawn(async { LOCAL.with(|cell| cell.get()) })
        });
        assert!(LOCAL.try_with(|_| ()).is_err());
        assert_eq!(child.await.expect("inherited"), 2);

        let mut scope = pin!(LOCAL.scope(Rc::clone(&value), async {
            spawn(async {
                yield_now().await;
                yield_now().await;
            })
        }));
        let child = scope.as_mut().await;
        assert!(scope.as_mut().take_value().is_none(), "a child has it");
        child.await.expect("no panic");
        let taken = scope.as_mut().take_value().expect("nobody else has it");
        assert!(Rc::ptr_eq(&taken, &value));
        assert!(scope.take_value().is_none(), "taken");
    });
}
