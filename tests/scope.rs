//! Scopes: borrowing children, failures, cancelling, exact timelines, and what one wake costs.
//! Those that are given up half-way are `scope_given_up.rs`.

mod support;

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use myrt::scope::{Failure, ScopeError};
use myrt::time::{Instant, sleep, timeout};
use myrt::{scope, task, try_scope, yield_now};
use support::on_drop;
use support::timeline::{Log, ms};

#[myrt::test(start_paused)]
async fn children_borrow_and_all_end_before_the_scope_returns() {
    let log = Log::new();
    let sum = Cell::new(0);
    let numbers = [30_u64, 10, 20];
    let given = scope(async |s| {
        for n in &numbers {
            let (sum, log) = (&sum, &log);
            s.spawn(async move {
                sleep(ms(*n)).await;
                sum.set(sum.get() + n);
                log.add(format!("{n}"));
            });
        }
        log.add("body");
        "given"
    })
    .await
    .unwrap();
    log.add("returned");
    assert_eq!((given, sum.get()), ("given", 60));
    log.is(&[
        (0, "body"),
        (10, "10"),
        (20, "20"),
        (30, "30"),
        (30, "returned"),
    ]);
}

#[myrt::test(start_paused)]
async fn a_child_may_change_what_the_parent_owns() {
    let mut text = String::from("a");
    let other = &mut text;
    scope(async move |s| {
        s.spawn(async move { other.push('b') });
    })
    .await
    .unwrap();
    assert_eq!(text, "ab");
}

#[myrt::test(start_paused)]
async fn handles_give_outputs_and_may_be_given_up() {
    let word = String::from("word");
    scope(async |s| {
        let mut slow = s.spawn(async {
            sleep(ms(20)).await;
            word.as_str()
        });
        assert!(timeout(ms(5), &mut slow).await.is_err());
        assert!(!slow.is_finished());
        assert_eq!(slow.await.unwrap(), "word");
        let quick = s.spawn(async { 7 });
        yield_now().await;
        yield_now().await;
        assert!(quick.is_finished());
        assert_eq!(quick.await.unwrap(), 7);
    })
    .await
    .unwrap();
}

#[myrt::test(start_paused)]
async fn children_spawn_siblings_through_the_scope() {
    let count = Cell::new(0);
    scope(async |s| {
        let count = &count;
        s.spawn(async move {
            for _ in 0..3 {
                s.spawn(async move {
                    sleep(ms(1)).await;
                    count.set(count.get() + 1);
                });
            }
        });
    })
    .await
    .unwrap();
    assert_eq!(count.get(), 3);
}

#[myrt::test(start_paused)]
async fn the_first_error_drops_the_others_and_the_body() {
    let log = Log::new();
    let ended = try_scope(async |s| {
        let _body = on_drop(|| log.add("body dropped"));
        s.try_spawn(async {
            sleep(ms(10)).await;
            Err::<(), _>("no")
        });
        let other = &log;
        s.spawn(async move {
            let _child = on_drop(|| other.add("sibling dropped"));
            sleep(ms(1000)).await;
        });
        sleep(ms(500)).await;
        Ok(())
    })
    .await;
    log.add("returned");
    let error = ended.unwrap_err();
    assert_eq!(error.errors().collect::<Vec<_>>(), [&"no"]);
    assert!(!error.is_panic() && !error.is_elapsed());
    assert_eq!(error.to_string(), "in a scope: no");
    log.is(&[
        (10, "sibling dropped"),
        (10, "body dropped"),
        (10, "returned"),
    ]);
}

#[myrt::test(start_paused)]
async fn errors_of_one_moment_are_all_told_in_order() {
    let error = try_scope(async |s| {
        for n in 0..3 {
            s.try_spawn(async move {
                sleep(ms(10)).await;
                Err::<(), _>(n)
            });
        }
        s.spawn(async {
            sleep(ms(10)).await;
            panic!("and a panic");
        });
        sleep(ms(10)).await;
        Err::<(), _>(9)
    })
    .await
    .unwrap_err();
    assert!(error.is_panic());
    let told: Vec<_> = error.failures().iter().map(ToString::to_string).collect();
    // The timers of the children fire in the order in which they were made; the body's was made
    // first.
    assert_eq!(told, ["9", "0", "1", "2", "panicked: and a panic"]);
}

#[myrt::test(start_paused)]
async fn panics_of_children_and_of_the_body_are_errors_of_the_scope() {
    let error = scope(async |s| {
        s.spawn(async { panic!("child") });
        sleep(ms(10)).await;
    })
    .await
    .unwrap_err();
    assert_eq!(error.to_string(), "in a scope: panicked: child");
    let error = scope(async |s| {
        s.spawn(sleep(ms(1000)));
        yield_now().await;
        panic!("body")
    })
    .await
    .map(|(): ()| ())
    .unwrap_err();
    assert!(matches!(error.failures(), [Failure::Panic(_)]));
    assert_eq!(
        *error.into_panic().unwrap().downcast::<&str>().unwrap(),
        "body"
    );
}

