//! Exercises of step 11.

#[cfg_attr(feature = "solution", path = "channel_solution.rs")]
pub mod channel;
