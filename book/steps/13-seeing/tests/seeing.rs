//! Each wait is seen, with its place; a circle is found; what is not stuck is not accused.

use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use step13::waits::{self, Task, Wait};
use step13::{Mutex, block_on, select, sleep, spawn, yield_now};

/// What `block_on` panics with.
fn panic_of(future: impl Future) -> String {
    let panic = catch_unwind(AssertUnwindSafe(|| block_on(future))).err().expect("it panics");
    *panic.downcast::<String>().expect("the report is a text")
}

// ANCHOR: circle
#[test]
fn two_tasks_that_take_two_locks_crosswise_are_reported() {
    let report = panic_of(async {
        let locks = Rc::new([Mutex::new(()), Mutex::new(())]);
        let tasks = [(0, 1), (1, 0)].map(|(first, second)| {
            let locks = Rc::clone(&locks);
            spawn(async move {
                let _first = locks[first].lock().await;
                yield_now().await;
                let _second = locks[second].lock().await;
            })
        });
        for task in tasks {
            let _ = task.await;
        }
    });
    assert_eq!(report.matches("waits for a permit at").count(), 2, "{report}");
    assert!(report.contains("tests/seeing.rs:"), "{report}");
    let circle = report.lines().last().unwrap();
    assert!(circle.starts_with("circle: "), "{report}");
    assert_eq!(circle.matches(" -> ").count(), 1, "two tasks: {report}");
}
// ANCHOR_END: circle

#[test]
fn every_kind_of_wait_is_seen() {
    block_on(async {
        let lock = Rc::new(Mutex::new(()));
        let _held = lock.lock().await;
        let inner = Rc::clone(&lock);
        let locking = spawn(async move { drop(inner.lock().await) });
        let sleeping = spawn(sleep(Duration::from_secs(3600)));
        let joining = spawn(async move { drop(sleeping.await) });
        yield_now().await;
        let said = |waits: &[Wait]| waits.iter().map(|wait| wait.what).collect::<Vec<_>>();
        let mut seen: Vec<_> = waits::tasks().values().map(|task| said(&task.waits)).collect();
        seen.sort(); // keys depend on what else uses the table
        assert_eq!(seen, [vec![], vec!["a permit"], vec!["its end"], vec!["its time"]]);
        locking.cancel();
        joining.cancel();
    });
    assert!(waits::tasks().is_empty(), "nothing is left of tasks that have ended");
}

#[test]
fn a_wait_that_is_over_is_forgotten() {
    block_on(async {
        sleep(Duration::from_millis(1)).await;
        let waits = waits::tasks().pop_first().unwrap().1.waits;
        assert_eq!(waits, []);
    });
}

#[test]
fn a_task_that_sleeps_is_not_stuck() {
    block_on(async {
        let lock = Rc::new(Mutex::new(()));
        let held = Rc::clone(&lock);
        drop(spawn(async move {
            let _held = held.lock().await;
            sleep(Duration::from_millis(2)).await;
        }));
        yield_now().await;
        drop(lock.lock().await);
    });
}

#[test]
fn a_task_that_another_thread_will_wake_is_not_stuck() {
    let mut polls = 0;
    block_on(poll_fn(|cx| {
        polls += 1;
        if polls == 2 {
            return Poll::Ready(());
        }
        let waker = cx.waker().clone();
        std::thread::spawn(move || waker.wake());
        Poll::Pending
    }));
}

// ANCHOR: accused
#[test]
fn a_wait_beside_a_lock_that_notes_nothing_is_not_seen() {
    let report = panic_of(async {
        let lock = Mutex::new(());
        let _held = lock.lock().await;
        // The right side could be woken by another thread at any time. It says nothing of that.
        select(lock.lock(), pending::<()>()).await;
    });
    assert!(report.lines().last().unwrap().starts_with("circle: "), "{report}");
}
// ANCHOR_END: accused

#[test]
fn a_chain_is_no_circle() {
    let waits_on = |on| Wait { what: "a permit", at: None, on };
    let task = |waits| Task { spawned: None, waits };
    let chain = [(1, task(vec![waits_on(Some(2))])), (2, task(vec![waits_on(None)]))];
    assert_eq!(waits::circle(&chain.into()), None);
    let into_a_circle =
        [1, 2, 3].map(|n| (n, task(vec![waits_on(Some(if n == 3 { 2 } else { n + 1 }))])));
    assert_eq!(waits::circle(&into_a_circle.into()), Some(vec![2, 3]));
    let alternative = task(vec![waits_on(Some(1)), waits_on(None)]);
    assert_eq!(waits::circle(&[(1, alternative)].into()), None);
}
