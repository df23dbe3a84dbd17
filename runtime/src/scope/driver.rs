//! How a scope runs: body and children polled one by one as they are woken, failures heard,
//! everything ended.
//!
//! Children are polled and dropped only here. No borrow of `members` is held across either.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::Scope;
use super::error::{Failure, ScopeError};
use super::members::Member;
use super::spawn::cancelled;
use crate::executor::JoinError;
use crate::executor::error::{Reason, message};
use crate::executor::extra::cleanup::{self, Cleanup};
use crate::executor::id::Id;
use crate::executor::info::is_cancelling;
use crate::executor::wait::{poll_share, take_share};
use crate::time::{Instant, Sleep};

/// The body's number among the children.
const BODY: u32 = 0;
/// Children polled in one poll of the scope; the others wait behind other tasks.
const SHARE: usize = 64;

/// Runs a scope to its end. `judge` says whether the body's output is a failure.
pub(super) async fn drive<'scope, 'env, E, B: Future, T>(
    scope: &'scope Scope<'scope, 'env, E>,
    mut body: Pin<&mut Option<B>>,
    judge: impl FnOnce(B::Output) -> Result<T, E>,
) -> Result<T, ScopeError<E>> {
    // The body, which is the caller's, goes after this: when the scope is cancelled, its children
    // are dropped before it.
    let guard = Guard { scope };
    let mut main = Main {
        output: None,
        judge: Some(judge),
        cleanup: Cleanup::none(),
    };
    let mut timer = None;
    scope.children.add_part(BODY, scope.at);
    poll_fn(|cx| scope.poll(cx, &mut (body.as_mut(), &mut main), &mut timer)).await;
    let (failures, elapsed) = (scope.members.take_failures(), scope.members.elapsed.get());
    drop(guard);
    match main.output {
        Some(output) if failures.is_empty() && !elapsed => Ok(output),
        _ => Err(ScopeError::new(failures, elapsed)),
    }
}

/// What belongs to the body beside its future.
struct Main<T, J> {
    output: Option<T>,
    judge: Option<J>,
    cleanup: Cleanup,
}

/// The body, with its types forgotten.
trait Body<E> {
    /// Polls it, and what it left behind. Ready: both are over. A failure is told when it happens.
    fn poll(&mut self, cx: &mut Context<'_>, fail: &mut dyn FnMut(Failure<E>)) -> Poll<()>;
    /// Drops it at its await point; gives back what its destructor panicked with.
    fn end(&mut self) -> Option<Box<dyn Any + Send>>;
    fn is_over(&self) -> bool;
}

impl<B, T, E, J> Body<E> for (Pin<&mut Option<B>>, &mut Main<T, J>)
where
    B: Future,
    J: FnOnce(B::Output) -> Result<T, E>,
{
    fn poll(&mut self, cx: &mut Context<'_>, fail: &mut dyn FnMut(Failure<E>)) -> Poll<()> {
        let (future, main) = self;
        let mark = cleanup::mark();
        if let Some(body) = future.as_mut().as_pin_mut() {
            match catch_unwind(AssertUnwindSafe(|| body.poll(cx))) {
                Ok(Poll::Pending) => {}
                Ok(Poll::Ready(output)) => {
                    drop_caught(|| future.set(None), fail);
                    match main.judge.take().map(|judge| judge(output)) {
                        Some(Ok(output)) => main.output = Some(output),
                        Some(Err(error)) => fail(Failure::Error(error)),
                        None => {}
                    }
                }
                Err(panic) => {
                    drop_caught(|| future.set(None), fail);
                    fail(Failure::Panic(panic));
                }
            }
        }
        let cleaned = main.cleanup.poll_with_left(cx, mark).is_ready();
        if future.is_none() && cleaned {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    fn end(&mut self) -> Option<Box<dyn Any + Send>> {
        let (future, main) = self;
        cleanup::drop_into(&mut main.cleanup, None, || future.set(None))
    }

    fn is_over(&self) -> bool {
        self.0.is_none() && self.1.cleanup.is_empty()
    }
}

/// Drops something of the user's; a panic of its destructor is a failure.
fn drop_caught<E>(drop: impl FnOnce(), fail: &mut dyn FnMut(Failure<E>)) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(drop)) {
        fail(Failure::Panic(panic));
    }
}

impl<E> Scope<'_, '_, E> {
    /// One poll of the scope.
    fn poll(
        &self,
        cx: &mut Context<'_>,
        body: &mut dyn Body<E>,
        timer: &mut Option<Sleep>,
    ) -> Poll<()> {
        self.children.set_owner(cx.waker());
        self.children.set_whole(BODY);
        // Its children have shares of their own: a loop over scopes that are ready at once gives
        // way by this one.
        ready!(poll_share(cx));
        // Those that are ready now, and not those that become so meanwhile: two errors of one
        // moment are both heard, and a child that wakes itself waits for the others.
        for _ in 0..self.children.ready_len().min(SHARE) {
            match self.children.next_ready() {
                Some(BODY) => self.poll_body(body),
                Some(number) => self.poll_child(number),
                None => break,
            }
        }
        if self.members.has_failed() && !self.members.closed.get() {
            self.end(body, "its scope failed");
        }
        if self.is_over(body) {
            take_share();
            return Poll::Ready(());
        }
        // Where the task that has the scope is cancelled itself, it ends here.
        if self.poll_deadline(cx, timer) && !self.members.closed.get() && !is_cancelling() {
            self.members.elapsed.set(true);
            self.end(body, "its scope's deadline has passed");
            if self.is_over(body) {
                take_share();
                return Poll::Ready(());
            }
        }
        if self.children.ready_len() > 0 {
            cx.waker().wake_by_ref();
        }
        self.children.note_wait(BODY, self.at);
        Poll::Pending
    }

