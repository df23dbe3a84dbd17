//! Channels between threads: order, back-pressure, what is cancelled, what is closed.
#![allow(clippy::disallowed_methods, reason = "tests start threads")]

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;
use std::thread;

use myrt_runtime::run;
use myrt_runtime::runtime::{Remote, Runtime};
use myrt_runtime::sync::mpsc::error::{SendError, TryRecvError, TrySendError};
use myrt_runtime::sync::remote::{mpsc, oneshot};
use myrt_runtime::task::{spawn, yield_now};
use support::{now, pending};

#[test]
fn a_thread_sends_and_the_loop_receives() {
    let (sender, mut receiver) = mpsc::channel(3);
    let threads: Vec<_> = (0..3_u32)
        .map(|thread| {
            let sender = sender.clone();
            thread::spawn(move || {
                for n in 0..500_u32 {
                    sender.blocking_send((thread, n)).expect("open");
                }
            })
        })
        .collect();
    drop(sender);
    let mut next = [0; 3];
    run(async {
        while let Some((thread, n)) = receiver.recv().await {
            assert!(receiver.len() <= 3);
            assert_eq!(next[thread as usize], n, "in order");
            next[thread as usize] += 1;
        }
    });
    assert_eq!(next, [500; 3]);
    threads
        .into_iter()
        .for_each(|t| t.join().expect("no panic"));
}

#[test]
fn the_loop_sends_and_a_thread_receives() {
    let (sender, mut receiver) = mpsc::channel(1);
    let thread = thread::spawn(move || {
        let mut sum = 0;
        while let Some(n) = receiver.blocking_recv() {
            sum += n;
        }
        sum
    });
    run(async move {
        for n in 1..=1000 {
            sender.send(n).await.expect("open");
        }
    });
    assert_eq!(thread.join().expect("no panic"), 500_500);
}

#[test]
fn two_loops_play_ping_pong() {
    let (ping, mut pinged) = mpsc::channel::<u32>(1);
    let (pong, mut ponged) = mpsc::unbounded::<u32>();
    let thread = thread::spawn(move || {
        run(async move {
            while let Some(n) = pinged.recv().await {
                pong.send(n + 1).expect("open");
            }
        });
    });
    run(async move {
        let mut n = 0;
        while n < 300 {
            ping.send(n).await.expect("open");
            n = ponged.recv().await.expect("open");
        }
    });
    thread.join().expect("no panic");
}

#[test]
fn other_tasks_run_while_one_waits_for_a_thread() {
    let (sender, mut receiver) = mpsc::channel(1);
    let (go, wait) = oneshot::channel();
    let thread = thread::spawn(move || {
        wait.blocking_recv().expect("sent");
        sender.blocking_send("after the other task").expect("open");
    });
    run(async move {
        let other = spawn(async move {
            yield_now().await;
            go.send(()).expect("open");
        });
        assert_eq!(receiver.recv().await, Some("after the other task"));
        other.await.expect("no panic");
    });
    thread.join().expect("no panic");
}

#[test]
fn senders_are_served_in_order_and_a_cancelled_one_passes_its_place_on() {
    let (sender, mut receiver) = mpsc::channel(1);
    assert_eq!((sender.capacity(), sender.max_capacity()), (1, 1));
    now(sender.send(0)).expect("open");
    let mut first = pending(sender.send(1));
    let mut second = pending(sender.send(2));
    let mut third = pending(sender.send(3));
    assert_eq!(sender.statistics().waiting_senders, 3);
    assert_eq!(receiver.try_recv(), Ok(0));
    assert_eq!((first.woken(), second.woken()), (1, 0));
    assert_eq!(sender.try_send(9), Err(TrySendError::Full(9)));
    first.cancel(); // it had been given the place
    assert_eq!(second.woken(), 1);
    third.cancel(); // it only waited
    assert_eq!(second.poll(), Poll::Ready(Ok(())));
    assert_eq!(receiver.try_recv(), Ok(2));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(sender.capacity(), 1, "no place is lost");
}

#[test]
fn a_receive_that_is_dropped_takes_nothing() {
    let (sender, mut receiver) = mpsc::unbounded();
    let waiting = pending(receiver.recv());
    sender.send(1).expect("open");
    sender.send(2).expect("open");
    assert_eq!(waiting.woken(), 1);
    drop(waiting);
    assert_eq!(now(receiver.recv()), Some(1));
    assert_eq!(now(receiver.recv()), Some(2));
}

