//! Chains of tasks: each holds the next, and the head is dropped. However long, they end without
//! using up the stack. Scopes and gathers inside of each other: a wake polls each level once.
//!
//! Looked at for the same kind: futures that are cancelled (`AbortOnDrop`, `JoinSet`; in scopes,
//! gathers, timeouts, shields, task locals, channels), outputs that nobody takes, done callbacks
//! that nobody calls, cleanups, links of task locals (`faults_tasks`), cancel tokens; at a cancel,
//! at the end of `block_on` and at the runtime's. Scopes inside of scopes are one future, which is
//! polled and dropped from the outside to the inside, and a drop takes less stack than a poll.
//! For what takes a share on the way down, so that a long way uses it up: gathers did; scopes give
//! each child a share of its own; sets, selects, timeouts and locks take one when they are ready.

mod support;

use std::cell::Cell;
use std::future::{Future, pending};
use std::pin::Pin;
use std::rc::Rc;

use std::task::{Context, Poll};

use myrt::sync::{Event, mpsc};
use myrt::task::{JoinHandle, JoinSet};
use support::{on_drop, runtime, settle};

/// More than the stack of a test's thread has room for.
const LONG: u32 = 20_000;

type Link = Pin<Box<dyn Future<Output = ()>>>;

/// A task that holds the next one by `abort_on_drop`, and counts its end.
fn aborting(left: u32, ended: Rc<Cell<u32>>) -> Link {
    Box::pin(async move {
        let count = ended.clone();
        let _ended = on_drop(move || count.set(count.get() + 1));
        let _next = (left > 1).then(|| myrt::spawn(aborting(left - 1, ended)).abort_on_drop());
        pending::<()>().await;
    })
}

/// One that holds it in a set.
fn joining(left: u32, ended: Rc<Cell<u32>>) -> Link {
    Box::pin(async move {
        let count = ended.clone();
        let _ended = on_drop(move || count.set(count.get() + 1));
        let mut set = JoinSet::new();
        if left > 1 {
            set.spawn(joining(left - 1, ended));
        }
        pending::<()>().await;
    })
}

/// One whose next is held by a callback that nobody will call.
fn calling(left: u32, ended: Rc<Cell<u32>>) -> Link {
    Box::pin(async move {
        let count = ended.clone();
        let _ended = on_drop(move || count.set(count.get() + 1));
        if left > 1 {
            let next = myrt::spawn(calling(left - 1, ended));
            let other = myrt::spawn(pending::<()>());
            let held = next.abort_on_drop();
            other.on_done(move |_, _| drop(held));
            let _other = other.abort_on_drop();
            pending::<()>().await;
        }
        pending::<()>().await;
    })
}

/// Lets the chain grow to its end, which takes a turn a link.
async fn grow() {
    for _ in 0..2 * LONG {
        myrt::yield_now().await;
    }
}

#[test]
fn b_7_a_long_chain_of_tasks_ends_at_the_cancel_of_its_head() {
    for link in [aborting, joining, calling] {
        let ended = Rc::new(Cell::new(0));
        let runtime = runtime();
        runtime.block_on(async {
            let head = myrt::spawn(link(LONG, ended.clone()));
            grow().await;
            assert_eq!(ended.get(), 0);
            head.cancel().await;
            assert_eq!(ended.get(), LONG, "all of them, before the cancel returned");
            settle().await;
        });
        assert_eq!(runtime.metrics().tasks, 0);
    }
}

#[test]
fn b_7_a_long_chain_of_tasks_ends_with_block_on_and_with_the_runtime() {
    for link in [aborting, joining] {
        // Held by the main future.
        let ended = Rc::new(Cell::new(0));
        let runtime = runtime();
        runtime.block_on(async {
            let _head = myrt::spawn(link(LONG, ended.clone())).abort_on_drop();
            grow().await;
        });
        assert_eq!(ended.take(), LONG);
        // By nobody.
        runtime.block_on(async {
            drop(myrt::spawn(link(LONG, ended.clone())));
            grow().await;
        });
        drop(runtime);
        assert_eq!(ended.get(), LONG);
    }
}

