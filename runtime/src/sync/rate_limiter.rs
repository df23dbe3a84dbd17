//! [`RateLimiter`]: a token bucket that holds its rate.
//!
//! A common bug in rate limiters credits the time that a caller sleeps twice, once before the sleep
//! and once after; they then let nearly twice the rate through. Here each stretch of time is
//! credited once, and in whole numbers: a bucket of `rate` tokens a period of `p` nanoseconds gains
//! `rate` units a nanosecond, and a token costs `p` units, so nothing is rounded and nothing
//! drifts.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::raw_lock::RawLock;
use super::wait_list::Key;
use crate::executor::{Wait, note_wait};
use crate::time::{Duration, Instant, Sleep, sleep_until};

/// Lets a number of calls through in a period, and makes the others wait, in order.
///
/// The bucket begins full: `rate` calls pass at once, and then one each `per / rate`. In any
/// stretch of time `t`, at most `burst + rate * t / per` calls pass. A timer may be late by less
/// than 2 ms; the next call is then counted from when this one was due, so that lateness does not
/// add up.
///
/// # Cancel safety
///
/// Dropping a wait gives up its place in the queue and takes no token.
///
/// # Examples
///
/// ```
/// use myrt::sync::RateLimiter;
/// use myrt::time::{Duration, Instant};
///
/// myrt::run(async {
///     let limiter = RateLimiter::new(2, Duration::from_millis(10));
///     let start = Instant::now();
///     for _ in 0..4 {
///         limiter.acquire().await; // at 0, 0, 5 and 10 ms
///     }
///     assert!(start.elapsed() >= Duration::from_millis(10));
/// });
/// ```
pub struct RateLimiter {
    rate: u32,
    burst: u32,
    /// What a token costs: the period in nanoseconds.
    price: u128,
    credit: Cell<u128>,
    /// Up to when time was credited; `None` before the first use.
    credited: Cell<Option<Instant>>,
    /// Held by the one who takes, or waits for, the next token.
    turn: RawLock,
}

impl RateLimiter {
    /// A limiter that lets `rate` calls through each period `per`, the first `rate` of them at
    /// once.
    ///
    /// # Panics
    ///
    /// If `rate` or `per` is 0.
    #[track_caller]
    pub const fn new(rate: u32, per: Duration) -> Self {
        Self::with_burst(rate, per, rate)
    }

    /// As [`new`](Self::new), but the bucket holds `burst` tokens: with 1 the calls are evenly
    /// spaced from the beginning.
    ///
    /// # Panics
    ///
    /// If `rate`, `per` or `burst` is 0.
    #[track_caller]
    pub const fn with_burst(rate: u32, per: Duration, burst: u32) -> Self {
        assert!(
            rate > 0 && burst > 0,
            "a rate limiter that lets nothing through"
        );
        assert!(!per.is_zero(), "a rate limiter needs a period");
        let price = per.as_nanos();
        Self {
            rate,
            burst,
            price,
            credit: Cell::new(price * burst as u128),
            credited: Cell::new(None),
            turn: RawLock::new(),
        }
    }

