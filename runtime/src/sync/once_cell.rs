//! [`OnceCell`]: a value that a future makes once, when it is first needed.
//!
//! Why: ten tasks that need a connection should open one. The value is in std's `OnceCell`, which
//! lends it out safely; this file decides which task makes it.

use std::cell::{self, Cell};
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::ptr;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::wait_list::{Key, WaitQueue};
use crate::executor::{StoredWaker, Wait, note_wait, poll_budget};

/// A cell that is written once, by an async initialiser; tokio's `OnceCell`.
///
/// One task makes the value, the others wait for it. If that task is cancelled, panics or fails,
/// the one that waits longest tries next, with its own initialiser.
///
/// # Examples
///
/// ```
/// use myrt::sync::OnceCell;
///
/// myrt::run(async {
///     let cell = OnceCell::new();
///     assert_eq!(*cell.get_or_init(|| async { 7 }).await, 7);
///     assert_eq!(*cell.get_or_init(|| async { 8 }).await, 7);
///     assert_eq!(cell.get(), Some(&7));
/// });
/// ```
pub struct OnceCell<T> {
    value: cell::OnceCell<T>,
    /// Somebody is making the value, or was handed the turn to.
    busy: Cell<bool>,
    queue: WaitQueue<()>,
}

impl<T> OnceCell<T> {
    /// An empty cell.
    pub const fn new() -> Self {
        Self {
            value: cell::OnceCell::new(),
            busy: Cell::new(false),
            queue: WaitQueue::new(),
        }
    }

    /// A cell that has its value already, if `value` is `Some`.
    pub fn new_with(value: Option<T>) -> Self {
        let this = Self::new();
        if let Some(value) = value {
            // The cell was made a line ago: it is empty.
            let _ = this.value.set(value);
        }
        this
    }

    /// The value, if it was made.
    pub fn get(&self) -> Option<&T> {
        self.value.get()
    }

    /// The value, if it was made.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.value.get_mut()
    }

    /// Whether the value was made.
    pub fn initialized(&self) -> bool {
        self.value.get().is_some()
    }

    /// Puts the value in.
    ///
    /// # Errors
    ///
    /// [`SetError`] gives the value back if there is one already, or somebody is making one.
    pub fn set(&self, value: T) -> Result<(), SetError<T>> {
        if self.initialized() {
            return Err(SetError::AlreadyInitializedError(value));
        }
        if self.busy.get() {
            return Err(SetError::InitializingError(value));
        }
        self.value
            .set(value)
            .map_err(SetError::AlreadyInitializedError)
    }

    /// The value; made by `make` if nobody has made it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future while it makes the value drops the initialiser and gives the turn to the
    /// next who waits.
    #[track_caller]
    pub fn get_or_init<F, Fut>(&self, make: F) -> GetOrInit<'_, T, F, Fut>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = T>,
    {
        GetOrInit {
            init: Init::new(self, make),
        }
    }

    /// The value; made by `make` if nobody has made it. An error leaves the cell empty, and the
    /// next who waits tries.
    ///
    /// Cancel safe as [`get_or_init`](Self::get_or_init).
    #[track_caller]
    pub fn get_or_try_init<E, F, Fut>(&self, make: F) -> GetOrTryInit<'_, T, F, Fut>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        GetOrTryInit {
            init: Init::new(self, make),
        }
    }

    /// The value, out of the cell.
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }

    /// Takes the value; the cell is empty again.
    pub fn take(&mut self) -> Option<T> {
        self.value.take()
    }

    /// Whether the value is there or being made, and how many wait for it.
    pub fn statistics(&self) -> OnceCellStatistics {
        OnceCellStatistics {
            initialized: self.initialized(),
            initializing: self.busy.get(),
            waiting: self.queue.len(),
        }
    }

    /// Gives the turn to make the value to the next who waits.
    fn pass_turn(&self) {
        match self.queue.grant_front() {
            Some(waker) => waker.wake(),
            None => self.busy.set(false),
        }
    }
}

impl<T> Default for OnceCell<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> From<T> for OnceCell<T> {
    fn from(value: T) -> Self {
        Self::new_with(Some(value))
    }
}

impl<T: fmt::Debug> fmt::Debug for OnceCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnceCell")
            .field("value", &self.get())
            .finish()
    }
}

/// What [`OnceCell::statistics`] tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OnceCellStatistics {
    /// Whether the value is there.
    pub initialized: bool,
    /// Whether somebody is making it.
    pub initializing: bool,
    /// How many wait for it.
    pub waiting: usize,
}

/// Why [`OnceCell::set`] gave the value back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetError<T> {
    /// There is a value already.
    AlreadyInitializedError(T),
    /// Somebody is making one.
    InitializingError(T),
}

impl<T> fmt::Display for SetError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlreadyInitializedError(_) => "the cell has a value already",
            Self::InitializingError(_) => "the cell's value is being made",
        })
    }
}

impl<T: fmt::Debug> std::error::Error for SetError<T> {}