#[myrt::test(start_paused)]
async fn cancel_of_the_scope_spares_the_body_and_later_children() {
    let log = Log::new();
    scope(async |s| {
        let handles: Vec<_> = (0..3).map(|_| s.spawn(sleep(ms(1000)))).collect();
        sleep(ms(10)).await;
        s.cancel();
        for handle in handles {
            assert!(handle.await.unwrap_err().is_cancelled());
        }
        log.add("cancelled");
        assert!(s.is_empty());
        s.spawn(sleep(ms(5))).await.unwrap();
        log.add("another");
    })
    .await
    .unwrap();
    log.is(&[(10, "cancelled"), (15, "another")]);
}

#[myrt::test(start_paused)]
async fn a_child_cancels_itself_its_siblings_or_its_scope() {
    let dropped = Cell::new(0);
    scope(async |s| {
        let dropped = &dropped;
        let count = || dropped.set(dropped.get() + 1);
        let sibling = s.spawn(async move {
            let _drop = on_drop(count);
            std::future::pending::<()>().await;
        });
        s.spawn(async move {
            let _drop = on_drop(count);
            sibling.cancel();
            task::current().cancel();
            assert!(task::current().is_cancelling());
            yield_now().await;
            unreachable!("it ends at its next await");
        });
    })
    .await
    .unwrap();
    assert_eq!(dropped.get(), 2);
    scope(async |s| {
        s.spawn(async {
            s.cancel();
            yield_now().await;
            unreachable!("it cancelled itself with the others");
        });
        s.spawn(std::future::pending::<()>());
    })
    .await
    .unwrap();
}

#[myrt::test(start_paused)]
async fn a_deadline_ends_body_and_children_and_may_be_moved() {
    let start = Instant::now();
    let error = scope(async |s| {
        s.deadline(ms(100));
        s.spawn(async {
            sleep(ms(50)).await;
            s.deadline(ms(100)); // 150 from the start
            sleep(ms(1000)).await;
        });
        std::future::pending::<()>().await;
    })
    .await
    .unwrap_err();
    assert_eq!(start.elapsed(), ms(150));
    assert!(error.is_elapsed() && error.failures().is_empty());
    assert_eq!(error.to_string(), "the scope's deadline has passed");
    // What ends at that very moment has ended in time.
    let start = Instant::now();
    scope(async |s| {
        s.deadline(start + ms(100));
        s.spawn(sleep(ms(100)));
    })
    .await
    .unwrap();
    // A deadline in the past, set once everything was begun.
    let error = scope(async |s| {
        s.deadline(ms(0));
        std::future::pending::<()>().await;
    });
    assert!(error.await.unwrap_err().is_elapsed());
}

#[myrt::test(start_paused)]
async fn start_waits_until_the_child_is_up() {
    let log = Log::new();
    scope(async |s| {
        let other = &log;
        let port = s
            .named("server")
            .start(async move |started| {
                sleep(ms(20)).await;
                started.set(8080);
                sleep(ms(20)).await;
                other.add(format!("{:?} ends", task::current().name().unwrap()));
            })
            .await
            .unwrap();
        log.add(format!("up at {port}"));
    })
    .await
    .unwrap();
    log.is(&[(20, "up at 8080"), (40, "\"server\" ends")]);
}

#[myrt::test(start_paused)]
async fn start_tells_when_the_child_never_came_up_and_cancels_what_nobody_waits_for() {
    let dropped = Cell::new(false);
    scope(async |s| {
        let never = s
            .start(async |started: scope::Started<()>| drop(started))
            .await;
        assert!(never.unwrap_err().is_cancelled());
        let dropped = &dropped;
        let slow = s.start(async move |started| {
            let _drop = on_drop(|| dropped.set(true));
            sleep(ms(1000)).await;
            started.set(());
        });
        assert!(timeout(ms(10), slow).await.is_err());
        yield_now().await;
        assert!(dropped.get());
    })
    .await
    .unwrap();
}

#[myrt::test(start_paused)]
async fn names_ids_and_parents() {
    let me = task::current().id();
    scope(async |s| {
        // The body is a part of its task.
        assert_eq!(task::current().id(), me);
        let inside = s.named("worker").spawn(async {
            yield_now().await;
            task::current()
        });
        assert_eq!(inside.name().as_deref(), Some("worker"));
        let all = task::all();
        let child = all
            .iter()
            .find(|info| info.id == inside.id())
            .expect("children are listed");
        assert_eq!(child.parent, Some(me));
        assert_eq!(child.name.as_deref(), Some("worker"));
        assert!(child.spawned_at.unwrap().file().ends_with("scope.rs"));
        let id = inside.id();
        let told = inside.await.unwrap();
        assert_eq!(told.id(), id);
        assert!(told.is_finished());
    })
    .await
    .unwrap();
}

