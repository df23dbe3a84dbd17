//! What a runtime tells about itself: the hooks of an observer, and the panic that nobody heard.
//!
//! It exists so that tools see what happens without the runtime knowing the tools. It must not know how anything
//! is done, only what happened.

use std::fmt;
use std::panic::Location;
use std::rc::Rc;

use crate::task::id::Id;

/// A panic that no join will hear of: of a detached task, of a callback, of an async cleanup; or a cleanup that was cut.
///
/// Given to the hook of [`Builder::on_unhandled`](crate::runtime::Builder::on_unhandled); without a hook it is
/// printed to stderr. asyncio's `call_exception_handler`.
#[derive(Debug)]
#[non_exhaustive]
pub struct Unhandled<'a> {
    /// What panicked, in words.
    pub what: &'static str,
    /// The task's id, if it was a task.
    pub id: Option<Id>,
    /// The task's name, if it has one.
    pub name: Option<&'a str>,
    /// Where the task was spawned.
    pub spawned_at: Option<&'static Location<'static>>,
    /// The panic's text.
    pub message: &'a str,
}

/// Where unhandled panics go.
pub(crate) type UnhandledHook = Rc<dyn Fn(&Unhandled<'_>)>;

impl fmt::Display for Unhandled<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "myrt: {}", self.what)?;
        if let Some(id) = self.id {
            write!(f, " ({id}")?;
            if let Some(name) = self.name {
                write!(f, " {name:?}")?;
            }
            if let Some(at) = self.spawned_at {
                write!(f, ", spawned at {at}")?;
            }
            f.write_str(")")?;
        }
        write!(f, " failed and nobody awaits it: {}", self.message)
    }
}

/// Hooks that are called as things happen. All have empty defaults; none is called when no observer is installed.
///
/// They run on the loop's thread, between polls, with nothing of the runtime borrowed. trio's `Instrument`.
pub trait Observer {
    /// A turn of the loop begins.
    fn turn_started(&self, _turn: u64) {}
    /// The loop is about to ask the selector, and may sleep this long (`None`: until something happens).
    fn parking(&self, _timeout: Option<std::time::Duration>) {}
    /// The selector answered with this many events.
    fn unparked(&self, _events: usize) {}
    /// A batch of polls ended.
    fn batch_ended(&self, _ready: usize) {}
}
