//! Ways to start a task.
//!
//! It exists so that everything a user may say about a task before it starts stands together. It
//! must not know how tasks run.

use std::panic::Location;
use std::rc::Rc;

use super::current;
use super::join::JoinHandle;
use super::probe::{LARGE, LeafNote};
use super::registry;
use super::slot::INTERNAL;
use crate::core::Core;

/// Starts a task that runs beside the others; it begins at its next turn, not at once (see
/// [`spawn_eager`]).
///
/// The future need not be `Send`. Dropping the handle detaches the task. When the runtime ends, so
/// does the task.
///
/// asyncio's `create_task`, tokio's `spawn_local`.
///
/// A panic in the future ends its task alone, and reaches who joins it. The local variables of an
/// `async fn` are dropped by the panic itself; the fields of a hand-written future only when it has
/// been caught, so in their destructors [`std::thread::panicking`] is false: a `std::sync::Mutex`
/// guard in a field unlocks without poisoning. A future that must know keeps the guard in a local
/// variable of its `poll`.
///
/// # Panics
/// Outside of a runtime. When 2^28 tasks are alive.
///
/// ```
/// myrt::run(async {
///     let a = myrt::spawn(async { 1 });
///     let b = myrt::spawn(async { 2 });
///     assert_eq!(a.await.unwrap() + b.await.unwrap(), 3);
/// });
/// ```
#[doc(alias = "create_task")]
#[doc(alias = "spawn_local")]
#[doc(alias = "LocalSet")]
#[inline]
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let at = Location::caller();
    note_if_large::<F>(at);
    boxed_if_large!(future => spawn_at(future, at))
}

/// See [`spawn`]. `at` is where the user asked for it.
#[inline]
#[track_caller]
pub(crate) fn spawn_at<F>(future: F, at: &'static Location<'static>) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    match current::with_core(|core| Some(spawn_in(core?, future, at))) {
        Some(handle) => handle,
        // Not in the closure, whose line would be the panic's.
        None => registry::refuse("spawn was called", 0),
    }
}

/// Evaluates an expression with a future, which is first put into a box if it is large. In a build
/// that is not optimised each call copies the future that it hands on; so the functions that users
/// call box it at once, and it is on the stack three times at most: as what the user made, as the
/// argument, and on its way into the box.
#[doc(hidden)]
#[macro_export]
macro_rules! __myrt_boxed_if_large {
    ($future:ident => $with:expr) => {
        if ::core::mem::size_of_val(&$future) > $crate::os::LARGE_FUTURE {
            let $future = ::std::boxed::Box::pin($future);
            $with
        } else {
            $with
        }
    };
}
pub(crate) use __myrt_boxed_if_large as boxed_if_large;

/// Tells who looks that a large future is about to be spawned: before it is put into a box, whose
/// size says nothing.
#[inline]
pub(crate) fn note_if_large<F>(at: &'static Location<'static>) {
    if size_of::<F>() > LARGE {
        current::with_core(|core| {
            if let Some(core) = core {
                tell_large(core, size_of::<F>(), at);
            }
        });
    }
}

/// See [`note_if_large`].
#[cold]
pub(crate) fn tell_large(core: &Core, bytes: usize, at: &'static Location<'static>) {
    core.probe
        .tell(|it| it.leaf(core, LeafNote::Large(bytes, at)));
}

/// Starts a task in a given runtime.
#[inline]
pub(crate) fn spawn_in<F>(
    core: &Core,
    future: F,
    at: &'static Location<'static>,
) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let parent = current::with(|hot| hot.whose().key());
    let slot = core.tasks.spawn(future, parent, at);
    JoinHandle::new(slot.identity(), core.serial)
}

/// Starts a task and polls it once right away, before this returns: what it does up to its first
/// wait has happened.
///
/// asyncio's eager tasks (`eager_task_factory`).
///
/// # Panics
/// Outside of a runtime.
///
/// ```
/// use std::{cell::Cell, rc::Rc};
/// myrt::run(async {
///     let begun = Rc::new(Cell::new(false));
///     let flag = begun.clone();
///     let task = myrt::spawn_eager(async move { flag.set(true); myrt::yield_now().await; 5 });
///     assert!(begun.get());
///     assert_eq!(task.await.unwrap(), 5);
/// });
/// ```
#[doc(alias = "eager_start")]
#[track_caller]
pub fn spawn_eager<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let at = Location::caller();
    note_if_large::<F>(at);
    let handle = boxed_if_large!(future => spawn_at(future, at));
    begin(&handle);
    handle
}

/// Polls a task that was just spawned.
fn begin<T>(handle: &JoinHandle<T>) {
    current::with_core(|core| {
        if let Some(core) = core {
            super::poll::poll_now(core, handle.id().identity());
        }
    });
}

/// Takes a task off the lists of tasks.
pub(crate) fn hide<T>(handle: &JoinHandle<T>) {
    current::with_core(|core| {
        if let Some(slot) = core.and_then(|core| core.tasks.find(handle.id().identity())) {
            slot.add(INTERNAL);
        }
    });
}

/// Says more about a task before it starts.
///
/// ```
/// myrt::run(async {
///     let name = async { myrt::task::current().name() };
///     let task = myrt::task::Builder::new().name("worker").spawn(name);
///     assert_eq!(task.await.unwrap().as_deref(), Some("worker"));
/// });
/// ```
#[derive(Debug, Default)]
#[must_use = "call spawn() to start the task"]
pub struct Builder {
    name: Option<Rc<str>>,
}

impl Builder {
    /// Nothing said yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives the task a name, for reports, the monitor and `all()`.
    pub fn name(mut self, name: impl Into<Rc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Starts the task. See [`spawn`].
    ///
    /// # Panics
    /// Outside of a runtime.
    #[track_caller]
    pub fn spawn<F>(self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let at = Location::caller();
        note_if_large::<F>(at);
        let handle = boxed_if_large!(future => spawn_at(future, at));
        self.set_name(&handle);
        handle
    }

    /// Starts the task and polls it once right away. See [`spawn_eager`].
    ///
    /// # Panics
    /// Outside of a runtime.
    #[track_caller]
    pub fn spawn_eager<F>(self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let at = Location::caller();
        note_if_large::<F>(at);
        let handle = boxed_if_large!(future => spawn_at(future, at));
        self.set_name(&handle);
        begin(&handle);
        handle
    }

    fn set_name<T>(self, handle: &JoinHandle<T>) {
        let Some(name) = self.name else { return };
        current::with_core(|core| {
            let Some(core) = core else { return };
            if let Some(slot) = core.tasks.find(handle.id().identity()) {
                core.tasks.set_name(slot, name);
            }
        });
    }
}
