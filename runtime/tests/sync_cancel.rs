//! Each await of each primitive, cancelled after every possible number of polls and tried again:
//! permits are conserved, no message is lost or doubled, nobody sleeps for ever.
//!
//! The executor polls only what was woken, so a wake-up that went to a future which was dropped,
//! and was not passed on, ends the test with "tasks sleep for ever".

mod support;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use myrt_runtime::sync::{
    Barrier, BoundedSemaphore, Condvar, Event, LifoQueue, Mutex, Notify, OnceCell, PriorityQueue,
    Queue, RwLock, Semaphore, broadcast, mpsc, oneshot, watch,
};
use support::{cut, every_cut, turn};

/// An await is polled at most so often before it is cancelled. With spurious polls each await of
/// these scenarios takes fewer turns than this.
const MOST: usize = 12;

#[test]
fn mutex_excludes_and_is_handed_on() {
    every_cut(MOST, |exec, polls| {
        let mutex = Rc::new(Mutex::new(0));
        let inside = Rc::new(Cell::new(0));
        for task in 0..5 {
            let mutex = Rc::clone(&mutex);
            let inside = Rc::clone(&inside);
            exec.spawn(async move {
                for round in 0..3 {
                    let polls = polls + (task + round) % 2;
                    if task % 2 == 0 {
                        let mut guard = cut(polls, || mutex.lock()).await;
                        assert_eq!(inside.replace(1), 0);
                        turn().await;
                        *guard += 1;
                        inside.set(0);
                    } else {
                        let mut guard = cut(polls, || Rc::clone(&mutex).lock_owned()).await;
                        assert_eq!(inside.replace(1), 0);
                        turn().await;
                        *guard += 1;
                        inside.set(0);
                    }
                }
            });
        }
        exec.run();
        assert_eq!(*mutex.try_lock().expect("everybody has unlocked"), 15);
        assert_eq!(mutex.statistics().waiting, 0);
    });
}

#[test]
fn semaphore_conserves_permits() {
    every_cut(MOST, |exec, polls| {
        let semaphore = Rc::new(Semaphore::new(3));
        let held = Rc::new(Cell::new(0));
        for task in 0..6 {
            let semaphore = Rc::clone(&semaphore);
            let held = Rc::clone(&held);
            exec.spawn(async move {
                for round in 0..3 {
                    let wanted = (task + round) % 3 + 1;
                    let permit = if task % 2 == 0 {
                        let permit = cut(polls, || semaphore.acquire_many(wanted)).await;
                        held.set(held.get() + wanted);
                        assert!(held.get() <= 3);
                        turn().await;
                        Some(permit.expect("open"))
                    } else {
                        let acquire = || Rc::clone(&semaphore).acquire_many_owned(wanted);
                        let permit = cut(polls, acquire).await.expect("open");
                        held.set(held.get() + wanted);
                        assert!(held.get() <= 3);
                        turn().await;
                        held.set(held.get() - wanted);
                        drop(permit);
                        None
                    };
                    if permit.is_some() {
                        held.set(held.get() - wanted);
                    }
                }
            });
        }
        exec.run();
        assert_eq!(semaphore.available_permits(), 3);
        assert_eq!(semaphore.statistics().waiting, 0);
    });
}

#[test]
fn bounded_semaphore_conserves_permits() {
    every_cut(MOST, |exec, polls| {
        let semaphore = Rc::new(BoundedSemaphore::new(2));
        for task in 0..4 {
            let semaphore = Rc::clone(&semaphore);
            exec.spawn(async move {
                for _ in 0..3 {
                    let permit = cut(polls, || semaphore.acquire()).await.expect("open");
                    turn().await;
                    if task % 2 == 0 {
                        permit.forget();
                        semaphore.release().expect("one was detached");
                    }
                }
            });
        }
        exec.run();
        assert_eq!(semaphore.available_permits(), 2);
        assert!(semaphore.release().is_err());
    });
}

