//! Channels between a loop and other threads, or between two loops.
//!
//! The ends are `Send` where the messages are. A task awaits; a thread without a loop uses the
//! `blocking_` methods, which refuse to stop a loop. The rest of [`sync`](super) belongs to one
//! thread and is quicker: use this where a thread is crossed, and only there.
//!
//! A wait in here is like any other of a task: other tasks run meanwhile, and dropping the future
//! loses nothing. Under a clock that is paused time does not stand still for another thread.
//!
//! Why: a thread that feeds a loop needs back-pressure, which `Remote::defer` has not. It must not
//! know tasks beyond their wakers.
//!
//! ```
//! use myrt::sync::remote::mpsc;
//!
//! myrt::run(async {
//!     let (sender, mut receiver) = mpsc::channel(2);
//!     let thread = std::thread::spawn(move || {
//!         for n in 0..100_u32 {
//!             sender.blocking_send(n).unwrap(); // waits while the channel is full
//!         }
//!     });
//!     let mut sum = 0;
//!     while let Some(n) = receiver.recv().await {
//!         sum += n;
//!     }
//!     assert_eq!(sum, 4950);
//!     thread.join().unwrap();
//! });
//! ```

pub mod mpsc;
pub mod oneshot;
mod park;
