//! `gather!` and `try_gather!`: futures of different types, each woken alone.
//!
//! Why: an iterator's futures have one type. The places of n futures are a struct with
//! n pinned fields; the rest is `group.rs`, as for iterators.

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::group::{DropTogether, Ending, Group, Panic, Places, Step};
use super::maybe_done::MaybeDone;

/// Runs futures of different types together within this task: a future of the tuple of their
/// outputs, in order.
///
/// `gather!(a, b, c).await`. What [`gather`](fn@crate::future::gather) says holds here too. Against
/// [`join!`](crate::join): each future has a waker of its own, so waking one polls one, and the
/// value is a future that can be handed on (to `timeout`, `spawn`); `join!` awaits on the spot and
/// is cheaper for a handful of futures that are woken rarely. Up to 12 futures.
///
/// asyncio's `gather(a, b, c)`; fallible futures give `Result`s (`return_exceptions=True`).
///
/// ```
/// myrt::run(async {
///     let (n, text) = myrt::gather!(async { 7 }, async { "seven" }).await;
///     assert_eq!((n, text), (7, "seven"));
/// });
/// ```
#[macro_export]
macro_rules! gather {
    () => { ::core::future::ready(()) };
    ($($future:expr),+ $(,)?) => { $crate::future::private::gather_tuple(($($future,)+)) };
}

/// Runs fallible futures of different types together: a future of the tuple of their values, or the
/// first error.
///
/// `try_gather!(a, b).await`. The first error in time ends the whole: the others are dropped, their
/// async cleanups awaited, then the error is returned. See
/// [`try_gather`](fn@crate::future::try_gather). Up to 12 futures with one error type.
///
/// ```
/// myrt::run(async {
///     let both = myrt::try_gather!(async { "7".parse::<u8>() }, async { "x".parse::<u8>() });
///     assert!(both.await.is_err());
/// });
/// ```
#[macro_export]
macro_rules! try_gather {
    ($($future:expr),+ $(,)?) => { $crate::future::private::try_gather_tuple(($($future,)+)) };
}

/// A tuple of futures.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`gather!` and `try_gather!` take up to 12 futures",
    label = "not a tuple of up to 12 futures",
    note = "for more of them, or for a number that is not fixed, use `gather(iterator)`"
)]
pub trait Tuple {
    /// Where they run.
    type Places: Places + Outputs;

    /// Makes the places.
    fn into_places(self) -> Self::Places;
}

/// Places whose outputs make a tuple.
#[doc(hidden)]
pub trait Outputs {
    /// The tuple.
    type Outputs;

    /// Takes every output.
    fn take_all(self: Pin<&mut Self>) -> Self::Outputs;
}

/// Places of fallible futures.
#[doc(hidden)]
pub trait TryOutputs {
    /// The tuple of values.
    type Values;
    /// The error of each.
    type Error;

    /// Whether the future of a place that is done has failed.
    fn failed(self: Pin<&mut Self>, number: u32) -> bool;

    /// Takes every value, or the error that is there.
    fn try_take_all(self: Pin<&mut Self>) -> Result<Self::Values, Self::Error>;

    /// Takes the error of a place that has failed.
    fn take_error(self: Pin<&mut Self>, number: u32) -> Option<Self::Error>;
}