#[test]
fn closing_gives_messages_back_and_keeps_what_was_sent() {
    let (sender, mut receiver) = mpsc::channel(1);
    now(sender.send(1)).expect("open");
    let mut given = pending(sender.send(2));
    let mut waits = pending(sender.send(3));
    let mut told = pending(sender.closed());
    assert_eq!(receiver.try_recv(), Ok(1));
    assert_eq!(given.woken(), 1);
    receiver.close();
    assert_eq!((waits.woken(), told.woken()), (1, 1));
    assert_eq!(told.poll(), Poll::Ready(()));
    assert_eq!(given.poll(), Poll::Ready(Err(SendError(2))));
    assert_eq!(waits.poll(), Poll::Ready(Err(SendError(3))));
    assert_eq!(sender.try_send(4), Err(TrySendError::Closed(4)));
    assert!(sender.is_closed() && receiver.is_closed());
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));

    let (sender, mut receiver) = mpsc::unbounded();
    sender.send(5).expect("open");
    receiver.close();
    assert_eq!(sender.send(6), Err(SendError(6)));
    assert_eq!(now(receiver.recv()), Some(5));
    assert_eq!(now(receiver.recv()), None);
}

#[test]
fn a_thread_that_is_blocked_hears_of_the_end() {
    let (sender, mut receiver) = mpsc::channel(1);
    let watched = sender.clone();
    let thread = thread::spawn(move || {
        sender.blocking_send(1).expect("room");
        sender.blocking_send(2)
    });
    while watched.statistics().waiting_senders == 0 {
        thread::yield_now();
    }
    receiver.close();
    assert_eq!(thread.join().expect("no panic"), Err(SendError(2)));
    drop(receiver);

    let (sender, mut receiver) = mpsc::channel::<u8>(1);
    let watched = sender.clone();
    let thread = thread::spawn(move || receiver.blocking_recv());
    while !watched.statistics().receiver_waiting {
        thread::yield_now();
    }
    drop((sender, watched));
    assert_eq!(thread.join().expect("no panic"), None);
}

/// Asks its channel when it is dropped, which would hang under the lock.
struct Asks(Option<mpsc::UnboundedSender<Self>>);

impl Drop for Asks {
    fn drop(&mut self) {
        let sender = self.0.take().expect("dropped once");
        assert!(sender.is_closed());
    }
}

#[test]
fn messages_that_are_left_are_dropped_outside_of_the_lock() {
    let (sender, receiver) = mpsc::unbounded();
    for _ in 0..3 {
        let asks = Asks(Some(sender.clone()));
        assert!(sender.send(asks).is_ok());
    }
    assert_eq!(sender.strong_count(), 4);
    drop(receiver);
    assert_eq!(sender.strong_count(), 1, "all three are gone");
    assert_eq!(sender.statistics().len, 0);
}

#[test]
fn oneshot_goes_both_ways_and_says_who_is_gone() {
    let (sender, receiver) = oneshot::channel();
    let thread = thread::spawn(move || sender.send(7));
    assert_eq!(run(receiver), Ok(7));
    assert_eq!(thread.join().expect("no panic"), Ok(()));

    let (sender, mut receiver) = oneshot::channel::<u8>();
    assert_eq!(
        receiver.try_recv(),
        Err(oneshot::error::TryRecvError::Empty)
    );
    let mut waiting = pending(&mut receiver);
    drop(sender);
    assert_eq!(waiting.woken(), 1);
    assert!(matches!(waiting.poll(), Poll::Ready(Err(_))));
    drop(waiting);
    assert_eq!(
        receiver.try_recv(),
        Err(oneshot::error::TryRecvError::Closed)
    );

    let (mut sender, receiver) = oneshot::channel();
    let mut closed = pending(sender.closed());
    drop(receiver);
    assert_eq!(closed.woken(), 1);
    assert_eq!(closed.poll(), Poll::Ready(()));
    drop(closed);
    assert_eq!(sender.send(8), Err(8));

    let (sender, mut receiver) = oneshot::channel();
    sender.send(9).expect("open");
    receiver.close();
    assert_eq!(receiver.blocking_recv(), Ok(9), "what was sent stays");
}

#[test]
fn blocking_a_loop_is_refused_with_advice() {
    let text = |f: &mut dyn FnMut()| {
        let panic = catch_unwind(AssertUnwindSafe(f)).expect_err("refused");
        *panic.downcast::<String>().expect("a text")
    };
    run(async {
        let (sender, mut receiver) = mpsc::channel(1);
        let said = text(&mut || _ = sender.blocking_send(1));
        assert!(said.contains("use send(..).await instead"), "{said}");
        let said = text(&mut || _ = receiver.blocking_recv());
        assert!(said.contains("use recv().await instead"), "{said}");
        let (_sender, once) = oneshot::channel::<u8>();
        let mut once = Some(once);
        let said = text(&mut || _ = once.take().expect("once").blocking_recv());
        assert!(said.contains("use receiver.await instead"), "{said}");
    });
}

#[test]
fn a_task_finds_the_remote_of_its_runtime() {
    assert!(Remote::try_current().is_none());
    let runtime = Runtime::new().expect("a runtime");
    let sum = runtime.block_on(async {
        let remote = Remote::try_current().expect("inside");
        let (sender, receiver) = oneshot::channel();
        thread::spawn(move || {
            let both = remote.spawn(|| async { 40 }).join().expect("alive") + 2;
            sender.send(both).expect("open");
        });
        receiver.await.expect("sent")
    });
    assert_eq!(sum, 42);
}
