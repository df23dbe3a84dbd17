//! Exercises of step 13.

#[cfg_attr(feature = "solution", path = "blocker_solution.rs")]
pub mod blocker;
