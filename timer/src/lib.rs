//! A timing wheel without a clock. What follows is the crate's README; the promises in full stand
//! at [`Wheel`].
//!
//! This file only says what is public, because the crate is small enough to be read whole. Nothing
//! in it may know a clock, a waker, a thread or a file descriptor.
//!
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![deny(clippy::disallowed_macros)]

mod entry;
mod level;
mod slab;
mod statistics;
mod tick;
mod wheel;

pub use crate::entry::Key;
pub use crate::statistics::Statistics;
pub use crate::tick::Tick;
pub use crate::wheel::Wheel;