    /// Waits for a token and takes it.
    #[track_caller]
    pub fn acquire(&self) -> RateAcquire<'_> {
        self.acquire_many(1)
    }

    /// Waits for `tokens` tokens and takes them. Who comes later waits behind.
    ///
    /// # Panics
    ///
    /// If `tokens` is more than the bucket can hold.
    #[track_caller]
    pub fn acquire_many(&self, tokens: u32) -> RateAcquire<'_> {
        assert!(
            tokens <= self.burst,
            "the bucket never holds {tokens} tokens"
        );
        let at = Location::caller();
        let turn = Turn {
            limiter: self,
            key: None,
            mine: false,
        };
        RateAcquire {
            sleep: None,
            turn,
            tokens,
            at,
        }
    }

    /// Takes a token if there is one and nobody waits. Says whether it did.
    pub fn try_acquire(&self) -> bool {
        if !self.turn.try_lock() {
            return false;
        }
        let taken = self.take(1, None).is_ok();
        self.turn.release();
        taken
    }

    /// How many tokens there are, and how many wait.
    pub fn statistics(&self) -> RateLimiterStatistics {
        // At most `burst`, so the conversion holds.
        let tokens = self.credit_at(Instant::now()) / self.price;
        let tokens = u32::try_from(tokens).unwrap_or(self.burst);
        let waiting = self.turn.waiting() + usize::from(self.turn.is_locked());
        RateLimiterStatistics { tokens, waiting }
    }

    /// Takes the tokens, or says when they will be there. `due`: the moment that was said before.
    fn take(&self, tokens: u32, due: Option<Instant>) -> Result<(), Instant> {
        let now = Instant::now();
        let taken_at = match (due, now.checked_sub(LATE)) {
            (Some(due), Some(excused)) => due.max(excused).min(now),
            _ => now,
        };
        self.credit.set(self.credit_at(taken_at));
        self.credited.set(self.credited.get().max(Some(taken_at)));
        let cost = self.price * u128::from(tokens);
        match self.credit.get().checked_sub(cost) {
            Some(rest) => {
                self.credit.set(rest);
                Ok(())
            }
            None => {
                let missing = cost - self.credit.get();
                let wait = missing.div_ceil(u128::from(self.rate));
                let wait = Duration::from_nanos(u64::try_from(wait).unwrap_or(u64::MAX));
                Err(taken_at.checked_add(wait).unwrap_or_else(|| now + FAR))
            }
        }
    }

    /// The credit with the time since it was last reckoned, and no more than the bucket holds.
    fn credit_at(&self, now: Instant) -> u128 {
        let since = self.credited.get().unwrap_or(now);
        let earned = now.saturating_duration_since(since).as_nanos() * u128::from(self.rate);
        let full = self.price * u128::from(self.burst);
        full.min(self.credit.get() + earned)
    }
}

impl fmt::Debug for RateLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimiter")
            .field("rate", &self.rate)
            .field(
                "per",
                &Duration::from_nanos(u64::try_from(self.price).unwrap_or(u64::MAX)),
            )
            .field("burst", &self.burst)
            .finish_non_exhaustive()
    }
}

/// What [`RateLimiter::statistics`] tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimiterStatistics {
    /// How many calls would pass at once.
    pub tokens: u32,
    /// How many wait.
    pub waiting: usize,
}

/// A place in the queue, or the turn to take the next tokens. Dropped, it lets the next one come.
#[derive(Debug)]
struct Turn<'a> {
    limiter: &'a RateLimiter,
    key: Option<Key>,
    mine: bool,
}

impl Turn<'_> {
    fn end(&mut self) {
        if std::mem::take(&mut self.mine) {
            self.limiter.turn.release();
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.limiter.turn.cancel(self.key);
        self.end();
    }
}

pin_project! {
    /// The future of [`RateLimiter::acquire`].
    #[must_use = "futures do nothing unless awaited"]
    #[derive(Debug)]
    pub struct RateAcquire<'a> {
        // Dropped before the turn is passed on.
        #[pin]
        sleep: Option<Sleep>,
        turn: Turn<'a>,
        tokens: u32,
        at: &'static Location<'static>,
    }
}

impl Future for RateAcquire<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let limiter = this.turn.limiter;
        if !this.turn.mine {
            ready!(limiter.turn.poll_lock(&mut this.turn.key, cx, this.at));
            this.turn.mine = true;
        }
        loop {
            let mut due = None;
            if let Some(sleep) = this.sleep.as_mut().as_pin_mut() {
                due = Some(sleep.deadline());
                if sleep.poll(cx).is_pending() {
                    // The line that called us, not the one above.
                    note_wait(Wait::Semaphore(limiter.turn.address()), this.at);
                    return Poll::Pending;
                }
                this.sleep.set(None);
            }
            match limiter.take(*this.tokens, due) {
                Ok(()) => {
                    this.turn.end();
                    return Poll::Ready(());
                }
                Err(deadline) => this.sleep.set(Some(sleep_until(deadline))),
            }
        }
    }
}

/// How late a timer may be: two ticks of the wheel.
const LATE: Duration = Duration::from_millis(2);

/// A sleep for a wait that has no end which an `Instant` could name.
const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
