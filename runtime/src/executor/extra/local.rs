//! Task locals: values that a task and the tasks it spawns can see.
//!
//! It exists for what asyncio calls context variables. The values of a task are an immutable chain;
//! setting one adds a link for the extent of a future, a spawn keeps a reference to the chain (so
//! nothing needs to be `Clone`). It must not know how tasks are polled.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::core::Core;
use crate::executor::current;
use crate::executor::error::drop_caught;
use crate::executor::registry;
use crate::executor::slot::Slot;

/// One link of the chain.
pub(crate) struct Locals {
    key: usize,
    value: Rc<dyn Any>,
    outer: Option<Rc<Self>>,
}

/// The chain of a slot is installed while this lives.
pub(crate) struct Installed<'a> {
    core: &'a Core,
    before: Option<Rc<Locals>>,
}

impl<'a> Installed<'a> {
    pub(crate) fn of(core: &'a Core, slot: &Slot) -> Self {
        let chain = core
            .tasks
            .extras
            .peek(slot, |extras| extras.locals.clone())
            .flatten();
        Self::new(core, chain)
    }

    pub(crate) fn new(core: &'a Core, chain: Option<Rc<Locals>>) -> Self {
        Self {
            core,
            before: swap(core, chain),
        }
    }
}

impl Locals {
    /// A link before `outer`, in which the value that it hides is left out: else a chain of tasks
    /// that each set it and start the next would keep all of them.
    fn link(key: usize, value: Rc<dyn Any>, outer: Option<Rc<Self>>) -> Rc<Self> {
        Rc::new(Self {
            key,
            value,
            outer: without(key, outer),
        })
    }
}

/// The chain without the link of a key, which it has once at the most.
fn without(key: usize, chain: Option<Rc<Locals>>) -> Option<Rc<Locals>> {
    let mut before = Vec::new();
    let mut rest = chain.as_ref();
    while let Some(link) = rest.filter(|link| link.key != key) {
        before.push(link);
        rest = link.outer.as_ref();
    }
    let Some(hidden) = rest else { return chain };
    let outer = hidden.outer.clone();
    before.into_iter().rev().fold(outer, |outer, link| {
        Some(Rc::new(Locals {
            key: link.key,
            value: Rc::clone(&link.value),
            outer,
        }))
    })
}

impl Drop for Locals {
    /// In a loop: there may be many keys.
    fn drop(&mut self) {
        let mut outer = self.outer.take();
        while let Some(mut link) = outer.and_then(Rc::into_inner) {
            outer = link.outer.take();
        }
    }
}

/// The task locals that are set now, for what is to run later as if here.
pub(crate) fn here() -> Option<Rc<Locals>> {
    current::with_core(|core| {
        let tasks = &core?.tasks;
        tasks
            .has_locals
            .get()
            .then(|| tasks.locals.borrow().clone())?
    })
}

/// Calls `f` where these task locals are set; none: where those are that are set now.
pub(crate) fn with_locals<R>(locals: Option<&Rc<Locals>>, f: impl FnOnce() -> R) -> R {
    current::with_core(|core| {
        let _installed = core
            .zip(locals)
            .map(|(core, locals)| Installed::new(core, Some(Rc::clone(locals))));
        f()
    })
}

impl Drop for Installed<'_> {
    fn drop(&mut self) {
        let mine = swap(self.core, self.before.take());
        drop_caught("a task local", mine);
    }
}

fn swap(core: &Core, chain: Option<Rc<Locals>>) -> Option<Rc<Locals>> {
    core.tasks.has_locals.set(chain.is_some());
    core.tasks.locals.replace(chain)
}

/// The key of a task local, made by [`task_local!`](crate::task_local).
///
/// asyncio's `contextvars.ContextVar`; tokio's `LocalKey`, with the difference that spawned tasks
/// inherit it.
pub struct LocalKey<T: 'static> {
    #[doc(hidden)]
    pub identity: &'static u8,
    #[doc(hidden)]
    pub _type: PhantomData<fn() -> T>,
}

/// The task local has no value here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessError(());

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the task local is not set here: wrap the future in KEY.scope(value, future)")
    }
}

impl std::error::Error for AccessError {}

