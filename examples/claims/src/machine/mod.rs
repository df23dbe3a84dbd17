//! The machine: processes that are measured, what the kernel says of them, and numbers made
//! readable.

pub(crate) mod child;
pub(crate) mod memory;
pub(crate) mod python;
pub(crate) mod show;
pub(crate) mod stats;