#[test]
fn rw_lock_never_mixes_readers_and_writers() {
    every_cut(MOST, |exec, polls| {
        let lock = Rc::new(RwLock::new(0));
        let readers = Rc::new(Cell::new(0));
        for task in 0..6 {
            let lock = Rc::clone(&lock);
            let readers = Rc::clone(&readers);
            exec.spawn(async move {
                for round in 0..3 {
                    match (task + round) % 4 {
                        0 => {
                            let mut guard = cut(polls, || lock.write()).await;
                            assert_eq!(readers.get(), 0);
                            turn().await;
                            assert_eq!(readers.get(), 0);
                            *guard += 1;
                            let guard = myrt_runtime::sync::RwLockWriteGuard::downgrade(guard);
                            readers.set(readers.get() + 1);
                            turn().await;
                            readers.set(readers.get() - 1);
                            drop(guard);
                        }
                        1 => {
                            let mut guard = cut(polls, || Rc::clone(&lock).write_owned()).await;
                            assert_eq!(readers.get(), 0);
                            turn().await;
                            assert_eq!(readers.get(), 0);
                            *guard += 1;
                        }
                        2 => {
                            let guard = cut(polls, || lock.read()).await;
                            readers.set(readers.get() + 1);
                            let seen = *guard;
                            turn().await;
                            assert_eq!(*guard, seen);
                            readers.set(readers.get() - 1);
                        }
                        _ => {
                            let guard = cut(polls, || Rc::clone(&lock).read_owned()).await;
                            readers.set(readers.get() + 1);
                            let seen = *guard;
                            turn().await;
                            assert_eq!(*guard, seen);
                            readers.set(readers.get() - 1);
                        }
                    }
                }
            });
        }
        exec.run();
        let writes = (0..6)
            .flat_map(|t| (0..3).map(move |r| (t + r) % 4))
            .filter(|k| *k < 2);
        assert_eq!(*lock.try_write().expect("free"), writes.count());
    });
}

#[test]
fn event_releases_all() {
    every_cut(MOST, |exec, polls| {
        let event = Rc::new(Event::new());
        for _ in 0..4 {
            let event = Rc::clone(&event);
            exec.spawn(async move { cut(polls, || event.wait()).await });
        }
        exec.spawn(async move {
            turn().await;
            event.set();
        });
    });
}

#[test]
fn notify_one_wakes_as_many_as_it_is_called() {
    every_cut(MOST, |exec, polls| {
        let notify = Rc::new(Notify::new());
        let done = Rc::new(Cell::new(0));
        for task in 0..4 {
            let notify = Rc::clone(&notify);
            let done = Rc::clone(&done);
            exec.spawn(async move {
                if task % 2 == 0 {
                    cut(polls, || notify.notified()).await;
                } else {
                    cut(polls, || Rc::clone(&notify).notified_owned()).await;
                }
                done.set(done.get() + 1);
            });
        }
        exec.spawn(async move {
            // One at a time: a stored permit would swallow the next.
            for n in 0..4 {
                turn().await;
                notify.notify_one();
                let mut turns = 0;
                while done.get() <= n {
                    turn().await;
                    turns += 1;
                    assert!(turns < 1_000, "the notification was lost");
                }
            }
        });
    });
}

#[test]
fn condvar_hands_every_item_over() {
    every_cut(MOST, |exec, polls| {
        let shared = Rc::new((Mutex::new(Vec::new()), Condvar::new()));
        let got = Rc::new(RefCell::new(Vec::new()));
        for _ in 0..3 {
            let shared = Rc::clone(&shared);
            let got = Rc::clone(&got);
            exec.spawn(async move {
                for _ in 0..2 {
                    let (items, changed) = &*shared;
                    let mut guard = cut(polls, || async {
                        let guard = items.lock().await;
                        changed.wait_while(guard, |items| items.is_empty()).await
                    })
                    .await;
                    got.borrow_mut().extend(guard.pop());
                }
            });
        }
        exec.spawn(async move {
            for n in 0..6 {
                shared.0.lock().await.push(n);
                shared.1.notify_one();
                turn().await;
            }
        });
        exec.run();
        got.borrow_mut().sort_unstable();
        assert_eq!(*got.borrow(), [0, 1, 2, 3, 4, 5]);
    });
}

