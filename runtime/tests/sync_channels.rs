//! What the channels and queues do, case by case, polled by hand.

mod support;

use std::cmp::Reverse;
use std::task::Poll;

use myrt_runtime::runtime::Builder;
use myrt_runtime::sync::mpsc::error::SendTimeoutError;
use myrt_runtime::sync::{
    GetNowaitError, LifoQueue, PriorityQueue, PutNowaitError, Queue, QueueShutDown, broadcast,
    mpsc, oneshot, watch,
};
use myrt_runtime::task::spawn;
use myrt_runtime::time::{Duration, Instant, sleep};
use support::{now, pending};

#[test]
fn mpsc_is_bounded_and_in_order() {
    let (sender, mut receiver) = mpsc::channel(2);
    now(sender.send(1)).expect("open");
    sender.try_send(2).expect("room");
    assert_eq!(sender.try_send(3), Err(mpsc::error::TrySendError::Full(3)));
    assert_eq!(
        (sender.capacity(), sender.max_capacity(), receiver.len()),
        (0, 2, 2)
    );
    let mut third = pending(sender.send(3));
    assert_eq!(now(receiver.recv()), Some(1));
    assert_eq!(third.woken(), 1);
    assert!(sender.try_send(4).is_err(), "the place is the waiter's");
    assert_eq!(third.poll(), Poll::Ready(Ok(())));
    assert_eq!((receiver.try_recv(), receiver.try_recv()), (Ok(2), Ok(3)));
    assert_eq!(receiver.try_recv(), Err(mpsc::error::TryRecvError::Empty));
    drop(third);
    drop(sender);
    assert_eq!(
        receiver.try_recv(),
        Err(mpsc::error::TryRecvError::Disconnected)
    );
    assert_eq!(now(receiver.recv()), None);
}

#[test]
fn the_receiver_is_woken_once_for_many_messages() {
    let (sender, mut receiver) = mpsc::unbounded();
    let mut waiting = pending(receiver.recv());
    for n in 0..10 {
        sender.send(n).expect("open");
    }
    assert_eq!(waiting.woken(), 1);
    assert_eq!(waiting.poll(), Poll::Ready(Some(0)));
    drop(waiting);
    let mut waiting = pending(async { while receiver.recv().await.is_some() {} });
    drop(sender);
    assert_eq!(waiting.woken(), 1);
    assert!(waiting.poll().is_ready());
}

#[test]
fn a_closed_channel_waits_for_its_permits() {
    let (sender, mut receiver) = mpsc::channel(2);
    let permit = sender.try_reserve().expect("room");
    let unused = sender.clone().try_reserve_owned().expect("room");
    receiver.close();
    assert!(sender.is_closed() && now(sender.send(0)).is_err());
    now(sender.closed());
    let mut waiting = pending(receiver.recv());
    permit.send(1);
    assert_eq!(waiting.poll(), Poll::Ready(Some(1)));
    drop(waiting);
    let mut waiting = pending(receiver.recv());
    drop(unused);
    assert_eq!(waiting.woken(), 1);
    assert_eq!(waiting.poll(), Poll::Ready(None));
}

#[test]
fn several_places_are_had_all_at_once_and_in_turn() {
    let (sender, mut receiver) = mpsc::channel(3);
    sender.try_send(0).expect("room");
    let mut three = pending(sender.reserve_many(3));
    // Two were free: they are set aside, and nobody overtakes.
    assert_eq!(sender.capacity(), 0);
    let mut one = pending(sender.send(4));
    assert_eq!(receiver.try_recv(), Ok(0));
    assert_eq!((three.woken(), one.woken()), (1, 0));
    let Poll::Ready(Ok(mut places)) = three.poll() else {
        panic!("three are free")
    };
    assert_eq!(places.len(), 3);
    places.next().expect("the first").send(1);
    places.next().expect("the second").send(2);
    drop(places);
    assert_eq!(one.woken(), 1, "the third was not used");
    assert_eq!(one.poll(), Poll::Ready(Ok(())));
    assert_eq!([1, 2, 4].map(Ok), [(); 3].map(|()| receiver.try_recv()));
    // None of them for a future that is given up.
    let mut held = sender.try_reserve_many(2).expect("room");
    drop(pending(sender.reserve_many(3)));
    assert_eq!(sender.capacity(), 1);
    let full = mpsc::error::TrySendError::Full(());
    assert_eq!(sender.try_reserve_many(2).err(), Some(full));
    drop(held.next());
    assert_eq!((held.len(), sender.capacity()), (1, 2));
    drop(held);
    assert_eq!(sender.capacity(), 3);
}

