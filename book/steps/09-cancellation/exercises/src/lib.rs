//! Exercises of step 9.

#[cfg_attr(feature = "solution", path = "save_solution.rs")]
pub mod save;
