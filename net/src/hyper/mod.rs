//! hyper's four runtime traits: streams of bytes, an executor and a timer.
//!
//! hyper names no runtime; it asks for [`Read`](::hyper::rt::Read) and
//! [`Write`](::hyper::rt::Write) on the connection, and where it needs them for an
//! [`Executor`](::hyper::rt::Executor) (HTTP/2) and a [`Timer`](::hyper::rt::Timer) (time limits).
//! These are ours. Why: hyper and what is built on it (axum) run unmodified. Nothing here is about
//! HTTP.
//!
//! ```
//! # use std::{convert::Infallible, time::Duration};
//! # struct Never;
//! # impl hyper::body::Body for Never {
//! #     type Data = std::io::Cursor<Vec<u8>>;
//! #     type Error = Infallible;
//! #     fn poll_frame(
//! #         self: std::pin::Pin<&mut Self>,
//! #         _: &mut std::task::Context<'_>,
//! #     ) -> std::task::Poll<Option<Result<hyper::body::Frame<Self::Data>, Infallible>>> {
//! #         std::task::Poll::Ready(None)
//! #     }
//! # }
//! # fn example() {
//! use myrt_net::hyper::{Executor, Io, Timer};
//!
//! // Of a server: `.timer(Timer::new())` on the builder, each accepted stream as `Io::new(stream)`.
//! fn shows<T: hyper::rt::Timer, E: hyper::rt::Executor<std::future::Ready<()>>>(_: T, _: E) {}
//! shows(Timer::new(), Executor::new());
//! # }
//! ```

#[cfg(feature = "hyper-client")]
mod connector;
mod executor;
mod io;
#[cfg(feature = "hyper-server")]
mod server;
mod timer;

#[cfg(feature = "portable")]
pub use crate::portable::Portable;
#[cfg(feature = "hyper-client")]
#[cfg_attr(docsrs, doc(cfg(feature = "hyper-client")))]
pub use connector::{Connecting, Connector};
pub use executor::Executor;
pub use io::Io;
#[cfg(feature = "hyper-server")]
#[cfg_attr(docsrs, doc(cfg(feature = "hyper-server")))]
pub use server::{Answer, Hyper, IntoService, Listener, NoHandshake, Serve, Tower, Towered, serve};
pub use timer::Timer;
