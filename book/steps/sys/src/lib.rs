//! All unsafe code of the book up to step 11: the system calls that std lacks, and the means to
//! count.
//!
//! The steps themselves forbid it. Read [`poll`] in step 6 and [`epoll`] in step 7; [`count`] is
//! not part of the runtime.
#![allow(unsafe_code, reason = "this crate makes the system calls, so that the steps need not")]

pub mod count;
pub mod epoll;
pub mod net;
pub mod poll;