#[test]
fn barrier_lets_through_whole_groups() {
    every_cut(MOST, |exec, polls| {
        let barrier = Rc::new(Barrier::new(3));
        let results = Rc::new(RefCell::new(Vec::new()));
        // Cut after its group was complete, a wait has passed all the same and its retry belongs to
        // the next group; so each arrives twice at most, and helpers fill up the last group.
        for _ in 0..3 {
            let barrier = Rc::clone(&barrier);
            let results = Rc::clone(&results);
            exec.spawn(async move {
                let result = cut(polls, || barrier.wait()).await.expect("whole");
                results.borrow_mut().push(result.position());
            });
        }
        let helpers = Rc::clone(&barrier);
        let results_seen = Rc::clone(&results);
        exec.spawn(async move {
            while results_seen.borrow().len() < 3 {
                for _ in 0..20 {
                    turn().await;
                }
                if helpers.n_waiting() == 2 {
                    helpers.wait().await.expect("whole");
                } else if helpers.n_waiting() == 1 {
                    let (one, two) = (Rc::clone(&helpers), Rc::clone(&helpers));
                    let mut one = Box::pin(async move { one.wait().await });
                    let mut two = Box::pin(async move { two.wait().await });
                    std::future::poll_fn(|cx| {
                        let _ = one.as_mut().poll(cx);
                        two.as_mut().poll(cx)
                    })
                    .await
                    .expect("whole");
                }
            }
        });
        exec.run();
        assert_eq!(barrier.n_waiting(), 0);
    });
}

#[test]
fn once_cell_makes_one_value() {
    every_cut(MOST, |exec, polls| {
        let cell = Rc::new(OnceCell::new());
        let made = Rc::new(Cell::new(0));
        for task in 0..4 {
            let cell = Rc::clone(&cell);
            let made = Rc::clone(&made);
            exec.spawn(async move {
                if task % 2 == 0 {
                    let value = cut(polls, || {
                        cell.get_or_init(|| async {
                            turn().await;
                            turn().await;
                            made.set(made.get() + 1);
                            7
                        })
                    })
                    .await;
                    assert_eq!(*value, 7);
                } else {
                    let value = cut(polls, || {
                        cell.get_or_try_init(|| async {
                            turn().await;
                            Err(())
                        })
                    })
                    .await;
                    assert!(value.is_err() || value == Ok(&7));
                }
            });
        }
        exec.run();
        assert_eq!(made.get(), 1);
    });
}

#[test]
fn mpsc_loses_and_doubles_nothing() {
    every_cut(MOST, |exec, polls| {
        let (sender, mut receiver) = mpsc::channel(2);
        for task in 0..3 {
            let sender = sender.clone();
            exec.spawn(async move {
                for n in 0..5 {
                    let item = (task, n);
                    match n % 4 {
                        0 => cut(polls, || sender.send(item)).await.expect("open"),
                        1 => cut(polls, || sender.reserve())
                            .await
                            .expect("open")
                            .send(item),
                        2 => {
                            let places = cut(polls, || sender.reserve_many(2)).await;
                            places.expect("open").next().expect("two").send(item);
                        }
                        _ => {
                            let reserve = || sender.clone().reserve_owned();
                            drop(cut(polls, reserve).await.expect("open").send(item));
                        }
                    }
                }
            });
        }
        drop(sender);
        let got = Rc::new(RefCell::new(Vec::new()));
        let seen = Rc::clone(&got);
        exec.spawn(async move {
            loop {
                // Not by `cut`, which would borrow the receiver twice.
                let mut attempt = Box::pin(receiver.recv());
                let mut left = polls;
                let first = std::future::poll_fn(|cx| {
                    if left == 0 {
                        return std::task::Poll::Ready(None);
                    }
                    left -= 1;
                    if left == 0 {
                        cx.waker().wake_by_ref();
                    }
                    attempt.as_mut().poll(cx).map(Some)
                })
                .await;
                drop(attempt);
                let item = match first {
                    Some(item) => item,
                    None => {
                        turn().await;
                        receiver.recv().await
                    }
                };
                match item {
                    Some(item) => seen.borrow_mut().push(item),
                    None => break,
                }
            }
        });
        exec.run();
        for task in 0..3 {
            let got = got.borrow();
            let of_task: Vec<_> = got.iter().filter(|i| i.0 == task).map(|i| i.1).collect();
            assert_eq!(of_task, [0, 1, 2, 3, 4], "in order, once each");
        }
    });
}

