//! A simulated world: several hosts, a hostile network, one clock and one seed, in one thread.
//!
//! The program under test is the one that runs in production: its executor, timers, sockets,
//! cancellation, and the crates on top of them. What changes is below: sockets, names, clocks and
//! entropy answer from the world. A test runs many seeds; one that fails repeats exactly, and is
//! made shorter until only what matters is left.
//!
//! ```
//! use std::time::Duration;
//!
//! use myrt::net::{TcpListener, TcpStream};
//! use myrt::sim::World;
//!
//! async fn server() -> std::io::Result<()> {
//!     let listener = TcpListener::bind("0.0.0.0:80").await?;
//!     loop {
//!         let (stream, _) = listener.accept().await?;
//!         myrt::spawn(async move { stream.write_all(b"hello").await });
//!     }
//! }
//!
//! let mut world = World::new(17);
//! world.net().latency(Duration::from_millis(1)..Duration::from_millis(20)).loss(0.01);
//! world.host("server", server);
//! world.client("client", async {
//!     let stream = TcpStream::connect("server:80").await.unwrap();
//!     let mut text = [0; 5];
//!     stream.read_exact(&mut text).await.unwrap();
//!     assert_eq!(&text, b"hello");
//! });
//! let summary = world.run().unwrap();
//! assert!(summary.simulated >= Duration::from_millis(3));
//! ```
//!
//! As a test, [`sim::test`](macro@test) runs the body once for each seed:
//!
//! ```
//! use std::time::Duration;
//!
//! #[myrt::sim::test(seeds = 200)]
//! fn a_message_arrives(world: &mut myrt::sim::World) {
//!     world.client("app", async { /* … */ });
//!     world.run_for(Duration::from_secs(60)).unwrap();
//! }
//! ```
//!
//! | variable | what `cargo test` does then |
//! |---|---|
//! | `MYRT_SIM_SEED=17` | runs that seed alone |
//! | `MYRT_SIM_SEEDS=100000` | runs that many |
//! | `MYRT_SIM_TAPE=file` | repeats the run of a tape, which a failing test has written |
//! | `MYRT_SIM_CHECK=1` | runs each seed twice and compares a hash of all events |
//!
//! # What is simulated
//!
//! **TCP and UDP** of IPv4 (and IPv6's loopback), as Linux has them: buffers and back-pressure,
//! half-close, resets, backlogs, errors. A host has one address of 10.0.0.0/16, its name resolves
//! to it, and `127.0.0.1` is the host itself. **Time**: [`time::Instant`](crate::time::Instant),
//! `std::time::Instant` and `SystemTime` say the world's time, which passes only while everyone
//! waits. **Chance**: `HashMap`'s order, `getrandom` and the crates above it come from the seed.
//! **Blocking work**: `spawn_blocking` runs on the loop, in a later step.
//!
//! # What a world has not
//!
//! Inside of a world these fail with an error of the kind `Unsupported` that names them: Unix
//! sockets, `fs`, `process`, `signal`, standard input, `splice` and `send_file`, multicast and
//! broadcast, connections to addresses that no host has. Threads that a program starts are real:
//! what they do does not repeat. What cannot be caught are the processor's own clock and random
//! numbers (RDTSC, RDRAND), and system calls that are made without libc. Hashers that mix in
//! addresses (`ahash`, `foldhash`) repeat within a process, and between processes where address
//! randomisation is off (`setarch -R`). Linux only.

#[doc(inline)]
pub use myrt_macros::sim_test as test;
#[doc(inline)]
pub use myrt_sim::{
    Chaos, Failure, FailureKind, Host, Link, Net, ParseTapeError, Summary, Tape, World, always,
    eventually, is_simulated, random, sometimes,
};
#[doc(hidden)]
pub use myrt_sim::{check, runner};