    fn is_over(&self, body: &dyn Body<E>) -> bool {
        let over = body.is_over() && self.members.len() == 0;
        if over {
            self.members.closed.set(true);
        }
        over
    }

    fn poll_body(&self, body: &mut dyn Body<E>) {
        let _ = self.children.poll(BODY, |cx| {
            body.poll(cx, &mut |failure| self.members.fail(failure))
        });
    }

    /// Whether the deadline has passed; if not, sees to it that the scope is woken then.
    fn poll_deadline(&self, cx: &mut Context<'_>, timer: &mut Option<Sleep>) -> bool {
        let Some(deadline) = self.deadline.get().filter(|_| !self.members.closed.get()) else {
            return false;
        };
        let timer = timer.get_or_insert_with(|| Sleep::at(deadline, self.at));
        if timer.deadline() != deadline {
            timer.reset(deadline);
        }
        // Asked first, so that a budget that is used up does not hide it.
        Instant::now() >= deadline || Pin::new(timer).poll(cx).is_ready()
    }

    /// Polls a child: its future, and what that left behind. Drops it if it is cancelled.
    fn poll_child(&self, number: u32) {
        let Some(mut member) = self.members.take(number) else {
            return;
        };
        loop {
            if member.work.is_some() && self.children.is_cancelled(number) {
                let reason = self.children.take_reason(number);
                self.drop_work(number, &mut member, Reason::Cancelled(reason));
            }
            if self
                .children
                .poll(number, |cx| self.poll_member(number, &mut member, cx))
                .is_ready()
            {
                return self.end_child(number, member);
            }
            // It may have cancelled itself.
            if member.work.is_none() || !self.children.is_cancelled(number) {
                return self.members.put(number, member);
            }
        }
    }

