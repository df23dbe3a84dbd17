//! Channels from many senders to one receiver, each on any thread; tokio's `mpsc` between threads.
//!
//! Messages of one sender arrive in the order in which they were sent. Senders to a full channel
//! are served first come, first served, threads and tasks in one line. All files of this folder
//! stand on `chan.rs`.

mod chan;
mod receiver;
mod sender;

use std::sync::Arc;

use self::chan::Chan;

/// What can go wrong, as on a channel of one thread.
pub use crate::sync::mpsc::error;
pub use receiver::{Receiver, RecvFuture};
pub use sender::{ClosedFuture, SendFuture, Sender, UnboundedSender};

/// A channel between threads that holds at most `capacity` messages. A sender to a full one waits:
/// a task in [`send`](Sender::send), a thread in [`blocking_send`](Sender::blocking_send).
///
/// # Panics
/// If `capacity` is 0.
///
/// ```
/// use myrt::sync::remote::mpsc;
///
/// // The other way round: the loop sends, a thread receives.
/// let (sender, mut receiver) = mpsc::channel(1);
/// let thread = std::thread::spawn(move || {
///     let mut all = Vec::new();
///     while let Some(n) = receiver.blocking_recv() {
///         all.push(n);
///     }
///     all
/// });
/// myrt::run(async move {
///     for n in 0..3 {
///         sender.send(n).await.unwrap();
///     }
/// });
/// assert_eq!(thread.join().unwrap(), [0, 1, 2]);
/// ```
#[doc(alias = "sync_channel")]
#[track_caller]
pub fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    assert!(
        capacity > 0,
        "a remote mpsc channel needs a capacity of at least 1"
    );
    let chan = Arc::new(Chan::new(Some(capacity)));
    (Sender::new(Arc::clone(&chan)), Receiver::new(chan))
}

/// A channel between threads that holds any number of messages. Sending never waits, so memory is
/// the only bound.
///
/// ```
/// use myrt::sync::remote::mpsc;
///
/// let (sender, mut receiver) = mpsc::unbounded();
/// let thread = std::thread::spawn(move || sender.send("from a thread").unwrap());
/// assert_eq!(myrt::run(receiver.recv()), Some("from a thread"));
/// thread.join().unwrap();
/// ```
#[doc(alias = "unbounded_channel")]
pub fn unbounded<T>() -> (UnboundedSender<T>, Receiver<T>) {
    let chan = Arc::new(Chan::new(None));
    (UnboundedSender::new(Arc::clone(&chan)), Receiver::new(chan))
}
