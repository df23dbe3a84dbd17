//! The attributes `#[myrt::main]`, `#[myrt::test]` and `#[myrt::sim::test]`. Part of myrt: use them
//! through the `myrt` crate.
//!
//! An `async fn` cannot be called by the operating system or the test harness, so these attributes
//! put a plain function of the same name, return type and attributes around it:
//!
//! ```text
//! #[myrt::main(debug)]                    fn main() -> io::Result<()> {
//! async fn main() -> io::Result<()> {         async fn main() -> io::Result<()> {
//!     serve().await                   =>          serve().await
//! }                                           }
//!                                             ::myrt::__private::main(
//!                                                 ::myrt::runtime::Builder::new().debug(true),
//!                                                 main(),
//!                                             )
//!                                         }
//! ```
//!
//! The function that was written stays a whole `async fn`, token for token. It would be shorter to
//! wrap its body in an `async` block, but the compiler does not tell such a block what it is to
//! return: a `?` then lacks a type, and a wrong last line is reported as a wrong block. In a
//! function both are reported where they are.
//!
//! Everything is done with the compiler's own `proc_macro` types. What has to be recognised is one
//! function header, for which a parser of the whole language would triple the build time of a small
//! program.
//!
//! The facade's `__private::{main, test}` build and run the runtime; this crate only calls them.

#![forbid(unsafe_code)]
#![deny(clippy::disallowed_macros)]

mod error;
mod expand;
mod function;
mod options;

use proc_macro::TokenStream;

/// Runs an `async fn` on a new runtime; for the program's `main`.
///
/// The function may return whatever a plain `main` may: `()`, `Result<(), E>` with `E: Debug`, an
/// `ExitCode`. It runs as with `myrt::run`: when it returns, the remaining tasks are cancelled and
/// their cleanups waited for; Ctrl-C does the same, and ends the process with status 130. It takes
/// no arguments (read `std::env::args`) and no generics. Any other function may carry the attribute
/// too: it becomes a plain function which runs to its end in a runtime of its own, and therefore
/// must not be called from within a task.
///
/// # Options
///
/// | option | value | as the builder's |
/// |---|---|---|
/// | `debug` | none, or `true`, `false` | `debug(true)`: slow polls and forgotten things are reported |
/// | `start_paused` | none, or `true`, `false` | `start_paused(true)`: time stands still, and leaps to the next deadline |
/// | `selector` | `"epoll"`, `"epoll-level"`, `"epoll-oneshot"`, `"kqueue"`, `"poll"`, `"select"` | `selector(Selector::Poll)` |
/// | `seed` | an integer | `seed(7)`: the seed of every random choice |
/// | `lints` | `"off"`, `"warn"`, `"deny"` | `lints(Lints::Deny)` |
/// | `tokio_context` | none, or `true`, `false` | with the feature `tokio-context`: `compat::tokio_context()`, held around it, for crates that want tokio's |
/// | `crate` | `"path::to::myrt"` | where to find myrt, if it was renamed or re-exported |
///
/// An option that is not given is left to the environment (`MYRT_DEBUG`, `MYRT_LINTS`,
/// `MYRT_SELECTOR`, `MYRT_SEED`), then to the default.
///
/// # Panics
///
/// The function that is generated panics when no runtime can be made (no file descriptors left, an
/// unavailable selector), and when it is called inside a runtime.
///
/// # Examples
///
/// ```
/// use std::num::ParseIntError;
/// use myrt::time::{Duration, sleep};
///
/// #[myrt::main(start_paused)]
/// async fn main() -> Result<(), ParseIntError> {
///     let seconds = "3600".parse()?;
///     sleep(Duration::from_secs(seconds)).await;
///     Ok(())
/// }
/// ```
#[proc_macro_attribute]
pub fn main(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(expand::Attribute::Main, arguments, item)
}

/// Makes an `async fn` a test that runs on a new runtime of its own.
///
/// The options are those of [`macro@main`]. `start_paused` makes a test of timers take no time and
/// give the same result on every machine; `lints = "deny"` makes a test fail of which the runtime
/// reports misuse. `#[should_panic]`, `#[ignore]` and a return type `Result<(), E>` work as they do
/// on a plain `#[test]`, which this attribute adds itself.
///
/// # Panics
///
/// The test panics, and so fails, when its function panics, when no runtime can be made, and with
/// `lints = "deny"` when something was reported.
///
/// # Examples
///
/// ```
/// # #![allow(clippy::test_attr_in_doctest, reason = "it is what is shown")]
/// use myrt::time::{Duration, Instant, sleep};
///
/// #[myrt::test(start_paused)]
/// async fn an_hour_is_over_at_once() {
///     let before = Instant::now();
///     sleep(Duration::from_secs(3600)).await;
///     assert_eq!(before.elapsed(), Duration::from_secs(3600));
/// }
/// ```
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(expand::Attribute::Test, arguments, item)
}

/// Makes a function of a simulated world a test that runs once for each of its seeds.
///
/// The function is a plain `fn` that takes `&mut myrt::sim::World`: it adds hosts and runs them. A
/// seed that fails is repeated until its tape is short; the test then panics with what went wrong,
/// and with the command that repeats it.
///
/// # Options
///
/// | option | value | what |
/// |---|---|---|
/// | `seeds` | an integer, 100 if it is not given | runs the seeds from 0 to there |
/// | `crate` | `"path::to::myrt"` | where to find myrt, if it was renamed or re-exported |
///
/// The environment overrides `seeds`: `MYRT_SIM_SEED`, `MYRT_SIM_SEEDS`, `MYRT_SIM_TAPE`. Needs the
/// feature `sim`.
///
/// # Panics
///
/// The test panics, and so fails, when the function does, when an `always!` or `eventually!` broke,
/// and when a `sometimes!` held in none of at least as many seeds as the attribute says.
#[proc_macro_attribute]
pub fn sim_test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(expand::Attribute::SimTest, arguments, item)
}
