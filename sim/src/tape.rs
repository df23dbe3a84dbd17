//! The tape: every choice of a run, in order, a row for each purpose.
//!
//! Why: a run is its seed's tape and nothing else, so it can be repeated, and made simpler by
//! writing zeros: draw 0 is always the ordinary thing (no fault, least latency, first come first
//! served), and what is beyond a tape's end is 0.

use std::cell::RefCell;
use std::fmt;
use std::str::FromStr;

/// What a choice is for. Each purpose has a row of its own, so that a change of one moves none of
/// the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Delay, loss and order of messages.
    Network,
    /// Who runs next.
    Schedule,
    /// Faults.
    Fault,
    /// [`crate::random`].
    User,
}

const PURPOSES: [(Purpose, &str); 4] = [
    (Purpose::Network, "network"),
    (Purpose::Schedule, "schedule"),
    (Purpose::Fault, "fault"),
    (Purpose::User, "user"),
];

/// The choices of one run: what [`World::fork_tape`](crate::World::fork_tape) gives. Its text, by
/// `Display` and `FromStr`, is what `MYRT_SIM_TAPE` reads from a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tape {
    pub(crate) seed: u64,
    pub(crate) rows: [Vec<u64>; 4],
}

impl Tape {
    /// The seed of the run.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// How many choices are not the ordinary thing.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.iter().flatten().filter(|it| **it != 0).count()
    }

    /// Whether it is the plain run.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Cuts the zeros at the ends of the rows off.
    pub(crate) fn trim(&mut self) {
        for row in &mut self.rows {
            let end = row.iter().rposition(|it| *it != 0).map_or(0, |at| at + 1);
            row.truncate(end);
        }
    }
}

impl fmt::Display for Tape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "myrt-sim tape 1")?;
        writeln!(f, "seed {}", self.seed)?;
        for (purpose, name) in PURPOSES {
            write!(f, "{name}")?;
            for value in &self.rows[purpose as usize] {
                write!(f, " {value}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

/// A text that is no tape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseTapeError {
    line: usize,
}

impl fmt::Display for ParseTapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "line {} is none of a tape's: \"myrt-sim tape 1\", \"seed N\", then a row of numbers \
             for network, schedule, fault and user",
            self.line
        )
    }
}

impl std::error::Error for ParseTapeError {}

impl FromStr for Tape {
    type Err = ParseTapeError;

    fn from_str(text: &str) -> Result<Self, ParseTapeError> {
        let mut lines = text.lines();
        let mut number = 0;
        let mut next = |word: &str| {
            number += 1;
            let wrong = ParseTapeError { line: number };
            let rest = lines.next().and_then(|line| line.strip_prefix(word));
            let numbers = rest.ok_or(wrong.clone())?.split_whitespace();
            let numbers = numbers
                .map(str::parse::<u64>)
                .collect::<Result<Vec<_>, _>>();
            numbers.map_err(|_| wrong)
        };
        let head = next("myrt-sim tape")?;
        let seed = next("seed")?;
        let mut rows = <[Vec<u64>; 4]>::default();
        for (purpose, name) in PURPOSES {
            rows[purpose as usize] = next(name)?;
        }
        match (head.as_slice(), seed.as_slice()) {
            ([1], [seed]) => Ok(Self { seed: *seed, rows }),
            _ => Err(ParseTapeError { line: 1 }),
        }
    }
}

/// One choice that was made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Choice {
    pub(crate) purpose: Purpose,
    pub(crate) place: usize,
    pub(crate) what: &'static str,
    pub(crate) at: u64,
}

/// Makes the choices of a run, from a generator or from a tape, and writes them down.
pub(crate) struct Tapes {
    state: RefCell<State>,
}

struct State {
    made: Tape,
    /// What is repeated; none: the generator decides.
    given: Option<Tape>,
    random: u64,
    /// The choices that were not the ordinary thing.
    unusual: Vec<Choice>,
}

