//! Faults of issue 11, part F: the share of a turn that a task may use before it lets others run.
//!
//! Looked at for F.1 (ready and free of charge): every `Poll::Ready` of a leaf in `time`, `sync`,
//! `cancel`, `future`, `scope`, `executor/join.rs`, `remote.rs`, `reactor` and in `net`: sockets,
//! pipes, files, standard streams, readers and writers, lookups, connects, children, servers,
//! workers. The table below awaits each of them. For F.2 (gives way before it has joined) see
//! `faults_queues.rs`. For F.3 (waits and is charged): every place that asked for a share first.

mod support;

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use myrt::CancelToken;
use myrt::io::{AsyncWriteExt, Reader, Writer};
use myrt::stream::StreamExt;
use myrt::sync::{
    Barrier, BoundedSemaphore, Condvar, Event, Mutex, Notify, OnceCell, Queue, RwLock, Semaphore,
    broadcast, mpsc, oneshot, watch,
};
use myrt::task::{JoinSet, poll_budget, poll_within_budget, unconstrained};
use myrt::time::{interval, sleep, sleep_until};
use support::{counted, runtime};

/// What a poll may do, as the documentation says.
const SHARE: usize = 128;
const ROUNDS: usize = 20 * SHARE;

/// How often another task ran while one did `ROUNDS` of `operation`.
fn turns(mut operation: impl AsyncFnMut() + 'static) -> usize {
    runtime().block_on(async move {
        let done = Rc::new(Cell::new(false));
        let flag = Rc::clone(&done);
        let greedy = myrt::spawn(async move {
            for _ in 0..ROUNDS {
                operation().await;
            }
            flag.set(true);
        });
        let mut turns = 0;
        while !done.get() {
            myrt::yield_now().await;
            turns += 1;
        }
        greedy.await.unwrap();
        turns
    })
}

fn ignore<T>(_: T) {}

/// Asserts that each round takes `each` units: no round is free, and none takes more than it
/// should.
macro_rules! takes_a_share {
    ($($name:ident: $each:literal, $operation:expr;)*) => {$(
        #[test]
        fn $name() {
            let turns = turns($operation);
            let right = ROUNDS * $each / SHARE;
            assert!((right - 1..=right + 2).contains(&turns), "{turns} turns instead of {right}");
        }
    )*};
}

fn set_event() -> Event {
    let event = Event::new();
    event.set();
    event
}

fn cancelled_token() -> CancelToken {
    let token = CancelToken::new();
    token.cancel();
    token
}