myrt::task_local! { static REQUEST: u32; }

#[myrt::test(start_paused)]
async fn children_inherit_task_locals() {
    scope(async |s| {
        let inside = async { s.spawn(async { REQUEST.get() }).await.unwrap() };
        assert_eq!(REQUEST.scope(7, inside).await, 7);
        let child = s.spawn(async { REQUEST.try_with(|n| *n).is_err() });
        assert!(child.await.unwrap());
    })
    .await
    .unwrap();
}

/// Counts how often it is polled; ready when `go` is set.
struct Counting<'a> {
    polls: &'a Cell<u32>,
    go: &'a Cell<bool>,
    waker: &'a RefCell<Option<Waker>>,
}

impl Future for Counting<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.polls.set(self.polls.get() + 1);
        *self.waker.borrow_mut() = Some(cx.waker().clone());
        if self.go.get() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

#[myrt::test(start_paused)]
async fn ten_thousand_children_one_woken_exactly_one_polled() {
    const N: usize = 10_000;
    let polls: Vec<_> = (0..N).map(|_| Cell::new(0)).collect();
    let wakers: Vec<_> = (0..N).map(|_| RefCell::new(None::<Waker>)).collect();
    let go = Cell::new(false);
    let body = Cell::new(0);
    let total = || polls.iter().map(Cell::get).sum::<u32>() as usize;
    scope(async |s| {
        for n in 0..N {
            s.spawn(Counting {
                polls: &polls[n],
                go: &go,
                waker: &wakers[n],
            });
        }
        while total() < N {
            yield_now().await;
        }
        let woken = wakers[1234].borrow().clone().unwrap();
        let mut told = false;
        std::future::poll_fn(|cx| {
            body.set(body.get() + 1);
            if told {
                return Poll::Ready(());
            }
            told = true;
            woken.wake_by_ref();
            let waker = cx.waker().clone();
            myrt::time::call_later(ms(1), move || waker.wake()).keep();
            Poll::Pending
        })
        .await;
        assert_eq!(total(), N + 1, "one child more was polled");
        assert_eq!(polls[1234].get(), 2);
        assert_eq!(body.get(), 2, "and the body, by its own timer alone");
        go.set(true);
        wakers.iter().for_each(|waker| waker.take().unwrap().wake());
    })
    .await
    .unwrap();
    assert_eq!(total(), 2 * N + 1);
}

trait Keep {
    fn keep(self);
}

impl Keep for myrt::time::TimerHandle {
    fn keep(self) {
        drop(self);
    }
}

#[myrt::test(start_paused)]
async fn many_ready_children_let_other_tasks_run() {
    let turns = Rc::new(Cell::new(0));
    let seen = turns.clone();
    let other = myrt::spawn(async move {
        loop {
            seen.set(seen.get() + 1);
            yield_now().await;
        }
    });
    scope(async |s| {
        for _ in 0..1000 {
            s.spawn(async {
                for _ in 0..10 {
                    yield_now().await;
                }
            });
        }
    })
    .await
    .unwrap();
    assert!(
        turns.get() > 100,
        "the other task had its turns: {}",
        turns.get()
    );
    other.cancel();
}

#[myrt::test(start_paused)]
async fn scopes_nest_and_each_absorbs_only_its_own() {
    let outer = try_scope(async |s| {
        let inner: Result<(), ScopeError<&str>> = try_scope(async |inner| {
            inner.try_spawn(async { Err::<(), _>("inner") });
            Ok(())
        })
        .await;
        assert_eq!(inner.unwrap_err().into_errors(), ["inner"]);
        s.spawn(sleep(ms(5))).await.unwrap();
        Ok::<_, ()>("fine")
    });
    assert_eq!(outer.await.unwrap(), "fine");
}

#[myrt::test(start_paused)]
async fn a_scope_may_move_to_another_task_and_be_ended_there() {
    let mut moved = Box::pin(scope(async |s| {
        s.spawn(sleep(ms(5)));
        sleep(ms(1)).await;
        task::current().id()
    }));
    std::future::poll_fn(|cx| {
        assert!(moved.as_mut().poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
    let there = myrt::spawn(moved);
    let id = there.id();
    assert_eq!(there.await.unwrap().unwrap(), id);
}

#[myrt::test(start_paused)]
async fn an_empty_scope_is_ready_at_once() {
    assert_eq!(scope(async |_| 5).await.unwrap(), 5);
    let error: ScopeError<String> = try_scope(async |_| Err::<(), _>("x".to_owned()))
        .await
        .unwrap_err();
    assert_eq!(error.into_errors(), ["x"]);
}