/// A place among those who would make the value. Dropped, it passes on the turn it may have.
#[derive(Debug)]
struct Turn<'a, T> {
    cell: &'a OnceCell<T>,
    key: Option<Key>,
    mine: bool,
    at: &'static Location<'static>,
}

impl<'a, T> Turn<'a, T> {
    /// Ready with the value, or with `None`: the value is the caller's to make.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<&'a T>> {
        let cell = self.cell;
        if self.key.is_none() && (self.mine || self.take()) {
            return self.poll_admitted(cx);
        }
        match self.key {
            Some(key) => {
                if cell.queue.poll_granted(key, cx.waker()).is_some() {
                    self.key = None;
                    self.mine = !cell.initialized();
                    return self.poll_admitted(cx);
                }
            }
            None => {
                let waker = StoredWaker::new(cx.waker());
                // The clone may have run user code that made the value.
                if self.take() {
                    return self.poll_admitted(cx);
                }
                self.key = Some(cell.queue.join(waker, ()));
            }
        }
        note_wait(Wait::Lock(ptr::from_ref(cell).addr()), self.at);
        Poll::Pending
    }

    /// Where no share is left, the task gives way but keeps the turn that it may have.
    fn poll_admitted(&self, cx: &mut Context<'_>) -> Poll<Option<&'a T>> {
        ready!(poll_budget(cx));
        Poll::Ready(self.cell.get())
    }

    /// True if there is nothing to wait for: the value is there, or the turn is free and now ours.
    fn take(&mut self) -> bool {
        if self.cell.initialized() {
            return true;
        }
        self.mine = !self.cell.busy.replace(true);
        self.mine
    }

    /// The value is made: everybody may have it.
    fn finish(&mut self, value: T) -> &'a T {
        let cell = self.cell;
        let value = cell.value.get_or_init(|| value);
        self.mine = false;
        cell.busy.set(false);
        cell.queue.grant_all(|()| ()).wake();
        value
    }
}

impl<T> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        let granted = self
            .key
            .is_some_and(|key| self.cell.queue.leave(key).granted);
        if self.mine || (granted && !self.cell.initialized()) {
            self.cell.pass_turn();
        }
    }
}

pin_project! {
    /// The part that both futures share. The initialiser is dropped before the turn is passed on.
    struct Init<'a, T, F, Fut> {
        #[pin]
        running: Option<Fut>,
        make: Option<F>,
        turn: Turn<'a, T>,
    }
}

impl<'a, T, F, Fut> Init<'a, T, F, Fut>
where
    F: FnOnce() -> Fut,
    Fut: Future,
{
    #[track_caller]
    fn new(cell: &'a OnceCell<T>, make: F) -> Self {
        let turn = Turn {
            cell,
            key: None,
            mine: false,
            at: Location::caller(),
        };
        Self {
            running: None,
            make: Some(make),
            turn,
        }
    }

    fn poll_with<E>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        result: impl FnOnce(Fut::Output) -> Result<T, E>,
    ) -> Poll<Result<&'a T, E>> {
        let mut this = self.project();
        if this.running.is_none() {
            if let Some(value) = ready!(this.turn.poll(cx)) {
                return Poll::Ready(Ok(value));
            }
            let make = this.make.take().expect("polled after it was ready");
            this.running.set(Some(make()));
        }
        let running = this.running.as_mut().as_pin_mut().expect("set above");
        let made = ready!(running.poll(cx));
        this.running.set(None);
        // An error passes the turn on when the future is dropped; the caller may keep that for
        // long, so do it now.
        match result(made) {
            Ok(value) => Poll::Ready(Ok(this.turn.finish(value))),
            Err(error) => {
                this.turn.mine = false;
                this.turn.cell.pass_turn();
                Poll::Ready(Err(error))
            }
        }
    }
}

pin_project! {
    /// The future of [`OnceCell::get_or_init`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct GetOrInit<'a, T, F, Fut> {
        #[pin]
        init: Init<'a, T, F, Fut>,
    }
}

impl<'a, T, F, Fut> Future for GetOrInit<'a, T, F, Fut>
where
    F: FnOnce() -> Fut,
    Fut: Future<Output = T>,
{
    type Output = &'a T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let result = ready!(self.project().init.poll_with(cx, Ok::<T, Infallible>));
        Poll::Ready(result.unwrap_or_else(|never| match never {}))
    }
}

impl<T, F, Fut> fmt::Debug for GetOrInit<'_, T, F, Fut> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GetOrInit")
            .field("running", &self.init.running.is_some())
            .finish()
    }
}

pin_project! {
    /// The future of [`OnceCell::get_or_try_init`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct GetOrTryInit<'a, T, F, Fut> {
        #[pin]
        init: Init<'a, T, F, Fut>,
    }
}

impl<'a, T, E, F, Fut> Future for GetOrTryInit<'a, T, F, Fut>
where
    F: FnOnce() -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    type Output = Result<&'a T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().init.poll_with(cx, |made| made)
    }
}

impl<T, F, Fut> fmt::Debug for GetOrTryInit<'_, T, F, Fut> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GetOrTryInit")
            .field("running", &self.init.running.is_some())
            .finish()
    }
}
