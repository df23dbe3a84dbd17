//! Exercises of step 1.

#[cfg_attr(feature = "solution", path = "both_solution.rs")]
pub mod both;
