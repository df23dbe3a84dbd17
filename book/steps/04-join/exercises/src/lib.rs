//! Exercises of step 4.

#[cfg_attr(feature = "solution", path = "try_join_solution.rs")]
pub mod try_join;
