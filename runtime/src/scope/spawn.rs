//! Ways to start a child of a scope.
//!
//! Why: one file for what a user may choose about a child before it starts.

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use super::Scope;
use super::handle::{ScopedHandle, Settle, Shared};
use super::members::{BoxedWork, Member, Work};
use super::start::{Started, Starting};
use crate::executor::JoinError;
use crate::executor::error::Reason;
use crate::executor::extra::cleanup::Cleanup;
use crate::executor::id::Id;

impl<'scope, 'env, E> Scope<'scope, 'env, E> {
    /// Starts a child, which begins at the scope's next turn. Only a panic of it fails the scope.
    /// It may borrow from what was declared before the scope, and from the scope itself, so that it
    /// can spawn siblings.
    ///
    /// When the scope is ending (something failed, its deadline passed) the future is dropped at
    /// once and the handle says "cancelled".
    ///
    /// asyncio's `TaskGroup.create_task`, trio's `start_soon`.
    ///
    /// # Panics
    /// Outside of the scope's runtime.
    #[doc(alias = "create_task")]
    #[doc(alias = "start_soon")]
    #[track_caller]
    pub fn spawn<F>(&'scope self, future: F) -> ScopedHandle<F::Output>
    where
        F: Future + 'scope,
    {
        let shared = Shared::new();
        let handle = Rc::clone(&shared);
        self.begin(
            None,
            Location::caller(),
            Box::pin(Plain { future, shared }),
            handle,
        )
    }

    /// As [`Scope::spawn`], for a child that may fail: its `Err` drops the body and the other
    /// children, and becomes a part of the scope's error.
    ///
    /// # Panics
    /// Outside of the scope's runtime.
    #[track_caller]
    pub fn try_spawn<F, T>(&'scope self, future: F) -> ScopedHandle<T>
    where
        F: Future<Output = Result<T, E>> + 'scope,
        T: 'scope,
    {
        let shared = Shared::new();
        let handle = Rc::clone(&shared);
        self.begin(
            None,
            Location::caller(),
            Box::pin(Fallible { future, shared }),
            handle,
        )
    }

    /// Starts a child that says when it is up, and waits for that: `f` is given a [`Started`], and
    /// the value that it [sets](Started::set) is what this gives. The child goes on beside.
    /// Dropping this future before that cancels the child.
    ///
    /// trio's `nursery.start`.
    ///
    /// # Errors
    /// When awaited: the child ended without saying that it is up. (If it panicked, the scope
    /// fails, too.)
    ///
    /// # Panics
    /// Outside of the scope's runtime.
    ///
    /// ```
    /// use myrt::time::{Duration, sleep};
    /// myrt::run(async {
    ///     myrt::scope(async |s| {
    ///         let port = s
    ///             .start(async |started| {
    ///                 sleep(Duration::from_millis(1)).await; // bind …
    ///                 started.set(8080);
    ///                 sleep(Duration::from_millis(5)).await; // … and serve
    ///             })
    ///             .await
    ///             .unwrap();
    ///         assert_eq!(port, 8080);
    ///     })
    ///     .await
    ///     .unwrap();
    /// });
    /// ```
    #[track_caller]
    pub fn start<V, F, T>(&'scope self, f: F) -> Starting<V>
    where
        F: AsyncFnOnce(Started<V>) -> T + 'scope,
        V: 'scope,
        T: 'scope,
    {
        self.start_at(None, Location::caller(), f)
    }

    /// Names the child that is started next: `s.named("logger").spawn(..)`.
    pub fn named(&'scope self, name: impl Into<Rc<str>>) -> Named<'scope, 'env, E> {
        Named {
            scope: self,
            name: name.into(),
        }
    }

    fn start_at<V, F, T>(
        &'scope self,
        name: Option<Rc<str>>,
        at: &'static Location<'static>,
        f: F,
    ) -> Starting<V>
    where
        F: AsyncFnOnce(Started<V>) -> T + 'scope,
        V: 'scope,
        T: 'scope,
    {
        let (started, told) = Started::new();
        let shared = Shared::new();
        let handle = Rc::clone(&shared);
        let work = Box::pin(Plain {
            future: async move { f(started).await },
            shared,
        });
        let handle = self.begin(name, at, work, handle);
        Starting::new(told, handle.task(), at)
    }

    /// Adds a child, or drops it when the scope is ending. The callers box it at once: see
    /// `boxed_if_large!`.
    fn begin<T: 'scope>(
        &self,
        name: Option<Rc<str>>,
        at: &'static Location<'static>,
        work: BoxedWork<'scope, E>,
        shared: Rc<Shared<T>>,
    ) -> ScopedHandle<T> {
        let runtime = self.children.runtime();
        if self.members.closed.get() {
            drop(work);
            shared.settle(Some(cancelled(
                0,
                "its scope was ending when it was spawned",
            )));
            return ScopedHandle::new(shared, 0, runtime);
        }
        let number = self.members.reserve();
        let handle = Rc::clone(&shared);
        self.members.put(
            number,
            Member {
                work: Some(work),
                handle,
                cleanup: Cleanup::none(),
                error: None,
            },
        );
        self.children.add(number, at);
        if let Some(name) = name {
            self.children.set_name(number, name);
        }
        let identity = self.children.id(number).map_or(0, Id::identity);
        ScopedHandle::new(shared, identity, runtime)
    }
}

pub(super) fn cancelled(identity: u64, reason: &'static str) -> JoinError {
    JoinError::new(
        Id::from_identity(identity),
        Reason::Cancelled(Some(reason.into())),
    )
}

/// A scope and the name of the child to come; made by [`Scope::named`].
#[must_use = "spawn something under the name"]
pub struct Named<'scope, 'env, E> {
    scope: &'scope Scope<'scope, 'env, E>,
    name: Rc<str>,
}

impl<'scope, E> Named<'scope, '_, E> {
    /// See [`Scope::spawn`].
    ///
    /// # Panics
    /// Outside of the scope's runtime.
    #[track_caller]
    pub fn spawn<F>(self, future: F) -> ScopedHandle<F::Output>
    where
        F: Future + 'scope,
    {
        let shared = Shared::new();
        let handle = Rc::clone(&shared);
        let work = Box::pin(Plain { future, shared });
        self.scope
            .begin(Some(self.name), Location::caller(), work, handle)
    }

    /// See [`Scope::try_spawn`].
    ///
    /// # Panics
    /// Outside of the scope's runtime.
    #[track_caller]
    pub fn try_spawn<F, T>(self, future: F) -> ScopedHandle<T>
    where
        F: Future<Output = Result<T, E>> + 'scope,
        T: 'scope,
    {
        let shared = Shared::new();
        let handle = Rc::clone(&shared);
        let work = Box::pin(Fallible { future, shared });
        self.scope
            .begin(Some(self.name), Location::caller(), work, handle)
    }

    /// See [`Scope::start`].
    ///
    /// # Errors
    /// As there.
    ///
    /// # Panics
    /// Outside of the scope's runtime.
    #[track_caller]
    pub fn start<V, F, T>(self, f: F) -> Starting<V>
    where
        F: AsyncFnOnce(Started<V>) -> T + 'scope,
        V: 'scope,
        T: 'scope,
    {
        self.scope.start_at(Some(self.name), Location::caller(), f)
    }
}

impl<E> fmt::Debug for Named<'_, '_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Named")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

pin_project_lite::pin_project! {
    /// A child whose output cannot fail the scope.
    struct Plain<F: Future> {
        #[pin]
        future: F,
        shared: Rc<Shared<F::Output>>,
    }
}

impl<F: Future, E> Work<E> for Plain<F> {
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), E>> {
        let this = self.project();
        let output = ready!(this.future.poll(cx));
        this.shared.put(Ok(output));
        Poll::Ready(Ok(()))
    }
}

pin_project_lite::pin_project! {
    /// A child whose error fails the scope.
    struct Fallible<F, T> {
        #[pin]
        future: F,
        shared: Rc<Shared<T>>,
    }
}

impl<F, T, E> Work<E> for Fallible<F, T>
where
    F: Future<Output = Result<T, E>>,
{
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), E>> {
        let this = self.project();
        match ready!(this.future.poll(cx)) {
            Ok(output) => {
                this.shared.put(Ok(output));
                Poll::Ready(Ok(()))
            }
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}
