//! Exercises of step 5.

#[cfg_attr(feature = "solution", path = "heap_solution.rs")]
pub mod heap;
