//! Exercises of step 8.

#[cfg_attr(feature = "solution", path = "lines_solution.rs")]
pub mod lines;
