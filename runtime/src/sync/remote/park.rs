//! How a thread without a loop waits for a future: it parks until it is woken.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use crate::executor::runtime_serial;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

/// Blocks this thread until `future` is ready. `call` is what the user called, `rather` what one
/// calls inside of a runtime.
///
/// # Panics
/// Inside of a runtime.
#[track_caller]
pub(super) fn block_on<F: Future>(call: &str, rather: &str, future: F) -> F::Output {
    assert!(
        runtime_serial().is_none(),
        "{call} blocks the thread, and this one runs a loop: use {rather} instead"
    );
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut cx) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(), // may return for another reason: then poll again
        }
    }
}
