//! How a run ends: [`Summary`], [`Failure`].

use std::fmt;
use std::time::Duration;

use crate::tape::Tape;

/// A run that went well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// The world's seed.
    pub seed: u64,
    /// Simulated time since the world began.
    pub simulated: Duration,
    /// How often a host was turned.
    pub steps: u64,
    /// Messages that arrived.
    pub messages: u64,
    /// Choices that were not the ordinary thing.
    pub choices: usize,
    /// Of all events: two runs of one seed have the same.
    pub hash: u64,
}

/// What ended a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureKind {
    /// A client, a host, or a task of one panicked, or a main future returned an error.
    Panic,
    /// An [`always!`](crate::always) did not hold.
    Always,
    /// An [`eventually!`](crate::eventually) did not come true in its time.
    Eventually,
    /// Clients wait, and nothing can happen any more.
    Stuck,
    /// A host never waits: simulated time cannot go on.
    Busy,
    /// The clients had not ended after a simulated day.
    Endless,
    /// Two runs of the seed differ (`MYRT_SIM_CHECK=1`).
    Leak,
}

/// A run that went wrong: what broke, where, when, and the tape that repeats it.
#[derive(Clone)]
pub struct Failure {
    pub(crate) kind: FailureKind,
    pub(crate) seed: u64,
    pub(crate) at: Duration,
    pub(crate) host: String,
    pub(crate) message: String,
    pub(crate) tape: Box<Tape>,
}

impl Failure {
    /// What kind of thing it was.
    #[must_use]
    pub fn kind(&self) -> FailureKind {
        self.kind
    }

    /// The world's seed.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Simulated time since the world began.
    #[must_use]
    pub fn at(&self) -> Duration {
        self.at
    }

    /// The host it happened on; empty where it is the world's.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The panic's message, the assertion's text, or who waits for what.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The choices up to here.
    #[must_use]
    pub fn tape(&self) -> &Tape {
        &self.tape
    }

    /// Whether `other` is the same thing gone wrong, perhaps at another time and with other
    /// numbers.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let words = |text: &str| {
            let line = text.lines().next().unwrap_or_default();
            line.replace(|it: char| it.is_ascii_digit(), "")
        };
        self.kind == other.kind && words(&self.message) == words(&other.message)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            FailureKind::Panic => "panicked",
            FailureKind::Always => "always! broke",
            FailureKind::Eventually => "eventually! did not come true",
            FailureKind::Stuck => "nothing can happen any more",
            FailureKind::Busy => "a host never waits",
            FailureKind::Endless => "the clients had not ended after a simulated day",
            FailureKind::Leak => "the seed does not repeat",
        };
        let on = if self.host.is_empty() { "" } else { " on " };
        write!(
            f,
            "seed {} after {:?}{on}{}: {what}: {}",
            self.seed, self.at, self.host, self.message
        )
    }
}

/// As `Display`: it is what `unwrap` prints.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Failure {}
