//! Circles through what can be given away: receivers, senders, owned guards. Who has them is told by their use, so what matters
//! here is above all what is not told.

use std::cell::RefCell;
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
        // By a message, as one does who hands locks out; he waits for the lock that he took himself.
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

type Inbox = mpsc::Receiver<u32>;
type Outbox = mpsc::Sender<u32>;

/// The message that ends who gets it.
const BYE: u32 = 9;

/// Says hello, then waits for what the other says.
async fn polite(mut inbox: Inbox, other: Outbox) {
    other.send(1).await.unwrap();
    while inbox.recv().await.is_some_and(|message| message != BYE) {}
}

#[test]
fn two_actors_that_await_each_others_message() {
    let cycles = cycles(async || {
        let (to_a, inbox_a) = mpsc::channel(2);
        let (to_b, inbox_b) = mpsc::channel(2);
        drop(named("a", polite(inbox_a, to_b)));
        drop(named("b", polite(inbox_b, to_a)));
    });
    assert_eq!(cycles.len(), 1, "{cycles:#?}");
    assert_eq!(names(&cycles[0]), ["a", "b"]);
    let text = Report::Cycle(cycles[0].clone()).to_string();
    for part in [
        "task 2 \"a\"",
        "every sender of which was last used by task 3 \"b\", at",
        "tests/cycles_of_handles.rs",
    ] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn a_ring_of_three_and_one_that_has_its_own_sender() {
    let ring = cycles(async || {
        let (to_a, inbox_a) = mpsc::channel(2);
        let (to_b, inbox_b) = mpsc::channel(2);
        let (to_c, inbox_c) = mpsc::channel(2);
        drop(named("a", polite(inbox_a, to_b)));
        drop(named("b", polite(inbox_b, to_c.clone())));
        drop(named("c", polite(inbox_c, to_a)));
        // One more that could, as it seems: it is gone before long.
        sleep(TICK).await;
        drop(to_c);
    });
    assert_eq!(ring.len(), 1, "{ring:#?}");
    assert_eq!(names(&ring[0]), ["a", "c", "b"]);

    let own = cycles(async || {
        let (sender, mut receiver) = mpsc::unbounded();
        drop(named("own", async move {
            for n in 0..3 {
                sender.send(n).unwrap();
            }
            while receiver.recv().await.is_some() {} // its own sender is still there
        }));
    });
    assert_eq!(own.len(), 1, "{own:#?}");
    assert_eq!(names(&own[0]), ["own"]);
}

#[test]
fn an_actor_that_asks_two_who_wait_for_it() {
    let cycles = cycles(async || {
        let (to_hub, mut hub) = mpsc::channel(4);
        let (to_a, inbox_a) = mpsc::channel(2);
        let (to_b, inbox_b) = mpsc::channel(2);
        drop(named("a", polite(inbox_a, to_hub.clone())));
        drop(named("b", polite(inbox_b, to_hub)));
        drop(named("hub", async move {
            to_a.send(1).await.unwrap();
            to_b.send(1).await.unwrap();
            while hub.recv().await.is_some() {}
        }));
    });
    assert_eq!(cycles.len(), 1, "{cycles:#?}");
    let text = Report::Cycle(cycles[0].clone()).to_string();
    assert!(
        text.contains("was last used by a task that is stuck too"),
        "{text}"
    );
}

/// Two actors that would be a circle, but for what `spare` does with a clone of a sender to the second.
#[track_caller]
fn saved_by(spare: impl AsyncFnOnce(Outbox)) {
    none(async || {
        let (to_a, inbox_a) = mpsc::channel(2);
        let (to_b, inbox_b) = mpsc::channel(2);
        let another = to_b.clone();
        drop(named("a", polite(inbox_a, to_b)));
        drop(named("b", polite(inbox_b, to_a)));
        spare(another).await;
    });
}

#[test]
fn a_sender_that_was_never_used_or_that_main_has() {
    saved_by(async |sender| {
        sleep(LATE).await;
        sender.send(BYE).await.unwrap();
    });
    saved_by(async |sender| {
        sender.send(1).await.unwrap();
        sleep(LATE).await;
        sender.send(BYE).await.unwrap();
    });
}

#[test]
fn a_sender_with_a_task_that_reads_a_socket() {
    saved_by(async |sender| {
        let (mut ours, mut theirs) = myrt::net::UnixStream::pair().unwrap();
        drop(named("reads", async move {
            let mut byte = [0];
            sender.send(1).await.unwrap();
            myrt::io::AsyncReadExt::read(&mut ours, &mut byte)
                .await
                .unwrap();
            sender.send(BYE).await.unwrap();
        }));
        sleep(LATE).await;
        myrt::io::AsyncWriteExt::write_all(&mut theirs, b"x")
            .await
            .unwrap();
    });
}

#[test]
fn a_sender_in_a_weak_one() {
    none(async || {
        let (to_a, inbox_a) = mpsc::channel(2);
        let (to_b, inbox_b) = mpsc::channel(2);
        let weak = to_b.downgrade();
        drop(named("a", polite(inbox_a, to_b)));
        drop(named("b", polite(inbox_b, to_a)));
        sleep(LATE).await;
        weak.upgrade().unwrap().send(BYE).await.unwrap();
    });
}

#[test]
fn a_sender_that_tasks_share() {
    none(async || {
        let (to_a, mut inbox_a) = mpsc::channel(2);
        let (to_b, mut inbox_b) = mpsc::channel(2);
        let to_b: Rc<Outbox> = Rc::new(to_b);
        let shared = to_b.clone();
        drop(named("a", async move {
            to_b.send(1).await.unwrap();
            while inbox_a.recv().await.is_some() {}
        }));
        drop(named("b", async move {
            to_a.send(1_u32).await.unwrap();
            while inbox_b.recv().await.is_some() {}
        }));
        // It has used it never so far.
        drop(named("later", async move {
            sleep(LATE).await;
            shared.send(1).await.unwrap();
        }));
    });
}

thread_local! {
    static KEPT: RefCell<Option<Outbox>> = const { RefCell::new(None) };
}

#[test]
fn a_sender_in_a_thread_local() {
    none(async || {
        let (to_a, mut inbox_a) = mpsc::channel(2);
        let (to_b, inbox_b) = mpsc::channel(2);
        KEPT.set(Some(to_b));
        drop(named("a", async move {
            KEPT.with_borrow(|sender| sender.as_ref().unwrap().try_send(1).unwrap());
            while inbox_a.recv().await.is_some() {}
        }));
        drop(named("b", polite(inbox_b, to_a)));
        sleep(LATE).await;
        KEPT.with_borrow(|sender| sender.as_ref().unwrap().try_send(1).unwrap());
    });
    KEPT.set(None);
}

#[test]
fn a_sender_that_went_to_a_task_of_ones_own_or_away_by_a_message() {
    // Used, then given to a task that was spawned.
    none(async || {
        let (to_worker, mut inbox) = mpsc::channel(2);
        let worker = named(
            "works",
            async move { while inbox.recv().await.is_some() {} },
        );
        drop(named("configures", async move {
            to_worker.send(0).await.unwrap();
            drop(named("later", async move {
                sleep(LATE).await;
                to_worker.send(1).await.unwrap();
            }));
            worker.await.unwrap();
        }));
    });
    // Used, then given back to those who want it next; by way of each kind of channel.
    fn pooled(give: impl FnOnce(Outbox) + 'static, take: impl Future<Output = Outbox> + 'static) {
        let (to_worker, mut inbox) = mpsc::channel(2);
        let worker = named(
            "works",
            async move { while inbox.recv().await.is_some() {} },
        );
        drop(named("uses", async move {
            to_worker.send(0).await.unwrap();
            give(to_worker);
            worker.await.unwrap();
        }));
        drop(named("uses later", async move {
            let sender = take.await;
            sleep(LATE).await;
            sender.send(1).await.unwrap();
        }));
    }
    none(async || {
        let (give, mut take) = mpsc::unbounded();
        let give = move |sender| give.send(sender).unwrap();
        pooled(give, async move { take.recv().await.unwrap() });
        let (give, take) = oneshot::channel();
        let give = move |sender| assert!(give.send(sender).is_ok());
        pooled(give, async move { take.await.unwrap() });
        let queue = Rc::new(myrt::sync::Queue::new(2));
        let theirs = queue.clone();
        let give = move |sender| queue.put_nowait(sender).unwrap();
        pooled(give, async move { theirs.get().await.unwrap() });
    });
}

#[test]
fn a_receiver_with_something_beside() {
    none(async || {
        let (to_a, mut inbox_a) = mpsc::channel(2);
        let (to_b, inbox_b) = mpsc::channel(2);
        let (stop, stopped) = oneshot::channel::<()>();
        drop(named("a", async move {
            to_b.send(1).await.unwrap();
            let mut stopped = std::pin::pin!(stopped);
            loop {
                myrt::select! {
                    message = inbox_a.recv() => if message.is_none() { break },
                    _ = &mut stopped => break,
                }
            }
        }));
        drop(named("b", polite(inbox_b, to_a)));
        sleep(LATE).await;
        stop.send(()).unwrap();
    });
    none(async || {
        let (to_a, mut inbox_a) = mpsc::channel(2);
        let (to_b, inbox_b) = mpsc::channel(2);
        drop(named("a", async move {
            to_b.send(1).await.unwrap();
            while let Ok(Some(_)) = timeout(LATE, inbox_a.recv()).await {}
        }));
        drop(named("b", polite(inbox_b, to_a)));
        sleep(2 * LATE).await;
    });
}

#[test]
fn a_place_that_was_reserved_by_one_who_may_go_on() {
    none(async || {
        let (to_a, inbox_a) = mpsc::channel::<u32>(2);
        let (to_b, mut inbox_b) = mpsc::channel(2);
        drop(named("a", polite(inbox_a, to_b)));
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
