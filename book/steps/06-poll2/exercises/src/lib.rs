//! Exercises of step 6.

#[cfg_attr(feature = "solution", path = "timeout_solution.rs")]
pub mod timeout;
