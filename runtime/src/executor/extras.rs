//! What few tasks have: a name, a reason, an error, callbacks, task locals, cleanups.
//!
//! Why: the slot stays 64 bytes; these things sit in one box a task, found by the
//! slot's index. The closures given to it run under a borrow, so they only move things in and out;
//! whatever runs user code (drops included) is moved out first. It must not know how these things
//! are used.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

use super::error::{Outcome, Reason, drop_caught};
use super::extra::cleanup::Cleanup;
use super::extra::local::Locals;
use super::id::Id;
use super::slot::{EXTRAS, Slot};
use super::stored::StoredWaker;

pub(crate) type Callback = Box<dyn FnOnce(Id, Outcome)>;

/// See the module's head.
#[derive(Default)]
pub(crate) struct TaskExtras {
    pub(crate) name: Option<Rc<str>>,
    /// Why it is cancelled, as the canceller said.
    pub(crate) reason: Option<Cow<'static, str>>,
    pub(crate) error: Option<Reason>,
    pub(crate) locals: Option<Rc<Locals>>,
    pub(crate) callbacks: Vec<Callback>,
    /// Those who wait for the end without taking the result (`cancel().await`).
    pub(crate) waiters: Vec<StoredWaker>,
    pub(crate) cleanup: Option<Cleanup>,
}

/// The boxes, by slot index.
pub(crate) struct ExtrasTable {
    boxes: RefCell<Vec<Option<Box<TaskExtras>>>>,
}

impl ExtrasTable {
    pub(crate) fn new() -> Self {
        Self {
            boxes: RefCell::new(Vec::new()),
        }
    }

    /// Calls `f` with the slot's box, made if it has none. `f` moves things, it runs nobody's code.
    pub(crate) fn with<R>(&self, slot: &Slot, f: impl FnOnce(&mut TaskExtras) -> R) -> R {
        let index = slot.index() as usize;
        let mut boxes = self.boxes.borrow_mut();
        if boxes.len() <= index {
            boxes.resize_with(index + 1, || None);
        }
        slot.add(EXTRAS);
        f(boxes[index].get_or_insert_default())
    }

    /// Calls `f` with the slot's box if it has one.
    pub(crate) fn peek<R>(&self, slot: &Slot, f: impl FnOnce(&TaskExtras) -> R) -> Option<R> {
        if !slot.has(EXTRAS) {
            return None;
        }
        let boxes = self.boxes.borrow();
        boxes
            .get(slot.index() as usize)
            .and_then(Option::as_deref)
            .map(f)
    }

    /// Removes the slot's box and drops what is in it, with nothing borrowed. Returns whether it
    /// had a name.
    pub(crate) fn remove(&self, slot: &Slot) -> bool {
        let index = slot.index() as usize;
        let extras = self
            .boxes
            .borrow_mut()
            .get_mut(index)
            .and_then(Option::take);
        slot.remove(EXTRAS);
        let named = extras.as_ref().is_some_and(|extras| extras.name.is_some());
        drop_caught("a destructor of what a task had", extras);
        named
    }
}
