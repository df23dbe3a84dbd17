//! [`SetOnce`]: a value that one task sets and others wait for.
//!
//! Why: `OnceCell` makes its value by a future of the task that comes first; here it comes from
//! elsewhere, and those who need it wait until it does. The value is in std's `OnceCell`.

use std::cell;
use std::error::Error;
use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::ptr;
use std::task::{Context, Poll, ready};

use super::wait_list::{Key, WaitQueue};
use crate::executor::{Wait, WaitNote};

/// A value that is set once, and that tasks can wait for; tokio's `SetOnce`.
///
/// # Examples
///
/// ```
/// use std::rc::Rc;
/// use myrt::sync::SetOnce;
///
/// myrt::run(async {
///     let address = Rc::new(SetOnce::new());
///     let known = Rc::clone(&address);
///     let client = myrt::spawn(async move { format!("to {}", known.wait().await) });
///     address.set("[::1]:80").unwrap();
///     assert_eq!(client.await.unwrap(), "to [::1]:80");
///     assert!(address.set("another").is_err());
/// });
/// ```
pub struct SetOnce<T> {
    value: cell::OnceCell<T>,
    queue: WaitQueue<()>,
}

impl<T> SetOnce<T> {
    /// Without a value.
    pub const fn new() -> Self {
        Self {
            value: cell::OnceCell::new(),
            queue: WaitQueue::new(),
        }
    }

    /// With its value already, if `value` is `Some`.
    pub fn new_with(value: Option<T>) -> Self {
        Self {
            value: value.map_or_else(cell::OnceCell::new, cell::OnceCell::from),
            queue: WaitQueue::new(),
        }
    }

    /// The value, if it was set.
    pub fn get(&self) -> Option<&T> {
        self.value.get()
    }

    /// Whether the value was set.
    pub fn initialized(&self) -> bool {
        self.get().is_some()
    }

    /// Sets the value, and wakes all that wait for it.
    ///
    /// # Errors
    ///
    /// [`SetOnceError`] gives the value back if there is one already.
    pub fn set(&self, value: T) -> Result<(), SetOnceError<T>> {
        self.value.set(value).map_err(SetOnceError)?;
        self.queue.grant_all(|()| ()).wake();
        Ok(())
    }

    /// Waits until the value was set.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    #[track_caller]
    pub fn wait(&self) -> SetOnceWait<'_, T> {
        SetOnceWait {
            cell: self,
            key: None,
            at: Location::caller(),
        }
    }

    /// The value, out of the cell.
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }

    /// Whether the value was set, and how many wait for it.
    pub fn statistics(&self) -> SetOnceStatistics {
        SetOnceStatistics {
            initialized: self.initialized(),
            waiting: self.queue.len(),
        }
    }
}

impl<T> Default for SetOnce<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> From<T> for SetOnce<T> {
    fn from(value: T) -> Self {
        Self::new_with(Some(value))
    }
}

impl<T: fmt::Debug> fmt::Debug for SetOnce<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetOnce")
            .field("value", &self.get())
            .finish()
    }
}

/// What [`SetOnce::statistics`] tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SetOnceStatistics {
    /// Whether the value is there.
    pub initialized: bool,
    /// How many wait for it.
    pub waiting: usize,
}

/// There is a value already; here is the other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetOnceError<T>(pub T);

impl<T> fmt::Display for SetOnceError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the value was set already")
    }
}

impl<T: fmt::Debug> Error for SetOnceError<T> {}

/// The future of [`SetOnce::wait`].
#[must_use = "futures do nothing unless awaited"]
pub struct SetOnceWait<'a, T> {
    cell: &'a SetOnce<T>,
    key: Option<Key>,
    at: &'static Location<'static>,
}

impl<'a, T> Future for SetOnceWait<'a, T> {
    type Output = &'a T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<&'a T> {
        let this = &mut *self;
        let cell = this.cell;
        let note = WaitNote::new(Wait::Event(ptr::from_ref(cell).addr()), this.at);
        let look = || cell.get().map(drop).ok_or(());
        ready!(cell.queue.poll(&mut this.key, cx, note, look));
        Poll::Ready(cell.get().expect("it is set before anyone is woken"))
    }
}

impl<T> Drop for SetOnceWait<'_, T> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.cell.queue.leave(key);
        }
    }
}

impl<T> fmt::Debug for SetOnceWait<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetOnceWait")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}
