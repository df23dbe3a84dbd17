//! `join!` and `try_join!`: a handful of futures at once, on the spot.
//!
//! Why macros: the futures may be of different types, live in the caller's own state and cost no
//! allocation. Every wake polls all that are not done; where that hurts, use the gathers.
//!
//! The expansion is built in two steps: `__myrt_number!` pairs each future with a name and a number
//! from a fixed list, then the body is written out once. Names from here are invisible to the
//! caller's expressions.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll};

use crate::executor::awaited::Awaited;
use crate::executor::extra::cleanup;

/// Awaits every future and gives the tuple of their outputs.
///
/// `join!(a, b, c)` runs them together within this task and returns when all are done, on the spot:
/// there is no `.await` after it. Each poll starts with another branch, so that one which uses up
/// the task's share does not starve the rest; `join!(biased; a, b)` always starts with the first.
/// Every wake polls all branches that are not done; for many futures see [`gather!`](crate::gather)
/// and [`gather`](fn@crate::future::gather). Up to 64 futures; they need not be `'static`, `Send`
/// or `Unpin`.
///
/// tokio's `join!`. Where one failure is to end the rest use [`try_join!`](crate::try_join).
///
/// # Drop order
/// When it is dropped half-way, its futures are dropped from the last to the first, as local
/// variables are. A future that is done is dropped at once, its output kept.
///
/// ```
/// myrt::run(async {
///     let (n, text) = myrt::join!(async { 7 }, async { "seven" });
///     assert_eq!((n, text), (7, "seven"));
/// });
/// ```
#[macro_export]
macro_rules! join {
    (biased; $($future:expr),* $(,)?) => { $crate::__myrt_number!(__myrt_join biased $($future,)*) };
    ($($future:expr),* $(,)?) => { $crate::__myrt_number!(__myrt_join rotated $($future,)*) };
}

/// Awaits every fallible future and gives the tuple of their values, or the first error.
///
/// As [`join!`](crate::join), but the first error in time ends the whole: the others are dropped,
/// their async cleanups awaited (bounded by the grace), then the error is the value of the
/// expression. All have the same error type.
///
/// tokio's `try_join!`, which knows no async cleanups.
///
/// ```
/// myrt::run(async {
///     let sum = async {
///         let (a, b) = myrt::try_join!(async { "6".parse::<u8>() }, async { "x".parse::<u8>() })?;
///         Ok::<_, std::num::ParseIntError>(a + b)
///     };
///     assert!(sum.await.is_err());
/// });
/// ```
#[macro_export]
macro_rules! try_join {
    (biased; $($future:expr),* $(,)?) => { $crate::__myrt_number!(__myrt_try_join biased $($future,)*) };
    ($($future:expr),* $(,)?) => { $crate::__myrt_number!(__myrt_try_join rotated $($future,)*) };
}

