//! Assertions about a run: [`always!`](crate::always), [`sometimes!`](crate::sometimes),
//! [`eventually!`](crate::eventually). Outside of a world they do nothing.

use std::collections::BTreeMap;
use std::panic::Location;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::failure::FailureKind;
use crate::world;

/// Must hold each time it is evaluated: `always!(condition, "what it means {}", values)`. Where it
/// does not, the run ends with a [`Failure`](crate::Failure) after this step.
#[macro_export]
macro_rules! always {
    ($condition:expr, $($text:tt)+) => {
        if $crate::is_simulated() {
            $crate::check::always($condition, ::core::format_args!($($text)+));
        }
    };
}

/// Is expected to hold at least once over all seeds of a test: where it never does,
/// `sim::test` fails and says so. It shows that a test reaches what it is
/// meant to.
#[macro_export]
macro_rules! sometimes {
    ($condition:expr, $text:literal) => {
        if $crate::is_simulated() {
            $crate::check::sometimes($condition, $text);
        }
    };
}

/// From the first time that it is evaluated and does not hold, it has to hold in an evaluation
/// within that time: `eventually!(condition, within, "text")`.
#[macro_export]
macro_rules! eventually {
    ($condition:expr, $within:expr, $text:literal) => {
        if $crate::is_simulated() {
            $crate::check::eventually($condition, $within, $text);
        }
    };
}

#[doc(hidden)]
#[track_caller]
pub fn always(holds: bool, text: std::fmt::Arguments<'_>) {
    if !holds {
        let at = Location::caller();
        world::fail(FailureKind::Always, format!("{text} ({at})"));
    }
}

static SOMETIMES: Mutex<BTreeMap<&'static str, u64>> = Mutex::new(BTreeMap::new());

#[doc(hidden)]
pub fn sometimes(holds: bool, text: &'static str) {
    let mut all = SOMETIMES.lock().unwrap_or_else(PoisonError::into_inner);
    *all.entry(text).or_default() += u64::from(holds);
}

/// Those that were evaluated and never held.
pub(crate) fn never_held() -> Vec<&'static str> {
    let all = SOMETIMES.lock().unwrap_or_else(PoisonError::into_inner);
    let never = all.iter().filter(|(_, held)| **held == 0);
    never.map(|(text, _)| *text).collect()
}

#[doc(hidden)]
#[track_caller]
pub fn eventually(holds: bool, within: Duration, text: &'static str) {
    world::expect(holds, within, text, Location::caller());
}
