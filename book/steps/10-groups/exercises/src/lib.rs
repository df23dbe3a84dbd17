//! Exercises of step 10.

#[cfg_attr(feature = "solution", path = "first_ok_solution.rs")]
pub mod first_ok;