/// An output that is the handle of the next task.
struct Next {
    _handle: Option<JoinHandle<Self>>,
    _ended: Box<dyn std::any::Any>,
}

fn outputs(left: u32, ended: Rc<Cell<u32>>) -> Pin<Box<dyn Future<Output = Next>>> {
    Box::pin(async move {
        let count = ended.clone();
        let told = on_drop(Box::new(move || count.set(count.get() + 1)) as Box<dyn FnOnce()>);
        Next {
            _handle: (left > 1).then(|| myrt::spawn(outputs(left - 1, ended))),
            _ended: Box::new(told),
        }
    })
}

#[test]
fn b_7_a_long_chain_of_outputs_that_nobody_takes_is_dropped() {
    for at_the_end in [false, true] {
        let ended = Rc::new(Cell::new(0));
        let runtime = runtime();
        let head = runtime.block_on(async {
            let head = myrt::spawn(outputs(LONG, ended.clone()));
            grow().await;
            if at_the_end {
                return Some(head);
            }
            drop(head);
            assert_eq!(ended.get(), LONG);
            None
        });
        drop(runtime);
        drop(head);
        assert_eq!(ended.get(), LONG);
    }
}

/// A future whose polls are counted.
struct Counted {
    future: Link,
    polls: Rc<Cell<u32>>,
}

impl Future for Counted {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.polls.set(self.polls.get() + 1);
        self.future.as_mut().poll(cx)
    }
}

/// What nested futures share: a counter of all their polls, and what the innermost waits for.
#[derive(Clone, Default)]
struct Nest {
    polls: Rc<Cell<u32>>,
    event: Rc<Event>,
}

impl Nest {
    fn counted(&self, future: impl Future<Output = ()> + 'static) -> Counted {
        Counted {
            future: Box::pin(future),
            polls: self.polls.clone(),
        }
    }
}

fn gathers(depth: u32, nest: Nest) -> Counted {
    nest.clone().counted(async move {
        if depth > 1 {
            myrt::gather([gathers(depth - 1, nest)]).await;
        } else {
            nest.event.wait().await;
        }
    })
}

fn scopes(depth: u32, nest: Nest) -> Counted {
    nest.clone().counted(async move {
        let body = async |_: &myrt::scope::Scope<'_, '_>| {
            if depth > 1 {
                scopes(depth - 1, nest).await;
            } else {
                nest.event.wait().await;
            }
        };
        myrt::scope(async |s| body(s).await).await.unwrap();
    })
}

/// Deeper than a task's share of always-ready operations.
const DEEP: u32 = 200;

#[test]
fn b_7_gathers_and_scopes_in_each_other_are_polled_once_a_level() {
    for nested in [gathers, scopes] {
        let nest = Nest::default();
        runtime().block_on(async {
            let task = myrt::spawn(nested(DEEP, nest.clone()));
            settle().await;
            assert_eq!(
                nest.polls.take(),
                DEEP,
                "the first poll reaches the innermost"
            );
            nest.event.set();
            task.await.unwrap();
            assert_eq!(nest.polls.take(), DEEP);
            // Dropped, none is polled.
            let task = myrt::spawn(nested(
                DEEP,
                Nest {
                    event: Rc::default(),
                    ..nest.clone()
                },
            ));
            settle().await;
            nest.polls.take();
            task.cancel().await;
            assert_eq!(nest.polls.get(), 0);
        });
    }
}

/// Receives `messages` messages that are there already, `depth` gathers deep.
fn receives(depth: u32, messages: u32) -> Link {
    Box::pin(async move {
        if depth > 1 {
            myrt::gather([receives(depth - 1, messages)]).await;
            return;
        }
        let (sender, mut receiver) = mpsc::unbounded_channel();
        (0..messages).for_each(|n| sender.send(n).unwrap());
        for n in 0..messages {
            assert_eq!(receiver.recv().await, Some(n));
        }
    })
}

#[test]
fn b_7_the_innermost_of_many_gathers_has_a_share() {
    runtime().block_on(receives(DEEP, 1_000));
}