    fn poll_member(
        &self,
        number: u32,
        member: &mut Member<'_, E>,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        let mark = cleanup::mark();
        if let Some(work) = &mut member.work {
            let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx)));
            if !matches!(polled, Ok(Poll::Pending)) {
                let work = member.work.take();
                drop_caught(|| drop(work), &mut |failure| self.members.fail(failure));
                if matches!(polled, Ok(Poll::Ready(Ok(())))) && self.children.is_cancelled(number) {
                    // In the poll that brought it to its end: the output goes.
                    let reason = Reason::Cancelled(self.children.take_reason(number));
                    let id = Id::from_identity(self.identity(number));
                    member.error = Some(JoinError::new(id, reason));
                }
                self.children.set_finishing(number);
            }
            match polled {
                Ok(Poll::Pending | Poll::Ready(Ok(()))) => {}
                Ok(Poll::Ready(Err(error))) => {
                    let identity = self.identity(number);
                    member.error = Some(cancelled(
                        identity,
                        "it failed; its error is in that of the scope",
                    ));
                    self.members.fail(Failure::Error(error));
                }
                Err(panic) => {
                    member.error = Some(self.panicked(number, panic.as_ref()));
                    self.members.fail_by_panic(panic);
                }
            }
        }
        let cleaned = member.cleanup.poll_with_left(cx, mark).is_ready();
        if member.work.is_none() && cleaned {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Drops a child's future at its await point, as the child.
    fn drop_work(&self, number: u32, member: &mut Member<'_, E>, reason: Reason) {
        let Some(work) = member.work.take() else {
            return;
        };
        self.children.set_finishing(number);
        member.error = Some(JoinError::new(
            Id::from_identity(self.identity(number)),
            reason,
        ));
        let dropped = || drop(work);
        if let Some(panic) = self
            .children
            .drop_into(number, &mut member.cleanup, dropped)
        {
            member.error = Some(self.panicked(number, panic.as_ref()));
            self.members.fail_by_panic(panic);
        }
    }

    /// A child and its cleanups are over.
    fn end_child(&self, number: u32, member: Member<'_, E>) {
        self.members.free(number);
        self.children.release(number);
        let Member { handle, error, .. } = member;
        handle.settle(error);
        // The last one who knows the output may drop it here.
        drop_caught(|| drop(handle), &mut |failure| self.members.fail(failure));
    }

    /// Drops what has not ended: children, then the body. Their cleanups run on as children of the
    /// scope.
    fn end(&self, body: &mut dyn Body<E>, reason: &'static str) {
        self.members.closed.set(true);
        for number in self.members.numbers() {
            if let Some(mut member) = self.members.take(number) {
                self.drop_work(number, &mut member, Reason::Cancelled(Some(reason.into())));
                self.members.put(number, member);
            }
        }
        if let Some(panic) = body.end() {
            self.members.fail_by_panic(panic);
        }
        for number in self.members.numbers() {
            self.poll_child(number);
        }
        self.poll_body(body);
    }

    fn identity(&self, number: u32) -> u64 {
        self.children.id(number).map_or(0, Id::identity)
    }

    /// What a child's handle says of its panic; the panic itself is the scope's.
    fn panicked(&self, number: u32, panic: &(dyn Any + Send)) -> JoinError {
        let text = message(panic)
            .unwrap_or("(a value that is not a text)")
            .to_owned();
        JoinError::new(
            Id::from_identity(self.identity(number)),
            Reason::Panic(Box::new(text)),
        )
    }
}

/// Empties the scope, however its future ends.
struct Guard<'scope, 'env, E> {
    scope: &'scope Scope<'scope, 'env, E>,
}

impl<E> Drop for Guard<'_, '_, E> {
    fn drop(&mut self) {
        let scope = self.scope;
        scope.members.closed.set(true);
        let mut left = Vec::new();
        // The scope is closed, so no destructor adds a child.
        for number in scope.members.numbers() {
            let Some(mut member) = scope.members.take(number) else {
                scope.members.free(number); // it was being polled when that was given up
                continue;
            };
            scope.drop_work(
                number,
                &mut member,
                Reason::Cancelled(Some("its scope was dropped".into())),
            );
            left.push(std::mem::replace(&mut member.cleanup, Cleanup::none()));
            scope.end_child(number, member);
        }
        cleanup::leave_together(left);
        for failure in scope.members.take_failures() {
            match failure {
                Failure::Panic(panic) => cleanup::report_panic(panic),
                Failure::Error(error) => drop(error), // its handle has said so
            }
        }
        scope.members.clear();
    }
}
