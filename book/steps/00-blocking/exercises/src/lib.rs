//! Exercises of step 0.

#[cfg_attr(feature = "solution", path = "pool_solution.rs")]
pub mod pool;
