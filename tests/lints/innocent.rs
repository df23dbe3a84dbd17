//! Twelve programs that look like the wrong ones and are right: nothing is reported.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use myrt::io::Async;
use myrt::sync::{Mutex, mpsc, oneshot};
use myrt::task;
use myrt::time::sleep;
use myrt::{gather, select, spawn, yield_now};

use super::{run, runtime};

/// Runs a program of which nothing is to be said.
#[track_caller]
fn nothing(program: impl Future<Output = ()>) {
    assert_eq!(run(program).take(), []);
}

#[test]
fn a_blocking_call_on_the_pool() {
    let (builder, told) = super::looking();
    let runtime = builder.slow_poll(Duration::from_secs(3)).build().unwrap();
    runtime.block_on(async {
        let job = myrt::spawn_blocking(|| std::thread::sleep(Duration::from_secs(3)));
        job.await.unwrap();
    });
    drop(runtime);
    assert_eq!(told.reports.take(), []);
}

/// The task of a job only hears of its end: it may well never be polled.
#[test]
fn a_job_of_which_nobody_hears_the_end() {
    nothing(async { drop(myrt::spawn_blocking(|| ())) });
}

#[test]
fn a_thread_that_sends_late() {
    nothing(async {
        let (give, take) = std::sync::mpsc::channel::<Waker>();
        let done = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let flag = done.clone();
        let thread = std::thread::spawn(move || {
            let waker = take.recv().unwrap();
            flag.store(true, std::sync::atomic::Ordering::SeqCst);
            waker.wake();
        });
        poll_fn(|cx| {
            if done.load(std::sync::atomic::Ordering::SeqCst) {
                return Poll::Ready(());
            }
            let _ = give.send(cx.waker().clone());
            Poll::Pending
        })
        .await;
        thread.join().unwrap();
    });
}

#[test]
fn two_locks_in_one_order() {
    nothing(async {
        let one = Rc::new(Mutex::new(()));
        let other = Rc::new(Mutex::new(()));
        let both = |one: Rc<Mutex<()>>, other: Rc<Mutex<()>>| async move {
            let _first = one.lock().await;
            yield_now().await;
            let _second = other.lock().await;
            yield_now().await;
        };
        gather((0..3).map(|_| both(one.clone(), other.clone()))).await;
    });
}

#[test]
fn tasks_that_await_each_other_in_a_chain() {
    nothing(async {
        let (give, take) = oneshot::channel::<task::JoinHandle<()>>();
        let first = spawn(async move { take.await.unwrap().await.unwrap() });
        let second = spawn(async { sleep(Duration::from_secs(1)).await });
        let _ = give.send(second);
        first.await.unwrap();
    });
}

#[test]
fn a_branch_that_is_polled_again_in_time() {
    nothing(async {
        let lock = Rc::new(Mutex::new(0));
        let theirs = lock.clone();
        let holder = spawn(async move {
            let _held = theirs.lock().await;
            sleep(Duration::from_millis(10)).await;
        });
        yield_now().await;
        {
            // Each turn of the loop polls all branches, and the handlers do not wait.
            let mut locked = pin!(lock.lock());
            let mut ticks = 0;
            loop {
                select! {
                    mut value = &mut locked => {
                        *value += 1;
                        break;
                    }
                    _ = sleep(Duration::from_millis(1)) => ticks += 1,
                }
            }
            assert!(ticks >= 8, "{ticks}");
        }
        holder.await.unwrap();
        // A branch that was dropped is not starved, however long its task waits then.
        let held = lock.lock().await;
        select! {
            _ = lock.lock() => unreachable!("it is held"),
            _ = sleep(Duration::from_millis(5)) => drop(held),
        }
        for _ in 0..3 {
            sleep(Duration::from_secs(1)).await;
        }
    });
}

#[test]
fn a_computation_that_gives_way() {
    nothing(async {
        for _ in 0..30_000 {
            yield_now().await;
        }
    });
}

#[test]
fn a_busy_task_with_nobody_else_ready_and_one_that_pauses() {
    nothing(async {
        let (sender, mut receiver) = mpsc::unbounded();
        let alone = spawn(async move {
            for _ in 0..300_000 {
                sender.send(()).unwrap();
                receiver.recv().await;
            }
        });
        alone.await.unwrap();
        let (sender, mut receiver) = mpsc::unbounded();
        let pausing = spawn(async move {
            for n in 0..300_000 {
                sender.send(()).unwrap();
                receiver.recv().await;
                if n % 50_000 == 0 {
                    sleep(Duration::from_millis(1)).await;
                }
            }
        });
        while !pausing.is_finished() {
            for _ in 0..500 {
                yield_now().await; // somebody else is ready
            }
            sleep(Duration::from_millis(1)).await;
        }
    });
}

#[test]
fn a_large_future_in_a_box() {
    nothing(async {
        let large = Box::pin(async {
            let buffer = [0_u8; 32 * 1024];
            yield_now().await;
            assert_eq!(buffer[7], 0);
        });
        spawn(large).await.unwrap();
    });
}

#[test]
fn tasks_that_somebody_can_wake_or_cancel() {
    nothing(async {
        // Its waker lies in a cell.
        let (kept, go) = (
            Rc::new(RefCell::new(None::<Waker>)),
            Rc::new(Cell::new(false)),
        );
        let (keep, flag) = (kept.clone(), go.clone());
        drop(spawn(poll_fn(move |cx| {
            keep.replace(Some(cx.waker().clone()));
            if flag.get() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })));
        // Somebody holds its handle.
        let idle = spawn(std::future::pending::<()>());
        sleep(Duration::from_secs(1)).await;
        go.set(true);
        kept.take().unwrap().wake();
        idle.cancel().await;
        sleep(Duration::from_secs(1)).await;
    });
}

#[test]
fn futures_that_lost_a_race_and_tasks_that_were_cancelled() {
    nothing(async {
        select! {
            biased;
            _ = std::future::ready(()) => {}
            _ = sleep(Duration::from_secs(1)) => unreachable!("it came second"),
        }
        let wanted = false;
        select! {
            _ = sleep(Duration::from_secs(1)), if wanted => unreachable!("it is not wanted"),
            _ = sleep(Duration::from_millis(1)) => {}
        }
        let _ = myrt::time::timeout(Duration::from_secs(1), async {}).await;
        let regretted = spawn(async { unreachable!("it is cancelled first") });
        regretted.cancel().await;
    });
}

#[test]
fn failures_that_somebody_reads() {
    nothing(async {
        let panics = spawn(async { panic!("somebody hears of it") });
        assert!(panics.await.unwrap_err().is_panic());
        let fails = spawn(async { Err::<(), _>(std::io::Error::other("disk full")) });
        assert!(fails.await.unwrap().is_err());
        drop(spawn(async { Ok::<(), std::io::Error>(()) }));
        yield_now().await;
    });
}

#[test]
fn descriptors_that_are_given_back() {
    let (runtime, told) = runtime();
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    let kept = runtime.block_on(async {
        let limit = Duration::from_millis(1);
        let ours = Async::new(ours).unwrap();
        assert!(myrt::time::timeout(limit, ours.readable()).await.is_err());
        let theirs = Async::new(theirs).unwrap();
        assert!(myrt::time::timeout(limit, theirs.readable()).await.is_err());
        theirs.into_inner().unwrap() // outlives the runtime, but not as what it waits with
    });
    drop(runtime);
    assert_eq!(told.take(), []);
    drop(kept);
}