#[test]
fn receiving_many_loses_nothing_and_frees_every_place() {
    every_cut(MOST, |exec, polls| {
        let (sender, mut receiver) = mpsc::channel(3);
        for task in 0..2 {
            let sender = sender.clone();
            exec.spawn(async move {
                for n in 0..7 {
                    sender.send(task * 10 + n).await.expect("open");
                }
            });
        }
        let places = sender.downgrade();
        drop(sender);
        exec.spawn(async move {
            let got = RefCell::new((&mut receiver, Vec::new()));
            while got.borrow().1.len() < 14 {
                let more = cut(polls, || {
                    std::future::poll_fn(|cx| {
                        let (receiver, got) = &mut *got.borrow_mut();
                        receiver.poll_recv_many(cx, got, 2)
                    })
                });
                assert!((1..=2).contains(&more.await));
            }
            let mut got = got.into_inner().1;
            assert_eq!(receiver.recv_many(&mut got, 0).await, 0);
            assert_eq!(receiver.recv_many(&mut got, 5).await, 0, "all are gone");
            assert_eq!(receiver.capacity(), 3);
            assert!(places.upgrade().is_none());
            for task in 0..2 {
                let of_task: Vec<_> = got.iter().filter(|n| *n / 10 == task).collect();
                assert!(of_task.is_sorted() && of_task.len() == 7);
            }
        });
    });
}

#[test]
fn closing_reaches_every_end_that_waits_for_it() {
    every_cut(MOST, |exec, polls| {
        let (bounded, receiver) = mpsc::channel::<()>(1);
        let (unbounded, mut numbers) = mpsc::unbounded();
        let (state, watched) = watch::channel(0);
        for _ in 0..2 {
            let (bounded, unbounded) = (bounded.clone(), unbounded.clone());
            let state = state.clone();
            exec.spawn(async move {
                cut(polls, || bounded.closed()).await;
                cut(polls, || state.closed()).await;
                unbounded.send(polls).expect("the receiver is there");
                cut(polls, || unbounded.closed()).await;
            });
        }
        drop((bounded, unbounded, state));
        exec.spawn(async move {
            turn().await;
            drop(receiver);
            turn().await;
            drop(watched);
            let numbers = RefCell::new(&mut numbers);
            for _ in 0..2 {
                let next = cut(polls, || {
                    std::future::poll_fn(|cx| numbers.borrow_mut().poll_recv(cx))
                });
                assert_eq!(next.await, Some(polls));
            }
        });
    });
}

#[test]
fn oneshot_keeps_its_message() {
    every_cut(MOST, |exec, polls| {
        let (sender, receiver) = oneshot::channel();
        exec.spawn(async move {
            let receiver = RefCell::new(receiver);
            let value = cut(polls, || async {
                std::future::poll_fn(|cx| std::pin::Pin::new(&mut *receiver.borrow_mut()).poll(cx))
                    .await
            })
            .await;
            assert_eq!(value, Ok(5));
        });
        exec.spawn(async move {
            turn().await;
            sender.send(5).expect("the receiver waits");
        });
        let (mut sender, receiver) = oneshot::channel::<()>();
        exec.spawn(async move {
            let sender = RefCell::new(&mut sender);
            cut(polls, || {
                std::future::poll_fn(|cx| sender.borrow_mut().poll_closed(cx))
            })
            .await;
        });
        exec.spawn(async move {
            turn().await;
            drop(receiver);
        });
    });
}

