//! Exercises of step 12.

#[cfg_attr(feature = "solution", path = "arena_solution.rs")]
pub mod arena;
