//! A failure that no join will hear of, and how it is reported.

use std::fmt;
use std::panic::Location;
use std::rc::Rc;

use crate::executor::id::Id;
use crate::foreign;

/// A panic that no join will hear of: of a detached task, of a callback, of an async cleanup; or a
/// cleanup that was cut.
///
/// Given to the hook of [`Builder::on_unhandled`](crate::runtime::Builder::on_unhandled); without a
/// hook it is printed to stderr. asyncio's `call_exception_handler`.
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
                write!(f, " {}", foreign::quoted(name))?;
            }
            if let Some(at) = self.spawned_at {
                write!(f, ", spawned at {at}")?;
            }
            f.write_str(")")?;
        }
        write!(f, " failed and nobody awaits it: {}", self.message)
    }
}
