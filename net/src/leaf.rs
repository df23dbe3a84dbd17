//! The futures of socket operations, all of one make: try, and when it would block wait in line for the descriptor.
//!
//! Each operation wants a type with a name and a place in the user's source, and by `&self` any number of tasks may use a socket
//! at once, so each future has its own turn in the line of waiters ([`Turn`]). The macro writes the type; what differs is only the
//! call. It knows no particular socket.

pub(crate) use myrt_runtime::io::{Direction, Turn};

/// Declares a named future over one attempt.
///
/// `transfer n` marks a TCP transfer of at most `n` bytes, of which a shorter one means that nothing is left (see the reactor);
/// for everything else (peek, datagrams, Unix sockets, accept) a short answer means nothing.
macro_rules! leaf {
    (
        $(#[$meta:meta])*
        pub struct $name:ident<'a> on $io:ty {$($field:ident: $type:ty),* $(,)?}
        $direction:ident $(transfer $wanted:expr)? => $output:ty, |$source:ident| $attempt:expr
    ) => {
        $(#[$meta])*
        #[must_use = "futures do nothing unless awaited"]
        pub struct $name<'a> {
            turn: $crate::leaf::Turn<'a, $io>,
            $($field: $type,)*
        }

        impl<'a> $name<'a> {
            #[inline]
            #[track_caller]
            pub(crate) fn new(io: &'a myrt_runtime::io::Async<$io>, $($field: $type),*) -> Self {
                let at = std::panic::Location::caller();
                Self { turn: $crate::leaf::Turn::new(io, $crate::leaf::Direction::$direction, at), $($field),* }
            }
        }

        impl std::future::Future for $name<'_> {
            type Output = std::io::Result<$output>;

            #[inline]
            fn poll(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<Self::Output> {
                #[allow(unused_variables, reason = "operations without arguments")]
                let Self { turn, $($field),* } = self.get_mut();
                $crate::leaf::leaf!(@poll turn, cx, |$source| $attempt $(, $wanted)?)
            }
        }

        impl std::fmt::Debug for $name<'_> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).field("at", &self.turn.at()).finish_non_exhaustive()
            }
        }
    };
    (@poll $turn:ident, $cx:ident, |$source:ident| $attempt:expr) => {
        $turn.poll($cx, |$source| $attempt)
    };
    (@poll $turn:ident, $cx:ident, |$source:ident| $attempt:expr, $wanted:expr) => {{
        let wanted = $wanted;
        $turn.poll_transfer($turn.direction(), $cx, wanted, |$source| $attempt)
    }};
}
pub(crate) use leaf;
