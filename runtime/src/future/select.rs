//! `select!`: wait for several futures, go on with the first that is ready.
//!
//! Why a macro: handlers run in the caller's own function, so `break`, `continue`, `return` and `?`
//! work there.
//!
//! # How it is built, without a procedural macro
//!
//! `__myrt_select!` eats one branch after the other and pairs each with a future's name, a number
//! and a variant from a fixed list, then the body is written out once. Names from here are
//! invisible to the caller's expressions.
//!
//! A branch's pattern must be tried inside the poll (no match disables the branch) but bind outside
//! of it (in the handler). Inside, it stands in a match arm with a guard that notes the match and
//! is false: bindings move only when the guard holds, so the output is tried by any pattern, `mut`
//! and `ref` among them, and still there for the arm below.

use std::task::Context;

use crate::executor::current;

/// Waits for several futures at once, and runs the handler of the first that is ready; the others
/// are dropped.
///
/// ```text
/// select! {
///     pattern = future, if condition => handler,
///     pattern = future => { handler }
///     else => handler,
/// }
/// ```
///
/// It is an expression whose value is the handler's; there is no `.await` after it.
///
/// 1. All conditions are evaluated; a branch whose condition is false is disabled.
/// 2. All future expressions are evaluated, those of disabled branches too (a disabled one is never
///    polled).
/// 3. The branches are polled, at each poll starting with a random one (with `biased;` first,
///    always from the top, and then it is up to you that an early branch which is always ready does
///    not starve a later one). An output that does not match its branch's pattern disables the
///    branch, and the others go on.
/// 4. All futures are dropped, from the last to the first, and the handler runs. It may borrow what
///    the futures borrowed. Async cleanups that the dropped futures left run beside the task, which
///    ends after them.
/// 5. If every branch is disabled, `else` runs.
///
/// When the branches' operations have used up the task's share, it lets other tasks run before it
/// asks again.
///
/// In handlers `break`, `continue`, `return` and `?` act on the surrounding function and loop. A
/// future that is to survive, say in a loop, is given as `&mut future`. Up to 64 branches. The
/// random start comes from the runtime's seed, so a run with a seed repeats.
///
/// tokio's `select!`.
///
/// # Cancel safety
/// Branches that lose are dropped at their await point: in a loop use futures that lose nothing by
/// that (`recv`, `accept`, `read`, `next`, `sleep` pinned outside), or pass `&mut future`.
///
/// # Panics
/// When every branch is disabled and there is no `else`.
///
/// ```
/// use myrt::time::{Duration, sleep};
/// myrt::run(async {
///     let mut ticks = myrt::time::interval(Duration::from_millis(10));
///     let mut end = std::pin::pin!(sleep(Duration::from_millis(35)));
///     let mut count = 0;
///     loop {
///         myrt::select! {
///             biased;
///             _ = &mut end => break,
///             _ = ticks.tick() => count += 1,
///         }
///     }
///     assert!(count >= 1);
/// });
/// ```
#[macro_export]
macro_rules! select {
    (biased; $($branches:tt)*) => { $crate::__myrt_select!(@start biased $($branches)*) };
    ($($branches:tt)*) => { $crate::__myrt_select!(@start random $($branches)*) };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __myrt_select {
    (@start $order:ident) => {
        ::core::compile_error!("select! needs at least one branch: `pattern = future => handler`")
    };
    (@start $order:ident else => $handler:expr $(,)?) => { $handler };
    (@start $order:ident $($branches:tt)*) => {
        $crate::__myrt_select!(@eat $order [] [
            {f0 0 V0} {f1 1 V1} {f2 2 V2} {f3 3 V3} {f4 4 V4} {f5 5 V5} {f6 6 V6} {f7 7 V7}
            {f8 8 V8} {f9 9 V9} {f10 10 V10} {f11 11 V11} {f12 12 V12} {f13 13 V13} {f14 14 V14} {f15 15 V15}
            {f16 16 V16} {f17 17 V17} {f18 18 V18} {f19 19 V19} {f20 20 V20} {f21 21 V21} {f22 22 V22} {f23 23 V23}
            {f24 24 V24} {f25 25 V25} {f26 26 V26} {f27 27 V27} {f28 28 V28} {f29 29 V29} {f30 30 V30} {f31 31 V31}
            {f32 32 V32} {f33 33 V33} {f34 34 V34} {f35 35 V35} {f36 36 V36} {f37 37 V37} {f38 38 V38} {f39 39 V39}
            {f40 40 V40} {f41 41 V41} {f42 42 V42} {f43 43 V43} {f44 44 V44} {f45 45 V45} {f46 46 V46} {f47 47 V47}
            {f48 48 V48} {f49 49 V49} {f50 50 V50} {f51 51 V51} {f52 52 V52} {f53 53 V53} {f54 54 V54} {f55 55 V55}
            {f56 56 V56} {f57 57 V57} {f58 58 V58} {f59 59 V59} {f60 60 V60} {f61 61 V61} {f62 62 V62} {f63 63 V63}
        ] $($branches)*)
    };

    // All branches eaten.
    (@eat $order:ident [$($done:tt)*] [$($free:tt)*]) => {
        $crate::__myrt_select!(@body $order [$($done)*] ::core::panic!(
            "all branches of a select! are disabled and there is no else branch"
        ))
    };
    (@eat $order:ident [$($done:tt)*] [$($free:tt)*] else => $handler:expr $(,)?) => {
        $crate::__myrt_select!(@body $order [$($done)*] $handler)
    };
    (@eat $order:ident [$($done:tt)*] [] $($rest:tt)+) => {
        ::core::compile_error!("select! takes up to 64 branches")
    };

    // One branch: with or without a condition; a block may do without the comma.
    (@eat $order:ident [$($done:tt)*] [{$f:ident $n:tt $v:ident} $($free:tt)*]
        $pattern:pat = $future:expr, if $condition:expr => $handler:block, $($rest:tt)*) => {
        $crate::__myrt_select!(@eat $order
            [$($done)* {$f $n $v ($pattern) ($future) ($condition) ($handler)}] [$($free)*] $($rest)*)
    };
    (@eat $order:ident [$($done:tt)*] [{$f:ident $n:tt $v:ident} $($free:tt)*]
        $pattern:pat = $future:expr => $handler:block, $($rest:tt)*) => {
        $crate::__myrt_select!(@eat $order
            [$($done)* {$f $n $v ($pattern) ($future) (true) ($handler)}] [$($free)*] $($rest)*)
    };
    (@eat $order:ident [$($done:tt)*] [{$f:ident $n:tt $v:ident} $($free:tt)*]
        $pattern:pat = $future:expr, if $condition:expr => $handler:block $($rest:tt)*) => {
        $crate::__myrt_select!(@eat $order
            [$($done)* {$f $n $v ($pattern) ($future) ($condition) ($handler)}] [$($free)*] $($rest)*)
    };
    (@eat $order:ident [$($done:tt)*] [{$f:ident $n:tt $v:ident} $($free:tt)*]
        $pattern:pat = $future:expr => $handler:block $($rest:tt)*) => {
        $crate::__myrt_select!(@eat $order
            [$($done)* {$f $n $v ($pattern) ($future) (true) ($handler)}] [$($free)*] $($rest)*)
    };
    (@eat $order:ident [$($done:tt)*] [{$f:ident $n:tt $v:ident} $($free:tt)*]
        $pattern:pat = $future:expr, if $condition:expr => $handler:expr) => {
        $crate::__myrt_select!(@eat $order
            [$($done)* {$f $n $v ($pattern) ($future) ($condition) ($handler)}] [$($free)*])
    };
    (@eat $order:ident [$($done:tt)*] [{$f:ident $n:tt $v:ident} $($free:tt)*]
        $pattern:pat = $future:expr => $handler:expr) => {
        $crate::__myrt_select!(@eat $order
            [$($done)* {$f $n $v ($pattern) ($future) (true) ($handler)}] [$($free)*])
    };
    (@eat $order:ident [$($done:tt)*] [{$f:ident $n:tt $v:ident} $($free:tt)*]
        $pattern:pat = $future:expr, if $condition:expr => $handler:expr, $($rest:tt)*) => {
        $crate::__myrt_select!(@eat $order
            [$($done)* {$f $n $v ($pattern) ($future) ($condition) ($handler)}] [$($free)*] $($rest)*)
    };
    (@eat $order:ident [$($done:tt)*] [{$f:ident $n:tt $v:ident} $($free:tt)*]
        $pattern:pat = $future:expr => $handler:expr, $($rest:tt)*) => {
        $crate::__myrt_select!(@eat $order
            [$($done)* {$f $n $v ($pattern) ($future) (true) ($handler)}] [$($free)*] $($rest)*)
    };

    (@first biased $count:expr) => {
        if $crate::future::private::has_share() { 0 } else { $crate::future::private::NO_SHARE }
    };
    (@first random $count:expr) => { $crate::future::private::random_first($count) };

    (@body $order:ident
        [$({$f:ident $n:tt $v:ident ($pattern:pat) ($future:expr) ($condition:expr) ($handler:expr)})+]
        $else:expr) => {{
        enum __MyrtSelected<$($v),+> {
            $($v($v),)+
            Disabled,
        }
        const __MYRT_COUNT: u32 = [$($n),+].len() as u32;
        let mut disabled = 0u64;
        $(if !$condition {
            disabled |= 1 << $n;
        })+
        let selected = {
            let ($($f,)+) = ($($future,)+);
            $(let mut $f = $crate::future::private::pin!($crate::future::private::IntoFuture::into_future($f));)+
            $crate::future::private::poll_fn(|cx| {
                let first = $crate::__myrt_select!(@first $order __MYRT_COUNT);
                if first == $crate::future::private::NO_SHARE {
                    $crate::future::private::give_way(cx);
                    return $crate::future::private::Poll::Pending;
                }
                let mut pending = false;
                for branch in first..first + __MYRT_COUNT {
                    // Not `%`: of a single branch it would be one that lints complain about, at the
                    // caller's.
                    let branch = if branch < __MYRT_COUNT { branch } else { branch - __MYRT_COUNT };
                    match branch {
                        $($n => {
                            if disabled & (1 << $n) != 0 {
                                continue;
                            }
                            #[allow(unused_mut, reason = "for patterns that bind by `ref mut`")]
                            let mut output = match $crate::future::private::Future::poll($f.as_mut(), cx) {
                                $crate::future::private::Poll::Ready(output) => output,
                                $crate::future::private::Poll::Pending => {
                                    pending = true;
                                    continue;
                                }
                            };
                            disabled |= 1 << $n;
                            let mut matched = false;
                            #[allow(unused, unreachable_code, clippy::all, reason = "only tried here; bound in the handler")]
                            match output {
                                $pattern if { matched = true; false } => {}
                                output => {
                                    if matched {
                                        return $crate::future::private::Poll::Ready(__MyrtSelected::$v(output));
                                    }
                                }
                            }
                        })+
                        _ => ::core::unreachable!(),
                    }
                }
                if pending {
                    $crate::future::private::Poll::Pending
                } else {
                    $crate::future::private::Poll::Ready(__MyrtSelected::Disabled)
                }
            })
            .await
        };
        // Moved out: patterns may bind by `ref mut`.
        match { selected } {
            $(__MyrtSelected::$v($pattern) => $handler,)+
            __MyrtSelected::Disabled => $else,
            #[allow(unreachable_patterns, reason = "patterns that always match leave nothing")]
            _ => ::core::unreachable!("a pattern that matched did not match again"),
        }
    }};
}

/// Which one of `count` branches is first; [`NO_SHARE`] when the running task must let others run.
#[doc(hidden)]
#[inline]
#[must_use]
pub fn random_first(count: u32) -> u32 {
    current::with(|hot| match current::core(hot) {
        _ if hot.budget.get() == 0 && hot.slot().is_some() => NO_SHARE,
        Some(core) => core.random_below(count),
        None => elsewhere(count),
    })
}

/// No branch: the task's share is used up.
#[doc(hidden)]
pub const NO_SHARE: u32 = u32::MAX;

/// Lets others run: the task is woken for its next turn.
#[doc(hidden)]
#[cold]
pub fn give_way(cx: &Context<'_>) {
    crate::executor::waker::give_way(cx.waker());
}

/// Outside of a runtime: stirred time.
#[cold]
fn elsewhere(count: u32) -> u32 {
    let stirred = crate::sys::clock::monotonic_ns().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (((stirred >> 32) * u64::from(count)) >> 32) as u32
}