/// Pairs expressions with names and numbers, then calls `$then! { order {name number
/// (expression)}.. }`.
#[doc(hidden)]
#[macro_export]
macro_rules! __myrt_number {
    (@ $then:ident $order:ident [$($done:tt)*] [{$f:ident $n:tt $v:ident} $($free:tt)*] $future:expr, $($rest:tt)*) => {
        $crate::__myrt_number!(@ $then $order [$($done)* {$f $n ($future)}] [$($free)*] $($rest)*)
    };
    (@ $then:ident $order:ident [$($done:tt)*] [$($free:tt)*]) => { $crate::$then!($order $($done)*) };
    (@ $then:ident $order:ident [$($done:tt)*] [] $($rest:tt)+) => {
        ::core::compile_error!("this macro takes up to 64 futures; for more use gather(iterator)")
    };
    ($then:ident $order:ident $($rest:tt)*) => {
        $crate::__myrt_number!(@ $then $order [] [
            {f0 0 V0} {f1 1 V1} {f2 2 V2} {f3 3 V3} {f4 4 V4} {f5 5 V5} {f6 6 V6} {f7 7 V7}
            {f8 8 V8} {f9 9 V9} {f10 10 V10} {f11 11 V11} {f12 12 V12} {f13 13 V13} {f14 14 V14} {f15 15 V15}
            {f16 16 V16} {f17 17 V17} {f18 18 V18} {f19 19 V19} {f20 20 V20} {f21 21 V21} {f22 22 V22} {f23 23 V23}
            {f24 24 V24} {f25 25 V25} {f26 26 V26} {f27 27 V27} {f28 28 V28} {f29 29 V29} {f30 30 V30} {f31 31 V31}
            {f32 32 V32} {f33 33 V33} {f34 34 V34} {f35 35 V35} {f36 36 V36} {f37 37 V37} {f38 38 V38} {f39 39 V39}
            {f40 40 V40} {f41 41 V41} {f42 42 V42} {f43 43 V43} {f44 44 V44} {f45 45 V45} {f46 46 V46} {f47 47 V47}
            {f48 48 V48} {f49 49 V49} {f50 50 V50} {f51 51 V51} {f52 52 V52} {f53 53 V53} {f54 54 V54} {f55 55 V55}
            {f56 56 V56} {f57 57 V57} {f58 58 V58} {f59 59 V59} {f60 60 V60} {f61 61 V61} {f62 62 V62} {f63 63 V63}
        ] $($rest)*)
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __myrt_join {
    ($order:ident) => { () };
    ($order:ident $({$f:ident $n:tt ($future:expr)})+) => {{
        let ($($f,)+) = ($($future,)+);
        let siblings = $crate::future::private::Siblings::new();
        $(let mut $f = $crate::future::private::pin!($crate::future::private::MaybeDone::new(
            $crate::future::private::IntoFuture::into_future($f)
        ));
        let _next = $crate::future::private::NextDropped;)+
        let _first = siblings.first_dropped();
        let mut rotation = $crate::__myrt_rotation!($order $($n)+);
        $crate::future::private::poll_fn(|cx| {
            let mut pending = false;
            for branch in rotation.turn() {
                match branch {
                    $($n => pending |= $f.as_mut().poll_done(cx).is_pending(),)+
                    _ => ::core::unreachable!(),
                }
            }
            if pending {
                return $crate::future::private::Poll::Pending;
            }
            $crate::future::private::Poll::Ready(($($f.as_mut().take(),)+))
        })
        .await
    }};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __myrt_try_join {
    ($order:ident) => { ::core::result::Result::Ok(()) };
    ($order:ident $({$f:ident $n:tt ($future:expr)})+) => {{
        let (result, mark) = {
            let ($($f,)+) = ($($future,)+);
            let siblings = $crate::future::private::Siblings::new();
            $(let mut $f = $crate::future::private::pin!($crate::future::private::MaybeDone::new(
                $crate::future::private::IntoFuture::into_future($f)
            ));
            let _next = $crate::future::private::NextDropped;)+
            let _first = siblings.first_dropped();
            let mut rotation = $crate::__myrt_rotation!($order $($n)+);
            let result = $crate::future::private::poll_fn(|cx| {
                let mut pending = false;
                for branch in rotation.turn() {
                    match branch {
                        $($n => {
                            if $f.as_mut().poll_done(cx).is_pending() {
                                pending = true;
                            } else if $f.failed() {
                                let failed = $f.as_mut().take();
                                return $crate::future::private::Poll::Ready(match failed {
                                    ::core::result::Result::Err(error) => ::core::result::Result::Err(error),
                                    ::core::result::Result::Ok(_) => ::core::unreachable!(),
                                });
                            }
                        })+
                        _ => ::core::unreachable!(),
                    }
                }
                if pending {
                    return $crate::future::private::Poll::Pending;
                }
                $crate::future::private::Poll::Ready(::core::result::Result::Ok(($(
                    match $f.as_mut().take() {
                        ::core::result::Result::Ok(value) => value,
                        ::core::result::Result::Err(_) => ::core::unreachable!(),
                    },
                )+)))
            })
            .await;
            (result, $crate::future::private::cleanup_mark())
        };
        $crate::future::private::cleanups_since(mark).await;
        result
    }};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __myrt_rotation {
    (biased $($n:tt)+) => { $crate::future::private::Rotation::<{ [$($n),+].len() }, false>::new() };
    (rotated $($n:tt)+) => { $crate::future::private::Rotation::<{ [$($n),+].len() }, true>::new() };
}

/// In which order `N` branches are polled.
#[doc(hidden)]
#[derive(Debug)]
pub struct Rotation<const N: usize, const ROTATES: bool> {
    first: usize,
}

impl<const N: usize, const ROTATES: bool> Rotation<N, ROTATES> {
    /// Starts with the first branch.
    #[expect(clippy::new_without_default, reason = "only macros make it")]
    #[inline]
    #[must_use]
    pub fn new() -> Self {
        Self { first: 0 }
    }

    /// The order of one poll; the next one starts a branch later.
    #[inline]
    pub fn turn(&mut self) -> impl Iterator<Item = usize> + use<N, ROTATES> {
        let first = self.first;
        if ROTATES {
            self.first = if first + 1 == N { 0 } else { first + 1 };
        }
        (first..N).chain(0..first)
    }
}

/// The branches of a macro, which are local variables: when they are dropped, their cleanups are
/// left to run side by side.
///
/// It is declared before the branches, a [`NextDropped`] behind each, and behind the last what
/// [`first_dropped`](Siblings::first_dropped) gives: so they see the drops begin, go from one to
/// the next, and end. Nothing here keeps a branch from being `Send`.
#[doc(hidden)]
#[derive(Debug)]
pub struct Siblings {
    /// How many cleanups others had left when the drops began.
    mark: AtomicUsize,
}

impl Siblings {
    /// Branches that run.
    #[expect(clippy::new_without_default, reason = "only macros make it")]
    #[inline]
    #[must_use]
    pub const fn new() -> Self {
        Self {
            mark: AtomicUsize::new(usize::MAX),
        }
    }

    /// To be dropped before the branches.
    #[inline]
    #[must_use]
    pub const fn first_dropped(&self) -> FirstDropped<'_> {
        FirstDropped { siblings: self }
    }
}

impl Drop for Siblings {
    #[inline]
    fn drop(&mut self) {
        let mark = *self.mark.get_mut();
        if cleanup::mark() > mark {
            cleanup::join_siblings(mark);
        }
    }
}

/// The drops begin.
#[doc(hidden)]
#[derive(Debug)]
pub struct FirstDropped<'a> {
    siblings: &'a Siblings,
}

impl Drop for FirstDropped<'_> {
    #[inline]
    fn drop(&mut self) {
        self.siblings.mark.store(cleanup::mark(), Relaxed);
    }
}

/// What is left from now on is the next branch's.
#[doc(hidden)]
#[derive(Debug)]
pub struct NextDropped;

impl Drop for NextDropped {
    #[inline]
    fn drop(&mut self) {
        cleanup::next_sibling();
    }
}

/// What is dropped from now on leaves its cleanups above this mark.
#[doc(hidden)]
#[must_use]
pub fn cleanup_mark() -> usize {
    cleanup::mark()
}

/// Waits for the cleanups that were left since `mark`.
#[doc(hidden)]
pub fn cleanups_since(mark: usize) -> CleanupsLeft {
    CleanupsLeft {
        cleanups: Awaited::collect(mark),
    }
}

/// The future of [`cleanups_since`].
#[doc(hidden)]
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct CleanupsLeft {
    cleanups: Awaited,
}

impl Future for CleanupsLeft {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.cleanups.poll(cx)
    }
}
