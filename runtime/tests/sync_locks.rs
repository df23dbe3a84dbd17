//! What the locks, permits and signals do, case by case, polled by hand.

mod support;

use std::cell::Cell;
use std::rc::Rc;
use std::task::Poll;

use myrt_runtime::sync::{
    Barrier, BoundedSemaphore, Condvar, Event, Mutex, MutexGuard, Notify, OnceCell, RwLock,
    RwLockWriteGuard, Semaphore, SetError, TryAcquireError,
};
use support::{Manual, now, pending};

#[test]
fn mutex_guards_give_access_and_unlock() {
    let mut mutex = Mutex::new(vec![1]);
    now(mutex.lock()).push(2);
    {
        let first = MutexGuard::map(now(mutex.lock()), |values| &mut values[0]);
        assert_eq!(*first, 1);
        assert!(mutex.is_locked());
    }
    assert!(!mutex.is_locked());
    mutex.get_mut().push(3);
    assert_eq!(mutex.into_inner(), [1, 2, 3]);
}

#[test]
fn an_owned_guard_holds_the_value_and_puts_it_back() {
    let mutex = Rc::new(Mutex::new(String::from("a")));
    let mut guard = now(Rc::clone(&mutex).lock_owned());
    guard.push('b');
    assert!(Rc::clone(&mutex).try_lock_owned().is_err());
    assert_eq!(
        format!("{mutex:?}"),
        "Mutex { value: <locked>, waiting: 0 }"
    );
    drop(guard);
    assert_eq!(*mutex.try_lock().expect("free"), "ab");
}

#[test]
fn a_panic_under_the_lock_unlocks() {
    let mutex = Mutex::new(1);
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _guard = mutex.try_lock();
        panic!("under the lock");
    }));
    assert!(result.is_err());
    assert!(mutex.try_lock().is_ok());
}

#[test]
fn mutex_statistics_count() {
    let mutex = Mutex::new(());
    let guard = now(mutex.lock());
    let waiting = pending(mutex.lock());
    let statistics = mutex.statistics();
    assert!(statistics.locked);
    assert_eq!((statistics.waiting, statistics.holder), (1, None));
    drop(guard);
    drop(waiting);
    assert!(!mutex.statistics().locked);
}

#[test]
fn the_task_that_holds_the_lock_is_named() {
    myrt_runtime::run(async {
        let mutex = Mutex::new(());
        let semaphore = Semaphore::new(1);
        let _guard = mutex.lock().await;
        let _permit = semaphore.acquire().await;
        let me = myrt_runtime::task::try_current_id();
        assert!(me.is_some());
        assert_eq!(mutex.statistics().holder, me);
        assert_eq!(semaphore.statistics().last_holder, me);
    });
}

#[test]
fn a_reader_waits_behind_a_waiting_writer() {
    let lock = RwLock::new(1);
    let one = now(lock.read());
    let two = now(lock.read());
    assert_eq!(*one + *two, 2);
    let mut writer = pending(lock.write());
    let mut reader = pending(lock.read());
    assert!(lock.try_read().is_err(), "nobody overtakes the writer");
    drop(one);
    assert_eq!(writer.woken(), 0);
    drop(two);
    assert_eq!((writer.woken(), reader.woken()), (1, 0));
    let Poll::Ready(mut guard) = writer.poll() else {
        panic!("it was woken")
    };
    *guard = 5;
    let mut later = pending(lock.read());
    drop(guard);
    assert_eq!(
        (reader.woken(), later.woken()),
        (1, 1),
        "all readers at the front"
    );
    assert!(matches!(reader.poll(), Poll::Ready(value) if *value == 5));
    assert!(later.poll().is_ready());
}

