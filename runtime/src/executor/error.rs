//! How a task ended, as its joiner is told.
//!
//! It exists so that a cancel and a panic are values that one can ask. It must not know the table.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::current;
use super::id::Id;
use crate::sys::stderr::complain;

/// Why a task has no output.
pub(crate) enum Reason {
    Cancelled(Option<Cow<'static, str>>),
    Panic(Box<dyn Any + Send>),
}

/// Reports a panic that reaches no task: what panicked, and with what.
pub(crate) fn report(what: &'static str, panic: Box<dyn Any + Send>) {
    current::with_core(|core| match core {
        Some(core) => core.unhandled(what, 0, panic),
        None => {
            let message = message(panic.as_ref()).unwrap_or("(a value that is not a text)");
            complain(format_args!(
                "myrt: {what} panicked and nobody awaits it: {message}"
            ));
            drop_payload(panic);
        }
    });
}

/// Drops a value of the user's where no task would hear of its destructor's panic: that is
/// reported.
pub(crate) fn drop_caught<T>(what: &'static str, value: T) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        report(what, panic);
    }
}

/// Drops what somebody panicked with. A destructor that panics in turn is not heard.
pub(crate) fn drop_payload(panic: Box<dyn Any + Send>) {
    let mut payload = panic;
    for _ in 0..8 {
        match catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            Ok(()) => return,
            Err(worse) => payload = worse,
        }
    }
    let _kept = mem::ManuallyDrop::new(payload); // what panics again and again is left alone
}

/// Drops what `next` gives, one after the other. A destructor that panics spares none of the
/// others: its panic goes on when all are gone, and later ones are reported.
pub(crate) fn drop_each<T>(mut next: impl FnMut() -> Option<T>) {
    let mut first = None;
    while let Some(value) = next() {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
            match first {
                None => first = Some(panic),
                Some(_) => report("a destructor", panic),
            }
        }
    }
    match first {
        Some(panic) if thread::panicking() => report("a destructor", panic),
        Some(panic) => resume_unwind(panic),
        None => {}
    }
}

/// The task that was joined has no output: it was cancelled, or it panicked.
///
/// It is `Send + Sync`, so it goes into every box of errors. Like tokio's `JoinError`; asyncio
/// raises `CancelledError` or the task's exception.
pub struct JoinError {
    /// Boxed, so that a `Result` of a small output stays small.
    inner: Box<Inner>,
}

struct Inner {
    id: Id,
    /// What was given to `cancel_with`, or the panic's message.
    reason: Option<Cow<'static, str>>,
    /// None when the task was cancelled.
    panic: Option<Payload>,
}

/// What a task panicked with. It need not be `Sync`, and is only ever taken out whole: the lock,
/// which nobody locks, says so.
type Payload = Mutex<Box<dyn Any + Send>>;

impl JoinError {
    pub(crate) fn new(id: Id, reason: Reason) -> Self {
        let (reason, panic) = match reason {
            Reason::Cancelled(reason) => (reason, None),
            Reason::Panic(panic) => (owned_message(panic.as_ref()), Some(Mutex::new(panic))),
        };
        Self {
            inner: Box::new(Inner { id, reason, panic }),
        }
    }

    /// The task's id.
    #[must_use]
    pub fn id(&self) -> Id {
        self.inner.id
    }

    /// Whether the task was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.inner.panic.is_none()
    }

    /// Whether the task panicked.
    #[must_use]
    pub fn is_panic(&self) -> bool {
        self.inner.panic.is_some()
    }

    /// What the task panicked with; [`std::panic::resume_unwind`] goes on with it.
    ///
    /// # Panics
    /// When the task was cancelled: ask [`JoinError::is_panic`] first.
    #[must_use]
    #[track_caller]
    pub fn into_panic(self) -> Box<dyn Any + Send> {
        self.try_into_panic()
            .expect("the task was cancelled, it did not panic: ask is_panic() first")
    }

    /// What the task panicked with.
    ///
    /// # Errors
    /// This error again, when the task was cancelled.
    pub fn try_into_panic(mut self) -> Result<Box<dyn Any + Send>, Self> {
        match self.inner.panic.take() {
            Some(panic) => Ok(panic.into_inner().unwrap_or_else(PoisonError::into_inner)),
            None => Err(self),
        }
    }

    /// The reason given to `cancel_with`, or the panic's message.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.inner.reason.as_deref()
    }
}

/// The text of a panic, where it has one.
pub(crate) fn message(panic: &(dyn Any + Send)) -> Option<&str> {
    panic
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
}

/// The same, to be kept without the panic. Most messages are text of the program and cost nothing.
fn owned_message(panic: &(dyn Any + Send)) -> Option<Cow<'static, str>> {
    match panic.downcast_ref::<&'static str>() {
        Some(text) => Some(Cow::Borrowed(text)),
        None => message(panic).map(|text| Cow::Owned(text.to_owned())),
    }
}

/// What a user can do about a panic, where the library knows.
#[cold]
pub(crate) fn advise(panic: &(dyn Any + Send)) {
    // tokio's words, of its sockets, timers, tasks and files alike.
    if message(panic).is_some_and(|text| text.contains("from the context of a Tokio")) {
        complain(format_args!(
            "myrt: that crate wants tokio's context: enable myrt's feature `tokio-context`, and write \
             `#[myrt::main(tokio_context)]` or hold a `myrt::compat::tokio_context()`"
        ));
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.is_panic() {
            "panicked"
        } else {
            "was cancelled"
        };
        write!(f, "task {} {verb}", self.inner.id)?;
        match self.reason() {
            Some(reason) => write!(f, ": {reason}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_panic() {
            "Panic"
        } else {
            "Cancelled"
        };
        write!(
            f,
            "JoinError::{kind}({}, {:?})",
            self.inner.id,
            self.reason()
        )
    }
}

impl std::error::Error for JoinError {}

impl From<JoinError> for std::io::Error {
    /// The error is inside, for [`std::io::Error::downcast`].
    fn from(error: JoinError) -> Self {
        Self::other(error)
    }
}

/// How a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// It ran to its end.
    Completed,
    /// It was cancelled.
    Cancelled,
    /// It panicked.
    Panicked,
}
