//! Exercises of step 2.

#[cfg_attr(feature = "solution", path = "event_solution.rs")]
pub mod event;