#[test]
fn more_places_than_there_are_and_places_of_a_closed_channel_are_refused() {
    let (sender, mut receiver) = mpsc::channel::<u8>(2);
    assert!(now(sender.reserve_many(3)).is_err());
    assert!(now(sender.reserve_many(usize::MAX)).is_err());
    let full = mpsc::error::TrySendError::Full(());
    assert_eq!(sender.try_reserve_many(3).err(), Some(full));
    assert_eq!(now(sender.reserve_many(0)).expect("open").count(), 0);
    let held = sender.try_reserve_many(2).expect("room");
    let mut waiting = pending(sender.reserve_many(2));
    receiver.close();
    assert_eq!(waiting.woken(), 1);
    assert!(matches!(waiting.poll(), Poll::Ready(Err(_))));
    assert!(now(sender.reserve_many(0)).is_err());
    // What is kept may still be sent, and what is not used is waited for no longer.
    let mut end = pending(receiver.recv());
    drop(held);
    assert_eq!(end.woken(), 1);
    assert_eq!(end.poll(), Poll::Ready(None));
}

#[test]
fn a_message_whose_receiver_is_gone_is_given_back() {
    let (sender, mut receiver) = mpsc::channel(1);
    sender.try_send(1).expect("room");
    let mut granted = pending(sender.send(2));
    let mut waiting = pending(sender.send(3));
    let closed = pending(sender.closed());
    assert_eq!(receiver.try_recv(), Ok(1));
    assert_eq!(granted.woken(), 1);
    drop(receiver);
    assert_eq!((waiting.woken(), closed.woken()), (1, 1));
    assert_eq!(granted.poll(), Poll::Ready(Err(mpsc::error::SendError(2))));
    assert_eq!(waiting.poll(), Poll::Ready(Err(mpsc::error::SendError(3))));
}

#[test]
fn weak_senders_do_not_keep_the_channel() {
    let (sender, mut receiver) = mpsc::channel::<u8>(1);
    let weak = sender.downgrade();
    assert_eq!((sender.strong_count(), sender.weak_count()), (1, 1));
    let strong = weak.upgrade().expect("there is one");
    assert!(strong.same_channel(&sender));
    drop(strong);
    drop(sender);
    assert!(weak.upgrade().is_none());
    assert_eq!(now(receiver.recv()), None);
    let (sender, receiver) = mpsc::unbounded::<u8>();
    let weak = sender.downgrade();
    drop(receiver);
    assert!(weak.upgrade().is_some_and(|sender| sender.send(1).is_err()));
}

#[test]
fn oneshot_sends_once_or_says_so() {
    let (sender, receiver) = oneshot::channel();
    assert_eq!(sender.send(1), Ok(()));
    assert_eq!(now(receiver), Ok(1));

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
    assert!(receiver.is_terminated());

    let (mut sender, mut receiver) = oneshot::channel();
    let mut closing = pending(sender.closed());
    receiver.close();
    assert_eq!(closing.woken(), 1);
    assert!(closing.poll().is_ready());
    drop(closing);
    assert_eq!(sender.send(1), Err(1));

    let (sender, mut receiver) = oneshot::channel();
    sender.send(1).expect("open");
    receiver.close();
    assert_eq!(receiver.try_recv(), Ok(1), "sent before the close");
}