impl Tapes {
    pub(crate) fn new(seed: u64, given: Option<Tape>) -> Self {
        let made = Tape {
            seed,
            rows: Default::default(),
        };
        Self {
            state: RefCell::new(State {
                made,
                given,
                random: seed,
                unusual: Vec::new(),
            }),
        }
    }

    /// A number below `bound`; 0 is the ordinary thing.
    pub(crate) fn draw(&self, purpose: Purpose, what: &'static str, bound: u64, at: u64) -> u64 {
        if bound <= 1 {
            return 0;
        }
        self.next(purpose, what, at, |random| random % bound)
            .min(bound - 1)
    }

    /// Whether something of that probability happens; the ordinary thing is that it does not.
    pub(crate) fn chance(&self, purpose: Purpose, what: &'static str, p: f64, at: u64) -> bool {
        if p <= 0.0 {
            return false;
        }
        let most = (p.min(1.0) * MILLION) as u64;
        let happens = |random: u64| u64::from(random % (MILLION as u64) < most);
        self.next(purpose, what, at, happens) != 0
    }

    fn next(
        &self,
        purpose: Purpose,
        what: &'static str,
        at: u64,
        pick: impl FnOnce(u64) -> u64,
    ) -> u64 {
        let mut state = self.state.borrow_mut();
        let place = state.made.rows[purpose as usize].len();
        let value = match &state.given {
            Some(tape) => tape.rows[purpose as usize].get(place).copied().unwrap_or(0),
            None => pick(split_mix(&mut state.random)),
        };
        state.made.rows[purpose as usize].push(value);
        if value != 0 {
            let choice = Choice {
                purpose,
                place,
                what,
                at,
            };
            state.unusual.push(choice);
        }
        value
    }

    pub(crate) fn seed(&self) -> u64 {
        self.state.borrow().made.seed
    }

    /// The choices so far, without the ordinary ones at the end.
    pub(crate) fn made(&self) -> Tape {
        let mut tape = self.state.borrow().made.clone();
        tape.trim();
        tape
    }

    /// How many choices so far were not the ordinary thing.
    pub(crate) fn unusual_count(&self) -> usize {
        self.state.borrow().unusual.len()
    }

    /// The choice at a place, if it was made and was not the ordinary thing.
    pub(crate) fn unusual(&self, purpose: usize, place: usize) -> Option<Choice> {
        let state = self.state.borrow();
        let found = |it: &&Choice| it.purpose as usize == purpose && it.place == place;
        state.unusual.iter().find(found).copied()
    }
}

const MILLION: f64 = 1_000_000.0;

/// SplitMix64 (Steele, Lea, Flood 2014): any seed will do, zero and neighbours too.
pub(crate) fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::{Purpose, Tape, Tapes};

    #[test]
    fn a_tape_is_read_as_it_was_written_and_repeats_the_run() {
        let run = |tape: Option<Tape>| {
            let tapes = Tapes::new(7, tape);
            let drawn: Vec<u64> = (0..20)
                .map(|at| tapes.draw(Purpose::Network, "latency", 100, at))
                .collect();
            let lost = tapes.chance(Purpose::Fault, "loss", 0.5, 3);
            (drawn, lost, tapes.made())
        };
        let (drawn, lost, tape) = run(None);
        let read: Tape = tape.to_string().parse().unwrap();
        assert_eq!(read, tape);
        assert_eq!(run(Some(read)), (drawn, lost, tape));
        let plain = run(Some(Tape::default()));
        assert_eq!((plain.0, plain.1), (vec![0; 20], false));
    }

    #[test]
    fn a_text_that_is_no_tape_is_refused_with_its_line() {
        for (text, line) in [("", 1), ("myrt-sim tape 1\nseed x", 2), ("tape", 1)] {
            let error = text.parse::<Tape>().unwrap_err();
            assert!(error.to_string().starts_with(&format!("line {line} ")));
        }
    }
}
