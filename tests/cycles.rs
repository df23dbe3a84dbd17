//! Tasks that wait for each other in a circle, while the rest of the program goes on: each circle
//! is told once, with who holds what, and what only looks like one is not told.

use std::rc::Rc;

use myrt::runtime::Report;
use myrt::sync::{Mutex, RwLock, Semaphore, mpsc, oneshot};
use myrt::task::{self, JoinHandle};
use myrt::time::{Duration, sleep, timeout};

#[path = "support/circles.rs"]
mod circles;
use circles::{cycles, named, names};

async fn take_both(first: Rc<Mutex<()>>, second: Rc<Mutex<()>>) {
    let _first = first.lock().await;
    sleep(Duration::from_millis(1)).await;
    let _second = second.lock().await;
}

#[test]
fn two_locks_taken_in_two_orders_are_told_once_with_their_holders() {
    let cycles = cycles(async || {
        let (a, b) = (Rc::new(Mutex::new(())), Rc::new(Mutex::new(())));
        drop(named("ab", take_both(a.clone(), b.clone())));
        drop(named("ba", take_both(b.clone(), a.clone())));
        sleep(Duration::from_millis(5)).await;
        let graph = task::graph();
        let ab = graph.named("ab").unwrap();
        assert_eq!(ab.held_by, graph.named("ba").map(|task| task.id));
        assert!(!ab.waits_for_others);
        let line = graph.doing(ab);
        assert!(
            line.contains("\"ba\" (spawned at tests/cycles.rs:"),
            "{line}"
        );
        let json = graph.to_json();
        assert!(json.contains("\"holder_name\":\"ba\""), "{json}");
        // Somebody who waits behind them is no part of the circle.
        drop(named("behind", async move { drop(a.lock().await) }));
    });
    assert_eq!(cycles.len(), 1, "{cycles:#?}");
    assert_eq!(names(&cycles[0]), ["ab", "ba"]);
    let text = Report::Cycle(cycles[0].clone()).to_string();
    for part in [
        "task 2 \"ab\"",
        "which task 3 \"ba\" holds",
        "tests/cycles.rs",
    ] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn who_joins_his_joiner_and_who_wants_his_own_lock_are_told() {
    let joins = cycles(async || {
        let (give, take) = oneshot::channel::<JoinHandle<()>>();
        let first = named("first", async move {
            let second = take.await.unwrap();
            let _ = second.await;
        });
        let second = named("second", async move {
            let _ = first.await;
        });
        let _ = give.send(second);
    });
    assert_eq!(joins.len(), 1);
    assert_eq!(names(&joins[0]), ["first", "second"]);

    let own = cycles(async || {
        let lock = Rc::new(RwLock::new(()));
        drop(named("self", async move {
            let _reads = lock.read().await;
            let _writes = lock.write().await;
        }));
    });
    assert_eq!(own.len(), 1);
    assert_eq!(names(&own[0]), ["self"]);
}

#[test]
fn two_actors_with_full_inboxes_are_told() {
    async fn actor(mut inbox: mpsc::Receiver<u32>, other: mpsc::Sender<u32>) {
        while let Some(n) = inbox.recv().await {
            for _ in 0..3 {
                other.send(n).await.unwrap();
            }
        }
    }
    let cycles = cycles(async || {
        let (to_a, inbox_a) = mpsc::channel(2);
        let (to_b, inbox_b) = mpsc::channel(2);
        drop(named("a", actor(inbox_a, to_b.clone())));
        drop(named("b", actor(inbox_b, to_a.clone())));
        sleep(Duration::from_millis(1)).await;
        to_a.try_send(1).unwrap();
        to_b.try_send(1).unwrap();
        sleep(Duration::from_millis(1)).await;
        let graph = task::graph();
        let doing = graph.doing(graph.named("a").unwrap());
        assert!(doing.contains("which is full and received by"), "{doing}");
    });
    assert_eq!(cycles.len(), 1, "{cycles:#?}");
    assert_eq!(names(&cycles[0]), ["a", "b"]);
}

#[test]
fn a_scope_whose_child_waits_for_what_the_parent_holds_is_told() {
    let cycles = cycles(async || {
        let lock = Rc::new(Mutex::new(()));
        drop(named("parent", async move {
            let _held = lock.lock().await;
            let _ = myrt::scope(async |s| {
                let lock = &lock;
                drop(s.spawn(async move { drop(lock.lock().await) }));
            })
            .await;
        }));
    });
    assert_eq!(cycles.len(), 1, "{cycles:#?}");
    assert_eq!(cycles[0].tasks.len(), 2);
    assert!(cycles[0].tasks[1].is_child, "{cycles:#?}");
}

#[test]
fn who_can_still_go_on_is_not_told() {
    let cycles = cycles(async || {
        let (a, b) = (Rc::new(Mutex::new(())), Rc::new(Mutex::new(())));
        // Crosswise, but one of them gives up in time.
        let (first, second) = (a.clone(), b.clone());
        drop(named("patient", take_both(a.clone(), b.clone())));
        drop(named("impatient", async move {
            let _ = timeout(Duration::from_millis(30), take_both(second, first)).await;
        }));
        // A task that waits for a holder that sleeps.
        let slow = Rc::new(Mutex::new(()));
        let held = slow.clone();
        drop(named("holder", async move {
            let _held = held.lock().await;
            sleep(Duration::from_millis(25)).await;
        }));
        for _ in 0..3 {
            let slow = slow.clone();
            drop(named("waiter", async move { drop(slow.lock().await) }));
        }
        // A select with a way out, polled by a foreign combinator.
        let (lock, way_out) = (Rc::new(Mutex::new(())), Rc::new(Semaphore::new(0)));
        let open = way_out.clone();
        drop(named("selects", async move {
            let _held = lock.lock().await;
            let again = async { drop(lock.lock().await) };
            let out = async { drop(way_out.acquire().await) };
            myrt::select! { () = again => {}, () = out => {} }
        }));
        sleep(Duration::from_millis(25)).await;
        open.add_permits(1);
    });
    assert_eq!(cycles, []);
}

#[test]
fn readers_that_left_and_places_that_are_reserved_are_no_circles() {
    let cycles = cycles(async || {
        // The last reader to come has left; the other one still reads.
        let lock = Rc::new(RwLock::new(()));
        let (reads, writes) = (lock.clone(), lock);
        drop(named("reads on", async move {
            let _reads = reads.read().await;
            sleep(Duration::from_millis(35)).await;
        }));
        drop(named("writes", async move {
            let early = writes.read().await;
            sleep(Duration::from_millis(1)).await;
            drop(early);
            drop(writes.write().await);
        }));
        // Nothing to receive, and no place either: it is reserved.
        let (sender, mut receiver) = mpsc::channel::<()>(1);
        let second = sender.clone();
        drop(named("receives", async move {
            while receiver.recv().await.is_some() {}
        }));
        drop(named("reserves", async move {
            let place = sender.reserve().await.unwrap();
            sleep(Duration::from_millis(35)).await;
            place.send(());
        }));
        drop(named("sends", async move {
            let _ = second.send(()).await;
        }));
    });
    assert_eq!(cycles, []);
}
