//! The task that asked last is woken, and asking twice from one task clones one waker.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use exercises_03::stale::Slot;

#[derive(Default)]
struct Counter(AtomicU32);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn the_task_that_asked_last_is_woken() {
    let (first, second) = (Arc::new(Counter::default()), Arc::new(Counter::default()));
    let slot = Slot::default();
    for counter in [&first, &second] {
        let waker = Waker::from(Arc::clone(counter));
        assert_eq!(slot.poll_take(&mut Context::from_waker(&waker)), Poll::Pending);
    }
    slot.set(5);
    assert_eq!((first.0.load(Ordering::Relaxed), second.0.load(Ordering::Relaxed)), (0, 1));
    assert_eq!(slot.poll_take(&mut Context::from_waker(Waker::noop())), Poll::Ready(5));
}

#[test]
fn the_same_task_clones_once() {
    let waker = Waker::from(Arc::new(Counter::default()));
    let slot = Slot::default();
    for _ in 0..10 {
        assert_eq!(slot.poll_take(&mut Context::from_waker(&waker)), Poll::Pending);
    }
    assert_eq!(slot.clones(), 1);
}
