//! Scopes: tasks that may borrow from their parent, because all of them end before it goes on.
//!
//! Why: structured concurrency. No child outlives its scope, no error is lost, and nothing needs
//! `'static` or an `Rc`.
//!
//! # Why this is sound without `unsafe`
//!
//! Children are stored in the scope's own future, and polled and dropped by it alone. Code
//! elsewhere that wakes or cancels one has its number, never a pointer. So the scope's future may
//! be forgotten (`mem::forget`): then the children are forgotten with it, and are never polled
//! again. A thread's scope has to block for that; a future does not.
//!
//! # How it ends
//!
//! The first error (of a `try_spawn`, of the body of a [`try_scope`], a panic of any) drops the
//! others and the body, at their await points. What became ready in the same turn of the scope is
//! heard before that, so that two errors of one moment are both told. Async cleanups of children
//! run side by side, under their children's ids; then the scope returns. When the scope's own
//! future is dropped, children go first, then the body, and the code that dropped it waits for
//! their cleanups.

mod driver;
mod error;
mod handle;
mod members;
mod spawn;
mod start;

pub use error::{Failure, ScopeError};
pub use handle::ScopedHandle;
pub use spawn::Named;
pub use start::{Started, Starting};

use std::cell::Cell;
use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::panic::Location;
use std::pin::pin;
use std::time::Duration;

use crate::executor::extra::children::Children;
use crate::executor::join::cancel_id;
use crate::time::Instant;
use members::Members;

/// Runs `body`, which may spawn children into the [`Scope`] that it is given. Returns what `body`
/// gave, once it and every child have ended. Children may borrow anything that was declared before
/// the scope.
///
/// A panic (of a child, or of `body`) drops the others and is an error; a child that is cancelled
/// is none. What fails by returning errors wants [`try_scope`].
///
/// A scope is polled by the task that awaits it, and polls its children: what happens in a scope
/// that is inside of n others costs n polls and stack for them. Chains that are thousands deep want
/// tasks.
///
/// asyncio's `TaskGroup`, trio's nursery; `std::thread::scope` without threads.
///
/// # Errors
/// Every panic, in the order in which they happened, and whether the scope's deadline has passed.
///
/// # Panics
/// When polled outside of a runtime.
///
/// ```
/// use myrt::time::{Duration, sleep};
/// use std::cell::Cell;
/// myrt::run(async {
///     let done = Cell::new(0); // borrowed by the children: no Rc, no 'static
///     let names = vec!["a", "b", "c"];
///     myrt::scope(async |s| {
///         for name in &names {
///             let done = &done;
///             s.spawn(async move {
///                 sleep(Duration::from_millis(1)).await;
///                 done.set(done.get() + name.len());
///             });
///         }
///     })
///     .await
///     .unwrap();
///     assert_eq!(done.get(), 3); // all have ended here
/// });
/// ```
#[doc(alias = "TaskGroup")]
#[doc(alias = "nursery")]
#[track_caller]
pub fn scope<'env, F, T>(body: F) -> impl Future<Output = Result<T, ScopeError>>
where
    F: for<'scope> AsyncFnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    let at = Location::caller();
    async move {
        let scope = Scope::new(at);
        // Pinned here: the future of `drive` would hold it twice, as its argument, too.
        let body = pin!(Some(body(&scope)));
        driver::drive(&scope, body, Ok).await
    }
}

/// As [`scope`], for a body and children that may fail: the first `Err`, of the body or of a child
/// that was started with [`Scope::try_spawn`], drops the others.
///
/// # Errors
/// Every error and panic, in the order in which they happened, and whether the scope's deadline has
/// passed.
///
/// # Panics
/// When polled outside of a runtime.
///
/// ```
/// use myrt::time::{Duration, sleep};
/// myrt::run(async {
///     let error = myrt::try_scope(async |s| {
///         s.try_spawn(async { Err::<(), _>("the disk is full") });
///         s.spawn(sleep(Duration::from_secs(3600))); // dropped by the other's error
///         Ok(())
///     })
///     .await
///     .unwrap_err();
///     assert_eq!(error.into_errors(), ["the disk is full"]);
/// });
/// ```
#[doc(alias = "TaskGroup")]
#[doc(alias = "nursery")]
#[track_caller]
pub fn try_scope<'env, F, T, E>(body: F) -> impl Future<Output = Result<T, ScopeError<E>>>
where
    F: for<'scope> AsyncFnOnce(&'scope Scope<'scope, 'env, E>) -> Result<T, E>,
{
    let at = Location::caller();
    async move {
        let scope = Scope::new(at);
        let body = pin!(Some(body(&scope)));
        driver::drive(&scope, body, |result| result).await
    }
}

/// Where children are spawned; given to the body of [`scope`] and [`try_scope`], and through it to
/// the children, which may spawn more.
///
/// `'scope` is the life of the scope, `'env` that of what its children may borrow.
pub struct Scope<'scope, 'env: 'scope, E = Infallible> {
    children: Children,
    /// Emptied by the driver's guard; without drop glue of its own, so that the scope may borrow
    /// from itself.
    members: ManuallyDrop<Members<'scope, E>>,
    deadline: Cell<Option<Instant>>,
    at: &'static Location<'static>,
    /// Invariant in both, as in `std::thread::Scope`: neither may be taken for longer or shorter
    /// than it is.
    _life: PhantomData<(&'scope mut &'scope (), &'env mut &'env ())>,
}

impl<'scope, E> Scope<'scope, '_, E> {
    fn new(at: &'static Location<'static>) -> Self {
        Self {
            children: Children::new(),
            members: ManuallyDrop::new(Members::new()),
            deadline: Cell::new(None),
            at,
            _life: PhantomData,
        }
    }

    /// Cancels every child that there is now, as if each one's handle had been cancelled: they are
    /// dropped at their await points at the scope's next turn, and it is no error. The body runs
    /// on, and may spawn others.
    pub fn cancel(&self) {
        for number in self.members.numbers() {
            if let Some(id) = self.children.id(number) {
                cancel_id(self.children.runtime(), id.identity(), None);
            }
        }
    }

    /// Sets the moment ([`Instant`]) or the time from now ([`Duration`]) at which body and children
    /// are dropped, if they have not ended; the scope then gives an error that says
    /// [`ScopeError::is_elapsed`]. A later call moves it.
    ///
    /// What ends at that very moment has ended in time.
    pub fn deadline(&self, end: impl IntoDeadline) {
        self.deadline.set(Some(end.into_deadline()));
    }

    /// How many children have not ended.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether every child has ended.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<E> fmt::Debug for Scope<'_, '_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("children", &self.len())
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

/// What [`Scope::deadline`] takes: an [`Instant`], or a [`Duration`] from now.
pub trait IntoDeadline: sealed::Sealed {
    #[doc(hidden)]
    fn into_deadline(self) -> Instant;
}

impl IntoDeadline for Instant {
    fn into_deadline(self) -> Instant {
        self
    }
}

impl IntoDeadline for Duration {
    fn into_deadline(self) -> Instant {
        Instant::now() + self
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Instant {}
    impl Sealed for super::Duration {}
}