impl<T: 'static> LocalKey<T> {
    /// Runs `future` with the value set, for it and for every task that it spawns. Destructors of
    /// what `future` holds see it too, however it ends, and so do the async cleanups that it
    /// leaves, and what a [`shield`](crate::shield) runs on.
    pub fn scope<F: Future>(&'static self, value: T, future: F) -> Scoped<T, F> {
        Scoped {
            value: Some(Rc::new(value)),
            key: self,
            future: Some(future),
        }
    }

    /// Calls `f` with the value set, for it and for every task that it spawns.
    ///
    /// # Panics
    /// Outside of a runtime.
    ///
    /// ```
    /// myrt::task_local! { static USER: &'static str; }
    /// myrt::run(async {
    ///     assert_eq!(USER.sync_scope("ada", || USER.get()), "ada");
    ///     assert!(USER.try_with(|_| ()).is_err());
    /// });
    /// ```
    #[track_caller]
    pub fn sync_scope<R>(&'static self, value: T, f: impl FnOnce() -> R) -> R {
        if current::with_core(|core| core.is_none()) {
            registry::refuse("LocalKey::sync_scope was called", 0);
        }
        within(self, Rc::new(value), f)
    }

    /// Calls `f` with the value.
    ///
    /// # Panics
    /// When it is not set here.
    #[track_caller]
    pub fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        match self.try_with(f) {
            Ok(result) => result,
            Err(error) => panic!("{error}"),
        }
    }

    /// Calls `f` with the value.
    ///
    /// # Errors
    /// [`AccessError`] when it is not set here.
    pub fn try_with<R>(&'static self, f: impl FnOnce(&T) -> R) -> Result<R, AccessError> {
        let value = self.find().ok_or(AccessError(()))?;
        value.downcast_ref::<T>().map(f).ok_or(AccessError(()))
    }

    /// The value, copied out.
    ///
    /// # Panics
    /// When it is not set here.
    #[track_caller]
    pub fn get(&'static self) -> T
    where
        T: Clone,
    {
        self.with(T::clone)
    }

    fn find(&'static self) -> Option<Rc<dyn Any>> {
        let key = std::ptr::from_ref(self.identity).addr();
        current::with_core(|core| {
            let chain = core?.tasks.locals.borrow();
            let mut link = chain.as_ref();
            while let Some(here) = link {
                if here.key == key {
                    return Some(Rc::clone(&here.value));
                }
                link = here.outer.as_ref();
            }
            None
        })
    }
}

impl<T> fmt::Debug for LocalKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LocalKey")
    }
}

pin_project! {
    /// The future of [`LocalKey::scope`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct Scoped<T: 'static, F> {
        // None: taken.
        value: Option<Rc<T>>,
        key: &'static LocalKey<T>,
        #[pin]
        future: Option<F>,
    }

    impl<T: 'static, F> PinnedDrop for Scoped<T, F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.future.is_none() {
                return;
            }
            if let Some(value) = this.value.clone() {
                within(this.key, value, || this.future.set(None));
            }
        }
    }
}

impl<T: 'static, F> Scoped<T, F> {
    /// Takes the value out, after the future has ended or before it has begun. None: it was taken
    /// before, or tasks that were spawned in the scope have it still.
    ///
    /// A future that has not ended must not be polled afterwards: that panics.
    ///
    /// ```
    /// use std::cell::Cell;
    /// use std::pin::pin;
    ///
    /// myrt::task_local! { static HITS: Cell<u32>; }
    /// myrt::run(async {
    ///     let mut scope = pin!(HITS.scope(Cell::new(0), async { HITS.with(|hits| hits.set(7)) }));
    ///     scope.as_mut().await;
    ///     assert_eq!(scope.take_value(), Some(Cell::new(7)));
    /// });
    /// ```
    pub fn take_value(self: Pin<&mut Self>) -> Option<T> {
        let place = self.project().value;
        match Rc::try_unwrap(place.take()?) {
            Ok(value) => Some(value),
            Err(shared) => {
                *place = Some(shared);
                None
            }
        }
    }
}

/// Calls `f` where the key has the value; as things are outside of a runtime.
fn within<T: 'static, R>(key: &'static LocalKey<T>, value: Rc<T>, f: impl FnOnce() -> R) -> R {
    current::with_core(|core| {
        let _installed = core.map(|core| {
            let outer = core.tasks.locals.borrow().clone();
            let key = std::ptr::from_ref(key.identity).addr();
            Installed::new(core, Some(Locals::link(key, value, outer)))
        });
        f()
    })
}

impl<T: 'static, F: Future> Future for Scoped<T, F> {
    type Output = F::Output;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        if current::with_core(|core| core.is_none()) {
            registry::refuse("a scope of a task local was polled", 0);
        }
        let value = this.value.clone();
        let value = value.expect("the value of a LocalKey::scope was taken before its end");
        within(this.key, value, || {
            let mut future = this.future.as_mut();
            let running = future.as_mut().as_pin_mut();
            let polled = running
                .expect("the future of a LocalKey::scope was polled again after it was ready")
                .poll(cx);
            if polled.is_ready() {
                future.set(None); // its destructors see the value, too
            }
            polled
        })
    }
}

impl<T, F> fmt::Debug for Scoped<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scoped")
    }
}

/// Declares task locals: `task_local! { static REQUEST: u64; }`, then `REQUEST.scope(7,
/// future).await`.
///
/// ```
/// myrt::task_local! { static REQUEST: u64; }
/// myrt::run(REQUEST.scope(7, async {
///     let child = myrt::spawn(async { REQUEST.get() });
///     assert_eq!(child.await.unwrap(), 7); // inherited
/// }));
/// ```
#[macro_export]
macro_rules! task_local {
    ($($(#[$meta:meta])* $vis:vis static $name:ident : $type:ty);+ $(;)?) => {$(
        $(#[$meta])*
        $vis static $name: $crate::task::LocalKey<$type> = $crate::task::LocalKey {
            identity: {
                static IDENTITY: u8 = { let _name = ::core::stringify!($name); 0 };
                &IDENTITY
            },
            _type: ::core::marker::PhantomData,
        };
    )+};
}
