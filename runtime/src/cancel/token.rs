//! `CancelToken`: a wish to stop that code can look at, in trees.
//!
//! Why: cancelling a task cannot say "stop taking new work", to many places at once.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, ready};

use slab::Slab;

use crate::executor::extra::cleanup;
use crate::executor::extra::cleanup::Cleanup;
use crate::executor::info::is_cancelling;
use crate::executor::{Wait, WaitNote};
use crate::sync::wait_list::{Key, WaitQueue};
use crate::sync::wakes::Wakes;

/// A wish to stop that clones share. Cancelling a token cancels the tokens made by its
/// [`child`](CancelToken::child), never its parent.
///
/// It is of one thread (`!Send`, no atomics); to cancel from another one, send a message with
/// [`Remote`](crate::runtime::Remote). Tokens that are dropped leave nothing behind in their
/// parents.
///
/// tokio-util's `CancellationToken`.
///
/// ```
/// use myrt::CancelToken;
/// myrt::run(async {
///     let token = CancelToken::new();
///     let request = token.child();
///     let wait = std::future::pending::<()>();
///     let worker = myrt::spawn(async move { request.run_until_cancelled(wait).await });
///     myrt::yield_now().await;
///     token.cancel();
///     assert_eq!(worker.await.unwrap(), None);
/// });
/// ```
#[doc(alias = "CancellationToken")]
#[derive(Clone, Default)]
pub struct CancelToken {
    node: Rc<Node>,
}

#[derive(Default)]
struct Node {
    cancelled: Cell<bool>,
    waiters: WaitQueue<()>,
    children: RefCell<Slab<Weak<Self>>>,
    /// The parent, and this node's place among its children.
    parent: Option<(Rc<Self>, usize)>,
}

impl CancelToken {
    /// A token that nobody has cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A token that is cancelled when this one is, or by itself. Cancelled from the start, if this
    /// one is.
    #[must_use]
    pub fn child(&self) -> Self {
        if self.is_cancelled() {
            let token = Self::new();
            token.node.cancelled.set(true);
            return token;
        }
        let node = Rc::new_cyclic(|child| {
            let place = self.node.children.borrow_mut().insert(Weak::clone(child));
            let mut node = Node::default();
            node.parent = Some((Rc::clone(&self.node), place));
            node
        });
        Self { node }
    }

    /// Cancels this token and everything below it. Those who wait are woken, in the order in which
    /// they began to wait, a token's own before its children's. Again: nothing happens.
    pub fn cancel(&self) {
        let mut next = vec![Rc::clone(&self.node)];
        let mut wakes = Vec::new();
        while let Some(node) = next.pop() {
            if node.cancelled.replace(true) {
                continue;
            }
            // Woken when all are cancelled: a waker that panics must spare no child.
            wakes.push(node.waiters.grant_all(|()| ()));
            let children = node.children.take();
            let children: Vec<_> = children
                .into_iter()
                .filter_map(|(_, child)| child.upgrade())
                .collect();
            next.extend(children.into_iter().rev());
        }
        wakes.into_iter().for_each(Wakes::wake);
    }

    /// Whether it is cancelled.
    #[inline]
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.node.cancelled.get()
    }

    /// Waits until it is cancelled; at once if it is. Cancel safe.
    #[track_caller]
    pub fn cancelled(&self) -> Cancelled {
        Cancelled {
            node: Rc::clone(&self.node),
            key: None,
            at: Location::caller(),
        }
    }

    /// Awaits `future` until the token is cancelled: `None` then, after `future` was dropped and
    /// its async cleanups awaited. A future that is ready at the moment of the cancel wins. Where
    /// the token is cancelled already, `future` is not polled at all.
    #[track_caller]
    pub fn run_until_cancelled<F: IntoFuture>(
        &self,
        future: F,
    ) -> RunUntilCancelled<F::IntoFuture> {
        RunUntilCancelled {
            future: Some(future.into_future()),
            cancelled: self.cancelled(),
            begun: false,
            cleanup: Cleanup::none(),
        }
    }

    /// A guard that cancels this token when it is dropped.
    #[must_use = "dropping the guard cancels the token"]
    pub fn guard(&self) -> CancelGuard {
        CancelGuard {
            token: Some(self.clone()),
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // In a loop, not by recursion: a chain of tokens may be long.
        let mut parent = self.parent.take();
        while let Some((node, place)) = parent {
            // After a cancel the parent's list is empty, or has others in it.
            let mut children = node.children.borrow_mut();
            if children
                .get(place)
                .is_some_and(|child| child.strong_count() == 0)
            {
                children.remove(place);
            }
            drop(children);
            parent = Rc::into_inner(node).and_then(|mut node| node.parent.take());
        }
    }
}

impl fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelToken")
            .field("cancelled", &self.is_cancelled())
            .finish_non_exhaustive()
    }
}

/// The future of [`CancelToken::cancelled`].
#[must_use = "futures do nothing unless awaited"]
pub struct Cancelled {
    node: Rc<Node>,
    key: Option<Key>,
    at: &'static Location<'static>,
}

impl Future for Cancelled {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let node = &this.node;
        let note = WaitNote::new(Wait::Event(Rc::as_ptr(node).addr()), this.at);
        let look = || node.cancelled.get().then_some(()).ok_or(());
        node.waiters.poll(&mut this.key, cx, note, look)
    }
}

impl Drop for Cancelled {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.node.waiters.leave(key);
        }
    }
}

impl fmt::Debug for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cancelled")
            .field("cancelled", &self.node.cancelled.get())
            .finish_non_exhaustive()
    }
}

pin_project_lite::pin_project! {
    /// The future of [`CancelToken::run_until_cancelled`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct RunUntilCancelled<F> {
        #[pin]
        future: Option<F>,
        #[pin]
        cancelled: Cancelled,
        begun: bool,
        cleanup: Cleanup,
    }
}

impl<F: Future> Future for RunUntilCancelled<F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Some(future) = this.future.as_mut().as_pin_mut() {
            let never = !*this.begun && this.cancelled.node.cancelled.get();
            if !never {
                *this.begun = true;
                if let Poll::Ready(output) = future.poll(cx) {
                    return Poll::Ready(Some(output));
                }
                // A task that is cancelled itself ends here, where its future waits.
                if this.cancelled.as_mut().poll(cx).is_pending() || is_cancelling() {
                    return Poll::Pending;
                }
            } else {
                ready!(this.cancelled.as_mut().poll(cx));
            }
            let mark = cleanup::mark();
            this.future.set(None);
            this.cleanup.take_over(mark);
        }
        this.cleanup
            .poll_with_left(cx, cleanup::mark())
            .map(|()| None)
    }
}

impl<F> fmt::Debug for RunUntilCancelled<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunUntilCancelled")
            .field("cancelled", &self.cancelled)
            .finish_non_exhaustive()
    }
}

/// Cancels its token when dropped; made by [`CancelToken::guard`].
#[must_use = "dropping the guard cancels the token"]
#[derive(Debug)]
pub struct CancelGuard {
    token: Option<CancelToken>,
}

impl CancelGuard {
    /// Takes the token out: nothing is cancelled.
    ///
    /// # Panics
    /// Never: a guard has its token until then.
    #[must_use]
    pub fn disarm(mut self) -> CancelToken {
        self.token
            .take()
            .expect("a guard has its token until it is disarmed")
    }
}

impl Drop for CancelGuard {
    fn drop(&mut self) {
        if let Some(token) = self.token.take() {
            token.cancel();
        }
    }
}
