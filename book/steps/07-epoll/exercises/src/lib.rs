//! Exercises of step 7.

#[cfg_attr(feature = "solution", path = "drain_solution.rs")]
pub mod drain;
