//! The unbounded channel: [`unbounded`], and its sender's `send`.
//!
//! Sending never waits, so it needs no permits and no `.await`. Nothing slows a sender that is
//! faster than its receiver: memory is the only bound.

use std::rc::Rc;

use super::chan::Chan;
use super::error::SendError;
use super::receiver::Receiver;
use super::sender::{Sender, Unbounded, WeakSender};

/// The sending end of an unbounded channel.
pub type UnboundedSender<T> = Sender<T, Unbounded>;

/// A sender of an unbounded channel that does not keep it open.
pub type WeakUnboundedSender<T> = WeakSender<T, Unbounded>;

/// The receiving end of an unbounded channel.
pub type UnboundedReceiver<T> = Receiver<T, Unbounded>;

/// A channel that holds any number of messages.
///
/// # Examples
///
/// ```
/// use myrt::sync::mpsc;
///
/// myrt::run(async {
///     let (sender, mut receiver) = mpsc::unbounded();
///     sender.send(1).unwrap();
///     sender.send(2).unwrap();
///     assert_eq!(receiver.recv().await, Some(1));
///     drop(sender);
///     assert_eq!(receiver.recv().await, Some(2));
///     assert_eq!(receiver.recv().await, None);
/// });
/// ```
#[doc(alias = "unbounded_channel")]
pub fn unbounded<T>() -> (UnboundedSender<T>, UnboundedReceiver<T>) {
    let chan = Rc::new(Chan::new(None));
    (Sender::new(Rc::clone(&chan)), Receiver::new(chan))
}

/// The same as [`unbounded`], under tokio's name.
pub fn unbounded_channel<T>() -> (UnboundedSender<T>, UnboundedReceiver<T>) {
    unbounded()
}

impl<T> Sender<T, Unbounded> {
    /// Sends a message, at once.
    ///
    /// # Errors
    ///
    /// [`SendError`] gives the message back if the receiver is gone or has closed the channel.
    #[inline]
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        if self.chan.is_closed() {
            return Err(SendError(value));
        }
        self.chan.push(value);
        Ok(())
    }
}