takes_a_share! {
    f1_mpsc_closed: 1, {
        let (sender, receiver) = mpsc::channel::<u8>(1);
        drop(receiver);
        async move || sender.closed().await
    };
    f1_mpsc_send_to_a_closed_channel: 1, {
        let (sender, receiver) = mpsc::channel::<u8>(1);
        drop(receiver);
        async move || ignore(sender.send(1).await)
    };
    f1_mpsc_recv_from_a_closed_channel: 1, {
        let (sender, mut receiver) = mpsc::channel::<u8>(1);
        drop(sender);
        async move || ignore(receiver.recv().await)
    };
    f1_mpsc_recv_many_of_nothing: 1, {
        let (_sender, mut receiver) = mpsc::channel::<u8>(1);
        async move || ignore(receiver.recv_many(&mut Vec::new(), 0).await)
    };
    f1_mpsc_there_and_back: 2, {
        let (sender, mut receiver) = mpsc::channel::<u8>(1);
        async move || {
            sender.send(1).await.unwrap();
            receiver.recv().await.unwrap();
        }
    };
    f1_watch_closed: 1, {
        let (sender, receiver) = watch::channel(1);
        drop(receiver);
        async move || sender.closed().await
    };
    f1_watch_wait_for_what_holds: 1, {
        let (_sender, mut receiver) = watch::channel(1);
        async move || ignore(receiver.wait_for(|value| *value == 1).await)
    };
    f1_watch_changed_without_senders: 1, {
        let (sender, mut receiver) = watch::channel(1);
        drop(sender);
        async move || ignore(receiver.changed().await)
    };
    f1_broadcast_closed: 1, {
        let (sender, receiver) = broadcast::channel::<u8>(1);
        drop(receiver);
        async move || sender.closed().await
    };
    f1_broadcast_recv_without_senders: 1, {
        let (sender, mut receiver) = broadcast::channel::<u8>(1);
        drop(sender);
        async move || ignore(receiver.recv().await)
    };
    f1_oneshot_closed: 1, {
        let (mut sender, receiver) = oneshot::channel::<u8>();
        drop(receiver);
        async move || sender.closed().await
    };
    f1_oneshot_recv: 1, async || {
        let (sender, receiver) = oneshot::channel();
        sender.send(1).unwrap();
        receiver.await.unwrap();
    };
    f1_oneshot_recv_without_a_sender: 1, async || {
        let (sender, receiver) = oneshot::channel::<u8>();
        drop(sender);
        receiver.await.unwrap_err();
    };
    f1_token_cancelled: 1, {
        let token = cancelled_token();
        async move || token.cancelled().await
    };
    f1_token_run_until_cancelled: 1, {
        let token = cancelled_token();
        async move || ignore(token.run_until_cancelled(async {}).await)
    };
    f1_queue_join: 1, {
        let queue = Queue::<u8>::new(1);
        async move || queue.join().await
    };
    f1_queue_put_and_get: 2, {
        let queue = Queue::new(1);
        async move || {
            queue.put(1).await.unwrap();
            queue.get().await.unwrap();
        }
    };
    f1_event: 1, {
        let event = set_event();
        async move || event.wait().await
    };
    f1_notified: 1, {
        let notify = Notify::new();
        async move || {
            notify.notify_one();
            notify.notified().await;
        }
    };
    f1_notified_enabled: 1, {
        let notify = Notify::new();
        async move || {
            notify.notify_one();
            let mut notified = pin!(notify.notified());
            assert!(notified.as_mut().enable());
            notified.await;
        }
    };
    f1_barrier_of_one: 1, {
        let barrier = Barrier::new(1);
        async move || ignore(barrier.wait().await)
    };
    f1_mutex: 1, {
        let mutex = Mutex::new(());
        async move || ignore(mutex.lock().await)
    };
    f1_rw_lock: 2, {
        let lock = RwLock::new(());
        async move || {
            drop(lock.read().await);
            drop(lock.write().await);
        }
    };
    f1_semaphore: 1, {
        let semaphore = Semaphore::new(1);
        async move || ignore(semaphore.acquire().await)
    };
    f1_semaphore_closed: 1, {
        let semaphore = Semaphore::new(1);
        semaphore.close();
        async move || ignore(semaphore.acquire().await)
    };
    f1_bounded_semaphore: 1, {
        let semaphore = BoundedSemaphore::new(1);
        async move || ignore(semaphore.acquire().await)
    };
    f1_once_cell: 1, {
        let cell = OnceCell::new_with(Some(1));
        async move || assert_eq!(cell.get_or_init(async || 2).await, &1)
    };
    f1_once_cell_that_fails: 1, {
        let cell = OnceCell::<u8>::new();
        async move || assert_eq!(cell.get_or_try_init(async || Err(())).await, Err(()))
    };
    f1_condvar_whose_predicate_holds: 2, {
        let (mutex, condvar) = (Mutex::new(1), Condvar::new());
        async move || ignore(condvar.wait_for(mutex.lock().await, |value| *value == 1).await)
    };
    f1_sleep_of_nothing: 1, async || sleep(Duration::ZERO).await;
    f1_interval_that_is_late: 1, {
        let mut ticks = interval(Duration::from_nanos(1));
        async move || {
            ticks.tick().await;
        }
    };
    f1_join_handle: 1, async || myrt::spawn_eager(async {}).await.unwrap();
    f1_cancel_of_an_ended_task: 1, {
        let task = Rc::new(RefCell::new(None));
        async move || {
            let known = task.borrow().is_some();
            if !known {
                *task.borrow_mut() = Some(myrt::spawn(async {}));
                myrt::yield_now().await;
            }
            let ending = task.borrow().as_ref().map(myrt::task::JoinHandle::cancel);
            ending.unwrap().await;
        }
    };
    f1_empty_join_set: 1, {
        let mut set = JoinSet::<u8>::new();
        async move || ignore(set.join_next().await)
    };
    f1_wait_for_an_empty_join_set: 1, {
        let mut set = JoinSet::<u8>::new();
        async move || ignore(myrt::wait(&mut set, myrt::When::All, None).await)
    };
    f1_gather_of_nothing: 1, async || ignore(myrt::gather(Vec::<myrt::task::YieldNow>::new()).await);
    f1_scope_of_nothing: 1, async || ignore(myrt::scope(async |_| ()).await);
    f1_lookup_of_a_literal: 1, async || ignore(myrt::net::lookup_host("127.0.0.1:1").await);
    f1_lookup_of_something_wrong: 1, async || ignore(myrt::net::lookup_host("nowhere").await);
    f1_reader_at_its_end: 1, {
        let mut reader = Reader::new(&b""[..]);
        async move || assert_eq!(reader.read(&mut [0; 8]).await.unwrap(), 0)
    };
    f1_reader_at_its_end_by_lines: 1, {
        let mut reader = Reader::new(&b""[..]);
        async move || assert_eq!(reader.read_line(&mut String::new()).await.unwrap(), 0)
    };
    f1_reader_that_reads_to_the_end: 1, {
        let mut reader = Reader::new(&b""[..]);
        async move || assert_eq!(reader.read_to_end(&mut Vec::new()).await.unwrap(), 0)
    };
    f1_reader_with_all_in_its_buffer: 4, {
        static TEXT: [u8; 8 * ROUNDS] = [b'\n'; 8 * ROUNDS];
        let mut reader = Reader::new(&TEXT[..]);
        async move || {
            reader.read_exact(&mut [0]).await.unwrap();
            reader.read_until(b'\n', &mut Vec::new()).await.unwrap();
            reader.read_line(&mut String::new()).await.unwrap();
            reader.read(&mut [0]).await.unwrap();
        }
    };
    f1_lines_of_a_buffer: 1, {
        static TEXT: [u8; 2 * ROUNDS] = [b'\n'; 2 * ROUNDS];
        let mut lines = Reader::new(&TEXT[..]).lines();
        async move || ignore(lines.next().await.unwrap())
    };
    f1_writer: 3, {
        let mut writer = Writer::new(Vec::new());
        async move || {
            writer.feed(b"x").await.unwrap();
            writer.drain().await.unwrap();
            writer.drain().await.unwrap();
        }
    };
    f1_duplex: 3, {
        let (mut ours, mut theirs) = myrt::io::duplex(8);
        async move || {
            use myrt::io::AsyncReadExt;
            ours.write_all(b"x").await.unwrap();
            theirs.read_exact(&mut [0]).await.unwrap();
            ours.flush().await.unwrap();
        }
    };
    f1_socket_without_bytes: 4, {
        let (ours, theirs) = myrt::net::UnixStream::pair().unwrap();
        async move || {
            assert_eq!(ours.read(&mut []).await.unwrap(), 0);
            assert_eq!(theirs.write(&[]).await.unwrap(), 0);
            ours.write_all(b"x").await.unwrap();
            theirs.read_exact(&mut [0]).await.unwrap();
        }
    };
    f1_socket_that_is_ready: 2, {
        let (ours, _theirs) = myrt::net::UnixStream::pair().unwrap();
        async move || {
            ours.writable().await.unwrap();
            myrt::io::writable(&ours).await.unwrap();
        }
    };
    f1_async_that_is_polled: 1, {
        let (ours, theirs) = support::half_unix();
        async move || {
            let _open = &theirs;
            poll_fn(|cx| ours.poll_writable(cx)).await.unwrap();
        }
    };
    f1_server_that_is_closed: 1, {
        let server = Rc::new(RefCell::new(None));
        async move || {
            if server.borrow().is_none() {
                let started = myrt::start_server("127.0.0.1:0", async |_, _| {}).await.unwrap();
                started.close();
                *server.borrow_mut() = Some(Rc::new(started));
            }
            let server = server.borrow().clone();
            server.unwrap().wait_closed().await;
        }
    };
}