fn queue_scenario(
    polls: usize,
    exec: &support::Exec,
    put: impl Fn(u32) -> std::pin::Pin<Box<dyn Future<Output = ()>>> + Clone + 'static,
    get: impl Fn() -> std::pin::Pin<Box<dyn Future<Output = u32>>> + Clone + 'static,
) -> Rc<RefCell<Vec<u32>>> {
    let got = Rc::new(RefCell::new(Vec::new()));
    for task in 0..3 {
        let put = put.clone();
        exec.spawn(async move {
            for n in 0..4 {
                cut(polls, || put(task * 10 + n)).await;
            }
        });
    }
    for _ in 0..2 {
        let get = get.clone();
        let got = Rc::clone(&got);
        exec.spawn(async move {
            for _ in 0..6 {
                let item = cut(polls, &get).await;
                got.borrow_mut().push(item);
            }
        });
    }
    got
}

#[test]
fn queues_lose_and_double_nothing() {
    let expected: Vec<u32> = (0..3)
        .flat_map(|task| (0..4).map(move |n| task * 10 + n))
        .collect();
    macro_rules! check {
        ($queue:expr) => {
            every_cut(MOST, |exec, polls| {
                let queue = Rc::new($queue);
                let (putting, getting) = (Rc::clone(&queue), Rc::clone(&queue));
                let got = queue_scenario(
                    polls,
                    exec,
                    move |item| {
                        let queue = Rc::clone(&putting);
                        Box::pin(async move { queue.put(item).await.expect("open") })
                    },
                    move || {
                        let queue = Rc::clone(&getting);
                        Box::pin(async move {
                            let item = queue.get().await.expect("open");
                            queue.task_done();
                            item
                        })
                    },
                );
                let joining = Rc::clone(&queue);
                exec.spawn(async move {
                    turn().await;
                    cut(polls, || joining.join()).await;
                });
                exec.run();
                got.borrow_mut().sort_unstable();
                assert_eq!(*got.borrow(), expected);
                assert!(queue.empty());
                let statistics = queue.statistics();
                assert_eq!((statistics.waiting_puts, statistics.waiting_gets), (0, 0));
            });
        };
    }
    check!(Queue::new(1));
    check!(Queue::new(3));
    check!(Queue::new(0));
    check!(PriorityQueue::new(2));
    check!(LifoQueue::new(2));
}

#[test]
#[expect(
    clippy::await_holding_refcell_ref,
    reason = "each receiver has one task"
)]
fn broadcast_and_watch_reach_everybody() {
    every_cut(MOST, |exec, polls| {
        let (sender, receiver) = broadcast::channel(16);
        let (state, watched) = watch::channel(0);
        for _ in 0..3 {
            let receiver = RefCell::new(receiver.resubscribe());
            exec.spawn(async move {
                for n in 0..5 {
                    let value = cut(polls, || async { receiver.borrow_mut().recv().await }).await;
                    assert_eq!(value, Ok(n));
                }
            });
            let watched = RefCell::new(watched.clone());
            exec.spawn(async move {
                cut(polls, || async {
                    watched
                        .borrow_mut()
                        .wait_for(|n| *n == 5)
                        .await
                        .map(|n| assert_eq!(*n, 5))
                })
                .await
                .expect("open");
            });
            let (state, watched) = (state.clone(), RefCell::new(state.subscribe()));
            exec.spawn(async move {
                cut(polls, || async { watched.borrow_mut().changed().await })
                    .await
                    .expect("open");
                drop(state);
            });
        }
        drop(receiver);
        exec.spawn(async move {
            for n in 0..5 {
                turn().await;
                assert_eq!(sender.send(n), Ok(3));
                state.send_replace(n + 1);
            }
            cut(polls, || sender.closed()).await;
        });
    });
}