#[test]
fn downgrade_lets_readers_in_and_no_writer_between() {
    let lock = Rc::new(RwLock::new(1));
    let guard = now(lock.write());
    let mut reader = pending(lock.read());
    let writer = pending(lock.write());
    let guard = RwLockWriteGuard::downgrade(guard);
    assert!(reader.poll().is_ready());
    assert_eq!((*guard, writer.woken()), (1, 0));
    drop(guard);
    assert_eq!(writer.woken(), 1);
    drop(writer);

    let mut owned = now(Rc::clone(&lock).write_owned());
    *owned += 1;
    let owned = myrt_runtime::sync::OwnedRwLockWriteGuard::downgrade(owned);
    assert_eq!(*owned + *now(lock.read()), 4);
    assert!(lock.try_write().is_err());
    drop(owned);
    assert!(lock.try_write().is_ok());
    assert_eq!(lock.statistics().readers, 0);
    drop(reader);
    assert_eq!(Rc::into_inner(lock).map(RwLock::into_inner), Some(2));
}

#[test]
fn semaphore_closes() {
    let semaphore = Semaphore::new(1);
    let held = now(semaphore.acquire()).expect("open");
    let mut waiting = pending(semaphore.acquire());
    semaphore.close();
    assert_eq!(waiting.woken(), 1);
    assert!(matches!(waiting.poll(), Poll::Ready(Err(_))));
    assert!(now(semaphore.acquire()).is_err());
    assert_eq!(semaphore.try_acquire().err(), Some(TryAcquireError::Closed));
    drop(held);
    assert_eq!(semaphore.available_permits(), 1);
}

#[test]
fn permits_split_merge_and_are_forgotten() {
    let semaphore = Rc::new(Semaphore::new(5));
    let mut permit = now(semaphore.acquire_many(3)).expect("open");
    let part = permit.split(2).expect("there are three");
    assert_eq!((permit.num_permits(), part.num_permits()), (1, 2));
    assert!(permit.split(2).is_none());
    drop(part);
    assert_eq!(semaphore.available_permits(), 4);
    let other = now(semaphore.acquire()).expect("open");
    permit.merge(other);
    assert_eq!(permit.num_permits(), 2);
    permit.forget();
    assert_eq!(semaphore.forget_permits(9), 3);
    semaphore.add_permits(1);
    let owned = now(Rc::clone(&semaphore).acquire_owned()).expect("open");
    assert_eq!(
        semaphore.try_acquire().err(),
        Some(TryAcquireError::NoPermits)
    );
    drop(owned);
    assert!(now(semaphore.acquire_many(0)).is_ok());
}

#[test]
#[should_panic(expected = "more permits than")]
fn r55_permits_do_not_wrap_around() {
    Semaphore::new(Semaphore::MAX_PERMITS).add_permits(1);
}

#[test]
fn one_who_wants_many_is_not_starved() {
    let semaphore = Semaphore::new(2);
    let one = now(semaphore.acquire()).expect("open");
    let mut many = pending(semaphore.acquire_many(3));
    let mut few = pending(semaphore.acquire());
    semaphore.add_permits(1);
    assert_eq!(few.woken(), 0, "set aside for the first");
    drop(one);
    assert!(many.poll().is_ready());
    assert!(few.poll().is_ready() || few.is_live());
}

#[test]
fn a_bounded_semaphore_refuses_a_release_too_many() {
    let semaphore = BoundedSemaphore::new(2);
    assert!(semaphore.release().is_err());
    let held = semaphore.try_acquire().expect("free");
    assert!(
        semaphore.release().is_err(),
        "the permit that is out has a guard"
    );
    held.forget();
    assert!(semaphore.release().is_ok());
    assert_eq!(semaphore.available_permits(), semaphore.bound());
}

#[test]
fn an_event_stays_set_and_releases_who_waited_though_cleared() {
    let event = Event::new();
    let mut waiting = pending(event.wait());
    event.set();
    event.clear();
    assert!(waiting.poll().is_ready());
    assert!(!event.is_set());
    event.set();
    now(event.wait());
    now(event.wait());
}