#[test]
fn f1_a_sleep_that_has_ended_takes_a_share_at_each_poll() {
    let turns = turns({
        let past = myrt::time::Instant::now();
        let mut ended = sleep_until(past);
        async move || (&mut ended).await
    });
    assert!((19..=22).contains(&turns), "{turns} turns");
}

/// Polls `wait` a thousand times in one poll of a task, in which 128 operations must still be
/// ready.
async fn is_free<F: Future>(what: &str, wait: F) {
    let mut wait = pin!(wait);
    let mut polled = 0;
    poll_fn(|cx| {
        polled += 1;
        assert_eq!(polled, 1, "{what}");
        for _ in 0..1000 {
            assert!(wait.as_mut().poll(cx).is_pending(), "{what}");
        }
        for taken in 0..SHARE {
            assert!(poll_budget(cx).is_ready(), "{what}: {taken} are left");
        }
        assert!(poll_budget(cx).is_pending(), "{what}: it is used up");
        Poll::Ready(())
    })
    .await;
    myrt::yield_now().await;
}

#[test]
fn f3_a_poll_that_waits_takes_no_share() {
    runtime().block_on(async {
        myrt::yield_now().await;
        let mutex = Mutex::new(());
        let guard = mutex.lock().await;
        myrt::yield_now().await;
        is_free("mutex", mutex.lock()).await;
        drop(guard);
        let lock = RwLock::new(());
        let guard = lock.write().await;
        myrt::yield_now().await;
        is_free("rw lock", lock.read()).await;
        drop(guard);
        is_free("semaphore", Semaphore::new(1).acquire_many(2)).await;
        is_free("event", Event::new().wait()).await;
        is_free("notify", Notify::new().notified()).await;
        is_free("barrier", Barrier::new(2).wait()).await;
        is_free("queue", Queue::<u8>::new(1).get()).await;
        is_free("token", CancelToken::new().cancelled()).await;
        let (sender, mut receiver) = mpsc::channel::<u8>(1);
        is_free("recv", receiver.recv()).await;
        is_free("recv_many", receiver.recv_many(&mut Vec::new(), 4)).await;
        sender.try_send(1).unwrap();
        is_free("send", sender.send(2)).await;
        is_free("closed", sender.closed()).await;
        let (mut sender, receiver) = oneshot::channel::<u8>();
        is_free("oneshot closed", sender.closed()).await;
        is_free("oneshot", receiver).await;
        let (_sender, mut receiver) = watch::channel(1);
        is_free("changed", receiver.changed()).await;
        is_free("wait_for", receiver.wait_for(|value| *value == 2)).await;
        let (_sender, mut receiver) = broadcast::channel::<u8>(1);
        is_free("broadcast", receiver.recv()).await;
        is_free("sleep", sleep(Duration::from_secs(3_600))).await;
        let task = myrt::spawn(std::future::pending::<()>()).abort_on_drop();
        is_free("join", task).await;
        let mut set = JoinSet::new();
        set.spawn(std::future::pending::<()>());
        is_free("join_next", set.join_next()).await;
        let (ours, _theirs) = myrt::net::UnixStream::pair().unwrap();
        is_free("read", ours.read(&mut [0])).await;
        is_free("readable", ours.readable()).await;
        is_free("io::readable", myrt::io::readable(&ours)).await;
        is_free("Reader", Reader::new(&ours).read_line(&mut String::new())).await;
        is_free("copy", myrt::io::copy(&ours, Vec::new())).await;
        let (mut here, _there) = myrt::io::duplex(1);
        is_free("duplex", myrt::io::AsyncReadExt::read(&mut here, &mut [0])).await;
        let listener = myrt::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        myrt::yield_now().await;
        is_free("accept", listener.accept()).await;
        let of_users = poll_fn(|cx| poll_within_budget(cx, |_| Poll::<()>::Pending));
        is_free("poll_within_budget", of_users).await;
    });
}

#[test]
fn f4_unconstrained_shows_no_pending_to_what_is_inside() {
    runtime().block_on(async {
        let polls = Rc::new(Cell::new(0));
        let mutex = Mutex::new(0);
        let inside = counted(Rc::clone(&polls), async {
            for _ in 0..ROUNDS {
                *mutex.lock().await += 1;
                sleep(Duration::ZERO).await;
            }
        });
        unconstrained(inside).await;
        assert_eq!((polls.get(), *mutex.lock().await), (1, ROUNDS));
    });
}

#[test]
fn f4_after_unconstrained_the_task_has_the_share_that_it_had() {
    runtime().block_on(async {
        myrt::yield_now().await;
        poll_fn(|cx| {
            let take = |cx: &mut Context<'_>, count| {
                (0..count).filter(|_| poll_budget(cx).is_ready()).count()
            };
            assert_eq!(take(cx, 28), 28);
            let mut inside = pin!(unconstrained(poll_fn(|cx| Poll::Ready(take(cx, 1000)))));
            assert_eq!(inside.as_mut().poll(cx), Poll::Ready(1000));
            assert_eq!(take(cx, 1000), 100);
            Poll::Ready(())
        })
        .await;
    });
}
