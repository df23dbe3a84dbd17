//! To be written.

#![warn(missing_docs)]

#[allow(
    dead_code,
    unused_imports,
    reason = "the reactor that uses it comes with the next change"
)]
mod sys;

pub use sys::{FdTooLarge, ParseSelectorError, Selector};