#[test]
fn notify_stores_one_permit_and_waiters_get_theirs() {
    let notify = Rc::new(Notify::new());
    notify.notify_one();
    notify.notify_one();
    now(notify.notified());
    let mut first = pending(notify.notified());
    let mut second = pending(Rc::clone(&notify).notified_owned());
    notify.notify_one();
    assert!(first.poll().is_ready());
    assert!(second.poll().is_pending());
    let mut unpolled = Manual::new(notify.notified());
    notify.notify_waiters();
    assert!(second.poll().is_ready());
    assert!(unpolled.poll().is_ready(), "made before notify_waiters");
    assert!(pending(notify.notified()).is_live(), "none is stored");
}

#[test]
fn an_enabled_notified_is_in_the_queue() {
    let notify = Notify::new();
    let mut first = std::pin::pin!(notify.notified());
    assert!(!first.as_mut().enable());
    let second = pending(notify.notified());
    notify.notify_one();
    assert!(first.as_mut().enable());
    assert_eq!(second.woken(), 0);
    now(first);
}

#[test]
fn condvar_waits_for_a_predicate() {
    let (mutex, changed) = (Mutex::new(0), Condvar::new());
    assert_eq!(*now(changed.wait_for(now(mutex.lock()), |n| *n == 0)), 0);
    let mut waiting = pending(changed.wait_for(now(mutex.lock()), |n| *n == 2));
    assert_eq!(changed.statistics().waiting, 1);
    *now(mutex.lock()) = 1;
    changed.notify_all();
    assert!(waiting.poll().is_pending());
    *now(mutex.lock()) = 2;
    changed.notify_one();
    assert!(waiting.poll().is_ready());
    let unpolled = changed.wait(now(mutex.lock()));
    assert!(mutex.is_locked());
    drop(unpolled);
    assert!(!mutex.is_locked());
}

#[test]
fn barrier_counts_aborts_and_resets() {
    let barrier = Barrier::new(3);
    let mut first = pending(barrier.wait());
    let mut second = pending(barrier.wait());
    assert_eq!(barrier.n_waiting(), 2);
    let last = now(barrier.wait()).expect("whole");
    assert!(last.is_leader() && last.position() == 2);
    assert!(matches!(first.poll(), Poll::Ready(Ok(r)) if r.position() == 0 && !r.is_leader()));
    assert!(matches!(second.poll(), Poll::Ready(Ok(r)) if r.position() == 1));

    let mut waiting = pending(barrier.wait());
    let gone = pending(barrier.wait());
    drop(gone);
    assert_eq!(barrier.n_waiting(), 1, "a cancelled wait has not arrived");
    barrier.abort();
    assert!(matches!(waiting.poll(), Poll::Ready(Err(_))));
    assert!(now(barrier.wait()).is_err());
    assert!(barrier.is_broken());
    barrier.reset();
    let mut waiting = pending(barrier.wait());
    barrier.reset();
    assert!(matches!(waiting.poll(), Poll::Ready(Err(_))));
    assert!(!barrier.is_broken());
    assert!(now(Barrier::new(0).wait()).is_ok());
}

#[test]
fn once_cell_tries_the_next_after_a_failure() {
    let cell = OnceCell::new();
    let allowed = Cell::new(false);
    let mut failing = pending(cell.get_or_try_init(|| async {
        std::future::poll_fn(|_| {
            if allowed.get() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
        Err::<u8, _>("failed")
    }));
    assert_eq!(cell.set(9), Err(SetError::InitializingError(9)));
    let mut next = pending(cell.get_or_init(|| async { 1 }));
    let mut third = pending(cell.get_or_init(|| async { 2 }));
    allowed.set(true);
    assert_eq!(failing.poll(), Poll::Ready(Err("failed")));
    assert_eq!((next.woken(), third.woken()), (1, 0));
    assert_eq!(next.poll(), Poll::Ready(&1));
    assert_eq!(third.woken(), 1);
    assert_eq!(third.poll(), Poll::Ready(&1));
    assert_eq!(cell.set(9), Err(SetError::AlreadyInitializedError(9)));
    drop((failing, next, third));
    assert_eq!(cell.into_inner(), Some(1));
}
