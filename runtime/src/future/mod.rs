//! Several futures within one task: `join!`, `select!`, the gather family, `JoinSet`.
//!
//! There are two kinds. The macros `join!`, `try_join!` and `select!` poll all of their branches at
//! each wake, allocate nothing and suit a handful of futures; gathers give each future a waker of
//! its own, so that waking one of 10,000 polls one. Must not depend on: loop, reactor, scope.
//!
//! Reading order: `maybe_done.rs` (a future, then its output) · `group.rs` (the engine of all gathers) ·
//! `gather.rs` · `tuple.rs` · `as_completed.rs` · `race.rs` · `join.rs` · `select.rs` ·
//! `join_set.rs` · `wait.rs`.

mod as_completed;
mod gather;
mod group;
mod join;
mod join_set;
mod maybe_done;
mod race;
mod select;
#[cfg(test)]
mod tests;
mod tuple;
mod wait;

pub use as_completed::{AsCompleted, Next, as_completed};
pub use gather::{Gather, TryGather, gather, try_gather};
pub use join_set::{JoinNext, JoinSet};
pub use race::{FirstOk, Race, first_ok, race};
pub use tuple::{GatherTuple, TryGatherTuple};
pub use wait::{Waiting, When, wait};

/// What the macros expand to. Not for use by hand.
#[doc(hidden)]
pub mod private {
    // Bound of an associated type of `Tuple`: older compilers ask for it here.
    pub use super::group::Places;
    pub use super::join::{
        CleanupsLeft, FirstDropped, NextDropped, Rotation, Siblings, cleanup_mark, cleanups_since,
    };
    pub use super::maybe_done::MaybeDone;
    pub use super::select::{NO_SHARE, give_way, random_first};
    pub use super::tuple::{Tuple, gather_tuple, try_gather_tuple};
    pub use crate::executor::has_share;
    pub use std::future::{Future, IntoFuture, poll_fn};
    pub use std::pin::{Pin, pin};
    pub use std::task::Poll;
}