macro_rules! tuple {
    ($places:ident: $($F:ident $T:ident $f:ident $n:literal),+) => {
        pin_project_lite::pin_project! {
            #[doc(hidden)]
            #[allow(missing_debug_implementations, unreachable_pub, reason = "nobody outside can name it")]
            pub struct $places<$($F: Future),+> {
                $(#[pin] $f: MaybeDone<$F>,)+
            }
        }

        impl<$($F: Future),+> Places for $places<$($F),+> {
            fn count(&self) -> usize {
                [$($n),+].len()
            }

            fn poll_nth(self: Pin<&mut Self>, number: u32, cx: &mut Context<'_>) -> Poll<()> {
                let this = self.project();
                match number {
                    $($n => this.$f.poll_done(cx),)+
                    _ => unreachable!("a group polls the places that it has"),
                }
            }

            fn clear(self: Pin<&mut Self>) -> Option<Panic> {
                let mut this = self.project();
                let mut together = DropTogether::new();
                $(together.drop_one(|| this.$f.set(MaybeDone::Empty));)+
                together.end()
            }
        }

        impl<$($F: Future),+> Outputs for $places<$($F),+> {
            type Outputs = ($($F::Output,)+);

            fn take_all(self: Pin<&mut Self>) -> Self::Outputs {
                let this = self.project();
                ($(this.$f.take(),)+)
            }
        }

        impl<Problem, $($T,)+ $($F: Future<Output = Result<$T, Problem>>),+> TryOutputs for $places<$($F),+> {
            type Values = ($($T,)+);
            type Error = Problem;

            fn failed(self: Pin<&mut Self>, number: u32) -> bool {
                let this = self.project();
                match number {
                    $($n => this.$f.failed(),)+
                    _ => false,
                }
            }

            fn try_take_all(self: Pin<&mut Self>) -> Result<Self::Values, Problem> {
                let this = self.project();
                Ok(($(this.$f.take()?,)+))
            }

            fn take_error(self: Pin<&mut Self>, number: u32) -> Option<Problem> {
                let this = self.project();
                match number {
                    $($n => this.$f.take().err(),)+
                    _ => None,
                }
            }
        }

        impl<$($F: IntoFuture),+> Tuple for ($($F,)+) {
            type Places = $places<$($F::IntoFuture),+>;

            fn into_places(self) -> Self::Places {
                let ($($f,)+) = self;
                $places { $($f: MaybeDone::new($f.into_future())),+ }
            }
        }
    };
}

tuple!(Places1: A TA a 0);
tuple!(Places2: A TA a 0, B TB b 1);
tuple!(Places3: A TA a 0, B TB b 1, C TC c 2);
tuple!(Places4: A TA a 0, B TB b 1, C TC c 2, D TD d 3);
tuple!(Places5: A TA a 0, B TB b 1, C TC c 2, D TD d 3, E TE e 4);
tuple!(Places6: A TA a 0, B TB b 1, C TC c 2, D TD d 3, E TE e 4, F TF f 5);
tuple!(Places7: A TA a 0, B TB b 1, C TC c 2, D TD d 3, E TE e 4, F TF f 5, G TG g 6);
tuple!(Places8: A TA a 0, B TB b 1, C TC c 2, D TD d 3, E TE e 4, F TF f 5, G TG g 6, H TH h 7);
tuple!(Places9: A TA a 0, B TB b 1, C TC c 2, D TD d 3, E TE e 4, F TF f 5, G TG g 6, H TH h 7, I TI i 8);
tuple!(Places10: A TA a 0, B TB b 1, C TC c 2, D TD d 3, E TE e 4, F TF f 5, G TG g 6, H TH h 7, I TI i 8, J TJ j 9);
tuple!(Places11: A TA a 0, B TB b 1, C TC c 2, D TD d 3, E TE e 4, F TF f 5, G TG g 6, H TH h 7, I TI i 8, J TJ j 9,
    K TK k 10);
tuple!(Places12: A TA a 0, B TB b 1, C TC c 2, D TD d 3, E TE e 4, F TF f 5, G TG g 6, H TH h 7, I TI i 8, J TJ j 9,
    K TK k 10, L TL l 11);

/// What [`gather!`](crate::gather) gives.
#[doc(hidden)]
#[track_caller]
pub fn gather_tuple<L: Tuple>(futures: L) -> GatherTuple<L> {
    GatherTuple {
        group: Group::new(futures.into_places(), Location::caller()),
    }
}

/// What [`try_gather!`](crate::try_gather) gives.
#[doc(hidden)]
#[track_caller]
pub fn try_gather_tuple<L>(futures: L) -> TryGatherTuple<L>
where
    L: Tuple<Places: TryOutputs>,
{
    TryGatherTuple {
        group: Group::new(futures.into_places(), Location::caller()),
        ending: Ending::none(),
    }
}

pin_project_lite::pin_project! {
    /// The future of [`gather!`](crate::gather!).
    #[must_use = "futures do nothing unless awaited"]
    pub struct GatherTuple<L: Tuple> {
        #[pin]
        group: Group<L::Places>,
    }
}

impl<L: Tuple> Future for GatherTuple<L> {
    type Output = <L::Places as Outputs>::Outputs;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut group = self.project().group;
        match group.as_mut().poll(cx, |_, _| false) {
            Step::All => Poll::Ready(group.places().take_all()),
            _ => Poll::Pending,
        }
    }
}

impl<L: Tuple> fmt::Debug for GatherTuple<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatherTuple")
            .field("running", &self.group.running())
            .finish_non_exhaustive()
    }
}

type TupleResult<L> = Result<
    <<L as Tuple>::Places as TryOutputs>::Values,
    <<L as Tuple>::Places as TryOutputs>::Error,
>;

pin_project_lite::pin_project! {
    /// The future of [`try_gather!`](crate::try_gather!).
    #[must_use = "futures do nothing unless awaited"]
    pub struct TryGatherTuple<L>
    where
        L: Tuple,
        L::Places: TryOutputs,
    {
        #[pin]
        group: Group<L::Places>,
        ending: Ending<TupleResult<L>>,
    }
}

impl<L: Tuple<Places: TryOutputs>> Future for TryGatherTuple<L> {
    type Output = TupleResult<L>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if !this.ending.is_decided() {
            let mut group = this.group;
            match group
                .as_mut()
                .poll(cx, |places, number| places.failed(number))
            {
                Step::Pending => return Poll::Pending,
                Step::All => return Poll::Ready(group.places().try_take_all()),
                Step::Stopped(number) => {
                    let error = group
                        .as_mut()
                        .places()
                        .take_error(number)
                        .expect("it said that it failed");
                    this.ending.decide(Err(error), group);
                }
            }
        }
        this.ending.poll(cx)
    }
}

impl<L: Tuple<Places: TryOutputs>> fmt::Debug for TryGatherTuple<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TryGatherTuple")
            .field("running", &self.group.running())
            .finish_non_exhaustive()
    }
}
