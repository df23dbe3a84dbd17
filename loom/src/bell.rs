//! What the models need in place of the selector: a bell that stays rung until it is heard, as an
//! eventfd does.
//!
//! It says only what the selector's contract says: notifications made before or during a wait end
//! one wait. Loom's `Notify` is just that, and now and then ends a wait for no reason, as a
//! socket's event would.

use loom::sync::Notify;

/// The model of the eventfd and of the selector that sleeps on it.
pub(crate) struct Bell(Notify);

impl Bell {
    pub(crate) fn new() -> Self {
        Self(Notify::new())
    }

    pub(crate) fn ring(&self) {
        self.0.notify();
    }

    pub(crate) fn wait(&self) {
        self.0.wait();
    }
}
