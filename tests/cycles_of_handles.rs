//! Circles through what can be given away: receivers, owned guards. Who has them is told by their
//! use, so what matters here is above all what is not told.

use std::rc::Rc;

use myrt::runtime::Report;
use myrt::sync::{Mutex, RwLock, mpsc, oneshot};
use myrt::time::{Duration, sleep, timeout};

#[path = "support/circles.rs"]
mod circles;
use circles::{cycles, named, names};

const TICK: Duration = Duration::from_millis(1);
/// Longer than it takes until all circles are told.
const LATE: Duration = Duration::from_millis(35);

/// What only looks like a circle.
#[track_caller]
fn none(program: impl AsyncFnOnce()) {
    let cycles = cycles(program);
    let told: Vec<_> = cycles.into_iter().map(Report::Cycle).collect();
    assert!(told.is_empty(), "{}", told[0]);
}

#[test]
fn a_receiver_that_was_given_to_a_task_of_ones_own() {
    none(async || {
        let (sender, mut receiver) = mpsc::channel(1);
        let producer = named("produces", async move {
            sleep(TICK).await;
            for n in 0..4 {
                let _ = sender.send(n).await;
            }
        });
        drop(named("head", async move {
            assert_eq!(receiver.recv().await, Some(0));
            let rest = named("rest", async move {
                sleep(LATE).await; // opens a file, say
                while receiver.recv().await.is_some() {}
            });
            producer.await.unwrap();
            rest.await.unwrap();
        }));
    });
}

#[test]
fn a_receiver_that_waits_again_in_another_task() {
    none(async || {
        let (sender, mut receiver) = mpsc::channel(1);
        drop(named("produces", async move {
            sleep(TICK).await;
            for n in 0..3 {
                sender.send(n).await.unwrap(); // waits for "head", and so it is told
            }
            sleep(LATE).await;
        }));
        drop(named("head", async move {
            assert_eq!(receiver.recv().await, Some(0));
            sleep(TICK).await;
            let rest = named(
                "rest",
                async move { while receiver.recv().await.is_some() {} },
            );
            rest.await.unwrap();
        }));
    });
}

#[test]
fn a_receiver_that_workers_share() {
    none(async || {
        let (sender, receiver) = mpsc::channel(1);
        let jobs = Rc::new(Mutex::new(receiver));
        let log = Rc::new(Mutex::new(()));
        let theirs = log.clone();
        drop(named("produces", async move {
            sleep(TICK).await;
            sender.send(1).await.unwrap();
            sleep(TICK).await;
            let _held = theirs.lock().await;
            for n in 0..3 {
                sender.send(n).await.unwrap(); // full: but the slow one will come
            }
        }));
        let slow = jobs.clone();
        drop(named("quick", async move {
            jobs.lock().await.recv().await.unwrap();
            sleep(2 * TICK).await;
            drop(log.lock().await);
        }));
        drop(named("slow", async move {
            sleep(LATE).await;
            let mut jobs = slow.lock().await;
            for _ in 0..3 {
                jobs.recv().await.unwrap();
            }
        }));
    });
}

#[test]
fn guards_that_were_given_away() {
    none(async || {
        // To a task that it spawned.
        let (one, other) = (Rc::new(Mutex::new(())), Rc::new(Mutex::new(())));
        let (lent, wanted) = (one.clone(), other.clone());
        drop(named("lends", async move {
            let guard = lent.lock_owned().await;
            drop(named("has it", async move {
                sleep(LATE).await;
                drop(guard);
            }));
            sleep(TICK).await;
            drop(wanted.lock().await);
        }));
        drop(named("waits", async move {
            let _held = other.lock().await;
            drop(one.lock().await);
        }));
        // By a message, as one does who hands locks out; he waits for the lock that he took
        // himself.
        let lock = Rc::new(RwLock::new(()));
        let (give, take) = oneshot::channel();
        drop(named("hands out", async move {
            let _ = give.send(lock.clone().write_owned().await);
            drop(lock.read_owned().await);
        }));
        drop(named("has the other", async move {
            let guard = take.await.unwrap();
            sleep(LATE).await;
            drop(guard);
        }));
    });
}

#[test]
fn readers_behind_a_writer_that_gives_up() {
    none(async || {
        let lock = Rc::new(RwLock::new(()));
        let (first, second, third) = (lock.clone(), lock.clone(), lock);
        let second = named("second", async move {
            sleep(2 * TICK).await;
            drop(second.read().await); // behind the writer, which gives up
        });
        drop(named("first", async move {
            let _reads = first.read().await;
            second.await.unwrap();
        }));
        drop(named("writes", async move {
            sleep(TICK).await;
            assert!(timeout(LATE, third.write()).await.is_err());
        }));
    });
}

#[test]
fn a_reader_that_reads_again_behind_a_writer_is_told() {
    let cycles = cycles(async || {
        let lock = Rc::new(RwLock::new(()));
        let writes = lock.clone();
        drop(named("reads", async move {
            let _reads = lock.read().await;
            sleep(2 * TICK).await;
            drop(lock.read().await);
        }));
        drop(named("writes", async move {
            sleep(TICK).await;
            drop(writes.write().await);
        }));
    });
    assert_eq!(cycles.len(), 1, "{cycles:#?}");
    assert_eq!(names(&cycles[0]), ["reads", "writes"]);
    let text = Report::Cycle(cycles[0].clone()).to_string();
    assert!(text.contains("behind task 3 \"writes\""), "{text}");
}

#[test]
fn a_lock_beside_something_foreign() {
    none(async || {
        let lock = Rc::new(Mutex::new(()));
        let (give, take) = futures_channel(); // wakes by the task's waker, of which it has a clone
        drop(named("has a way out", async move {
            let _held = lock.lock().await;
            myrt::select! {
                _ = lock.lock() => {}
                () = take => {}
            }
        }));
        drop(named("opens it", async move {
            sleep(LATE).await;
            give();
        }));
    });
}

/// A signal that knows nothing of myrt.
fn futures_channel() -> (impl FnOnce(), impl Future<Output = ()>) {
    let (give, take) = futures_util::future::abortable(std::future::pending::<()>());
    (move || take.abort(), async move {
        let _ = give.await;
    })
}

#[test]
fn a_place_that_was_reserved_by_one_who_may_go_on() {
    none(async || {
        let (to_a, inbox_a) = mpsc::channel::<u32>(2);
        let (to_b, mut inbox_b) = mpsc::channel(2);
        drop(named("a", async move {
            let mut inbox_a = inbox_a;
            to_b.send(1).await.unwrap();
            while inbox_a.recv().await.is_some() {}
        }));
        drop(named("b", async move {
            to_a.send(1).await.unwrap();
            let place = to_a.reserve_owned().await.unwrap();
            drop(named("later", async move {
                sleep(LATE).await;
                place.send(1);
            }));
            while inbox_b.recv().await.is_some() {}
        }));
    });
}
