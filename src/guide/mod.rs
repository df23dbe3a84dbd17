//! How a runtime works, built up in seven short chapters.
//!
//! Each chapter has code that runs (it is tested), and ends with the place where myrt does the
//! same. You need to know Rust, and need not know async Rust. Read them in order.
//!
//! 1. [A future by hand, and something that runs it](_01_a_future)
//! 2. [Wakers, and why ours is a number](_02_wakers)
//! 3. [The ready queue, and the loop](_03_the_loop)
//! 4. [Time](_04_time)
//! 5. [Sockets: the reactor](_05_the_reactor)
//! 6. [Cancellation](_06_cancellation)
//! 7. [Your own echo server](_07_an_echo_server)
//!
//! Beside the chapters: [asyncio, tokio, trio → myrt](names), what is called how; [other people's
//! crates](ecosystem), which of them run on myrt, how, and which cannot; [reports], what the
//! runtime says of a program and what to do about it; [recording], how to see a run; and the
//! [monitor], and who may talk to it.
//!
//! This module exists in the documentation only; the chapters are the files of `src/guide/`.

#[doc = include_str!("01_a_future.md")]
pub mod _01_a_future {}
#[doc = include_str!("02_wakers.md")]
pub mod _02_wakers {}
#[doc = include_str!("03_the_loop.md")]
pub mod _03_the_loop {}
#[doc = include_str!("04_time.md")]
pub mod _04_time {}
#[doc = include_str!("05_the_reactor.md")]
pub mod _05_the_reactor {}
#[doc = include_str!("06_cancellation.md")]
pub mod _06_cancellation {}
#[doc = include_str!("07_an_echo_server.md")]
pub mod _07_an_echo_server {}
#[doc = include_str!("ecosystem.md")]
pub mod ecosystem {}
#[doc = include_str!("monitor.md")]
pub mod monitor {}
#[doc = include_str!("names.md")]
pub mod names {}
#[doc = include_str!("recording.md")]
pub mod recording {}
#[doc = include_str!("reports/index.md")]
pub mod reports {
    #[doc = include_str!("reports/slow_poll.md")]
    pub mod slow_poll {}
    #[doc = include_str!("reports/deadlock.md")]
    pub mod deadlock {}
    #[doc = include_str!("reports/starved_branch.md")]
    pub mod starved_branch {}
    #[doc = include_str!("reports/self_wake_storm.md")]
    pub mod self_wake_storm {}
    #[doc = include_str!("reports/never_yields.md")]
    pub mod never_yields {}
    #[doc = include_str!("reports/large_future.md")]
    pub mod large_future {}
    #[doc = include_str!("reports/unwakeable.md")]
    pub mod unwakeable {}
    #[doc = include_str!("reports/dropped_unpolled.md")]
    pub mod dropped_unpolled {}
    #[doc = include_str!("reports/unjoined_failure.md")]
    pub mod unjoined_failure {}
    #[doc = include_str!("reports/leaked_registration.md")]
    pub mod leaked_registration {}
}
