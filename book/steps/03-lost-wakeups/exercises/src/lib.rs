//! Exercises of step 3.

#[cfg_attr(feature = "solution", path = "stale_solution.rs")]
pub mod stale;