#[test]
fn broadcast_reaches_all_and_tells_who_lagged() {
    use broadcast::error::{RecvError, TryRecvError};
    let (sender, mut one) = broadcast::channel(2);
    let mut two = sender.subscribe();
    assert_eq!(sender.send(1), Ok(2));
    assert_eq!((now(one.recv()), sender.len()), (Ok(1), 1));
    assert_eq!((now(two.recv()), sender.len()), (Ok(1), 0));
    let mut waiting = pending(two.recv());
    for n in 2..6 {
        sender.send(n).expect("there are receivers");
    }
    assert_eq!(waiting.woken(), 1);
    assert_eq!(waiting.poll(), Poll::Ready(Err(RecvError::Lagged(2))));
    drop(waiting);
    assert_eq!(two.try_recv(), Ok(4));
    assert_eq!(one.len(), 4);
    let mut late = one.resubscribe();
    assert_eq!(late.try_recv(), Err(TryRecvError::Empty));
    drop(one);
    assert_eq!(sender.len(), 1, "what nobody needs is freed");
    drop(sender);
    assert_eq!(
        (now(two.recv()), now(two.recv())),
        (Ok(5), Err(RecvError::Closed))
    );
    assert_eq!(late.try_recv(), Err(TryRecvError::Closed));

    let sender = broadcast::Sender::new(1);
    assert!(sender.send(1).is_err(), "nobody listens");
    now(sender.closed());
}

#[test]
fn watch_shows_the_latest() {
    let (sender, mut receiver) = watch::channel(1);
    assert_eq!(receiver.has_changed(), Ok(false));
    let mut waiting = pending(receiver.changed());
    sender.send(2).expect("there is a receiver");
    sender.send(3).expect("there is a receiver");
    assert_eq!(waiting.woken(), 1);
    assert_eq!(waiting.poll(), Poll::Ready(Ok(())));
    drop(waiting);
    assert_eq!(*receiver.borrow(), 3);
    assert_eq!(receiver.has_changed(), Ok(false));
    assert!(!sender.send_if_modified(|_| false));
    assert_eq!(receiver.has_changed(), Ok(false));
    assert_eq!(sender.send_replace(4), 3);
    assert!(receiver.borrow_and_update().has_changed());
    receiver.mark_changed();
    now(receiver.changed()).expect("open");
    let mut waiting = pending(receiver.wait_for(|n| *n > 5));
    sender.send_modify(|n| *n += 1);
    assert!(waiting.poll().is_pending());
    sender.send_modify(|n| *n += 1);
    assert!(matches!(waiting.poll(), Poll::Ready(Ok(n)) if *n == 6));
    drop(waiting);
    let mut waiting = pending(receiver.changed());
    sender.send(7).expect("there is a receiver");
    drop(sender);
    assert_eq!(waiting.poll(), Poll::Ready(Ok(())), "the last value first");
    drop(waiting);
    assert!(now(receiver.changed()).is_err());
    assert!(now(receiver.wait_for(|n| *n == 7)).is_ok());
}

#[test]
#[should_panic(expected = "while a `Ref` of it lives")]
fn a_watch_is_not_changed_under_a_ref() {
    let (sender, receiver) = watch::channel(1);
    let _value = receiver.borrow();
    let _ = sender.send(2);
}

#[test]
fn queues_differ_in_order_only() {
    let (fifo, lifo, least) = (Queue::new(0), LifoQueue::new(0), PriorityQueue::new(0));
    for n in [2, 3, 1] {
        fifo.put_nowait(n).expect("no bound");
        lifo.put_nowait(n).expect("no bound");
        least.put_nowait(n).expect("no bound");
    }
    fn all(get: impl Fn() -> Result<i32, GetNowaitError>) -> Vec<i32> {
        std::iter::from_fn(|| get().ok()).collect()
    }
    assert_eq!(all(|| fifo.get_nowait()), [2, 3, 1]);
    assert_eq!(all(|| lifo.get_nowait()), [1, 3, 2]);
    assert_eq!(all(|| least.get_nowait()), [1, 2, 3]);
}

#[test]
fn equal_priorities_keep_their_order() {
    #[derive(Debug, Eq)]
    struct Job(u8, char);
    impl PartialEq for Job {
        fn eq(&self, other: &Self) -> bool {
            self.0 == other.0
        }
    }
    impl PartialOrd for Job {
        fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
            Some(self.cmp(other))
        }
    }
    impl Ord for Job {
        fn cmp(&self, other: &Self) -> std::cmp::Ordering {
            self.0.cmp(&other.0)
        }
    }
    let queue = PriorityQueue::new(0);
    for (n, name) in "abcdefgh".chars().enumerate() {
        queue
            .put_nowait(Reverse(Job((n % 2) as u8, name)))
            .expect("no bound");
    }
    let order: String = std::iter::from_fn(|| queue.get_nowait().ok())
        .map(|job| job.0.1)
        .collect();
    assert_eq!(order, "bdfhaceg");
}

