//! Moving bytes from one descriptor to another without taking them into the program: splice(2) and
//! sendfile(2).
//!
//! [`io::copy`](crate::io::copy) cannot do this by itself: it knows its two sides as traits, which
//! say nothing of descriptors, and Rust cannot ask a type what else it is. So these are functions
//! of their own, for the types that have descriptors. Where the system cannot (they are Linux's)
//! they copy: the result is the same. It knows no protocol.

mod ends;
mod send_file;
mod splice;

pub use ends::{SpliceFrom, SpliceTo};
pub use send_file::{SendFile, send_file};
pub use splice::{Splice, SpliceBidirectional, splice, splice_bidirectional};
