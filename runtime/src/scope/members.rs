//! The children of a scope, by number, and what has failed so far.
//!
//! Why: every borrow of them is in this file, and short. Nothing here runs user code.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use slab::Slab;

use super::error::Failure;
use super::handle::Settle;
use crate::executor::JoinError;
use crate::executor::extra::cleanup::Cleanup;

/// A child's future, with its output's type forgotten: that goes to the handle. Ready with an error
/// if that fails the scope.
pub(super) trait Work<E> {
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), E>>;
}

pub(super) type BoxedWork<'scope, E> = Pin<Box<dyn Work<E> + 'scope>>;

/// One child.
pub(super) struct Member<'scope, E> {
    /// Gone once it is ready, and out of here while it is polled.
    pub(super) work: Option<BoxedWork<'scope, E>>,
    pub(super) handle: Rc<dyn Settle + 'scope>,
    /// What it left behind.
    pub(super) cleanup: Cleanup,
    /// What the handle will say, where there is no output.
    pub(super) error: Option<JoinError>,
}

/// See the module's head. Numbers begin at 1: 0 is the body's.
pub(super) struct Members<'scope, E> {
    children: RefCell<Slab<Option<Member<'scope, E>>>>,
    failures: RefCell<Vec<Failure<E>>>,
    /// No child may be added any more.
    pub(super) closed: Cell<bool>,
    pub(super) elapsed: Cell<bool>,
}

impl<'scope, E> Members<'scope, E> {
    pub(super) fn new() -> Self {
        Self {
            children: RefCell::new(Slab::new()),
            failures: RefCell::new(Vec::new()),
            closed: Cell::new(false),
            elapsed: Cell::new(false),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.children.borrow().len()
    }

    pub(super) fn numbers(&self) -> Vec<u32> {
        self.children
            .borrow()
            .iter()
            .map(|(index, _)| number_of(index))
            .collect()
    }

    /// A number for a child that is put in right after.
    pub(super) fn reserve(&self) -> u32 {
        number_of(self.children.borrow_mut().insert(None))
    }

    /// Puts a child in, or back in.
    pub(super) fn put(&self, number: u32, member: Member<'scope, E>) {
        if let Some(empty) = self.children.borrow_mut().get_mut(index_of(number)) {
            let before = empty.replace(member);
            debug_assert!(
                before.is_none(),
                "a child's place is empty while it is away"
            );
        }
    }

    /// Takes a child out; its number stays its own.
    pub(super) fn take(&self, number: u32) -> Option<Member<'scope, E>> {
        self.children.borrow_mut().get_mut(index_of(number))?.take()
    }

    /// Frees the number of a child that was taken out.
    pub(super) fn free(&self, number: u32) {
        let empty = self.children.borrow_mut().try_remove(index_of(number));
        debug_assert!(
            !matches!(empty, Some(Some(_))),
            "only what was taken out is freed"
        );
    }

    pub(super) fn fail(&self, failure: Failure<E>) {
        self.failures.borrow_mut().push(failure);
    }

    pub(super) fn fail_by_panic(&self, panic: Box<dyn Any + Send>) {
        self.fail(Failure::Panic(panic));
    }

    pub(super) fn has_failed(&self) -> bool {
        self.elapsed.get() || !self.failures.borrow().is_empty()
    }

    pub(super) fn take_failures(&self) -> Vec<Failure<E>> {
        self.failures.take()
    }

    /// Gives the memory of the empty table back.
    pub(super) fn clear(&self) {
        drop(self.children.take());
    }
}

fn number_of(index: usize) -> u32 {
    u32::try_from(index + 1).expect("fewer than 2^28 tasks at once")
}

fn index_of(number: u32) -> usize {
    number as usize - 1
}