#[test]
fn a_full_queue_makes_putters_wait_in_order() {
    let queue = Queue::new(1);
    assert!(!queue.full());
    now(queue.put(1)).expect("open");
    assert!(queue.full() && queue.maxsize() == 1);
    assert_eq!(queue.put_nowait(2), Err(PutNowaitError::QueueFull(2)));
    let mut second = pending(queue.put(2));
    let third = pending(queue.put(3));
    assert_eq!(queue.statistics().waiting_puts, 2);
    assert_eq!(now(queue.get()), Ok(1));
    assert_eq!((second.woken(), third.woken()), (1, 0));
    assert_eq!(second.poll(), Poll::Ready(Ok(())));
}

#[test]
fn join_waits_for_task_done() {
    let queue = Queue::new(0);
    now(queue.join());
    queue.put_nowait(1).expect("no bound");
    queue.put_nowait(2).expect("no bound");
    let mut joining = pending(queue.join());
    assert!(queue.get_nowait().is_ok() && queue.get_nowait().is_ok());
    queue.task_done();
    assert!(joining.poll().is_pending());
    queue.task_done();
    assert_eq!(joining.woken(), 1);
    assert!(joining.poll().is_ready());
}

#[test]
#[should_panic(expected = "task_done() called more often")]
fn task_done_too_often_is_told() {
    Queue::<u8>::new(0).task_done();
}

#[test]
fn shutdown_lets_the_rest_be_taken() {
    let queue = Queue::new(1);
    queue.put_nowait(1).expect("room");
    let mut putting = pending(queue.put(2));
    assert_eq!(queue.shutdown(false), []);
    assert_eq!(putting.poll(), Poll::Ready(Err(QueueShutDown(2))));
    assert_eq!(queue.put_nowait(3), Err(PutNowaitError::QueueShutDown(3)));
    assert_eq!(now(queue.get()), Ok(1));
    assert_eq!(now(queue.get()), Err(QueueShutDown(())));
    assert_eq!(queue.get_nowait(), Err(GetNowaitError::QueueShutDown));
}

#[test]
fn an_immediate_shutdown_empties_the_queue() {
    let queue = Queue::new(0);
    let mut promised = pending(queue.get());
    let mut cancelled = pending(queue.get());
    for n in 1..4 {
        queue.put_nowait(n).expect("no bound");
    }
    let mut joining = pending(queue.join());
    assert_eq!(queue.shutdown(true), [1, 2, 3]);
    assert!(joining.poll().is_ready(), "what was removed counts as done");
    cancelled.cancel();
    assert_eq!((queue.qsize(), queue.is_shutdown()), (0, true));
    assert_eq!(promised.poll(), Poll::Ready(Err(QueueShutDown(()))));

    let queue = Queue::<u8>::new(0);
    let mut waiting = pending(queue.get());
    queue.shutdown(false);
    assert_eq!(waiting.poll(), Poll::Ready(Err(QueueShutDown(()))));
}

#[test]
fn send_timeout_gives_the_message_back_and_its_place_in_the_line_up() {
    let runtime = Builder::new()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let ms = Duration::from_millis;
        let start = Instant::now();
        let (sender, mut receiver) = mpsc::channel(1);
        assert_eq!(sender.send_timeout(1, ms(10)).await, Ok(()));
        assert_eq!(start.elapsed(), ms(0));
        let patient = spawn({
            let sender = sender.clone();
            async move { (sender.send_timeout(2, ms(10)).await, Instant::now()) }
        });
        let next = spawn({
            let sender = sender.clone();
            async move { (sender.send_timeout(3, ms(100)).await, Instant::now()) }
        });
        sleep(ms(20)).await;
        let (refused, when) = patient.await.expect("no panic");
        assert_eq!(refused, Err(SendTimeoutError::Timeout(2)));
        assert_eq!(when - start, ms(10));
        assert_eq!(receiver.recv().await, Some(1));
        let (sent, when) = next.await.expect("no panic");
        assert_eq!((sent, when - start), (Ok(()), ms(20)));
        assert_eq!(receiver.recv().await, Some(3));
        drop(receiver);
        let closed = sender.send_timeout(4, ms(10)).await;
        assert_eq!(closed, Err(SendTimeoutError::Closed(4)));
    });
}
