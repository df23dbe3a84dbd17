//! What few tasks need: children, cleanups, locals.

pub(crate) mod children;
pub(crate) mod cleanup;
pub(crate) mod local;
pub(crate) mod together;
