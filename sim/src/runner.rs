//! What `#[sim::test]` runs: seeds, and for the one that fails the shortest tape.
//!
//! A failing seed is run again with more and more of its choices set to the ordinary thing, for as
//! long as the same thing goes wrong: what is left is what matters.

use std::any::Any;
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::thread;

use crate::check;
use crate::failure::{Failure, FailureKind};
use crate::panics;
use crate::tape::{Tape, Tapes};
use crate::world::World;

/// How often a failing run is repeated to make its tape shorter.
const MOST_RUNS: usize = 400;

type Body<'a> = dyn Fn(&mut World) + Sync + 'a;

/// How one run of a body ended.
struct Run {
    failure: Option<Failure>,
    hash: u64,
}

/// Runs `body` for the seeds that the environment or the test's attribute asks for.
///
/// # Panics
/// With what went wrong, when a seed fails; when the environment asks for what does not exist.
pub fn run(name: &'static str, seeds: u64, body: impl Fn(&mut World) + Sync) {
    let body: &Body<'_> = &body;
    let check = env::var_os("MYRT_SIM_CHECK").is_some_and(|it| it == "1");
    if let Some(path) = env::var_os("MYRT_SIM_TAPE").filter(|it| !it.is_empty()) {
        let path = PathBuf::from(path);
        let text = fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("MYRT_SIM_TAPE={}: {error}", path.display()));
        let tape: Tape = text
            .parse()
            .unwrap_or_else(|error| panic!("MYRT_SIM_TAPE={}: {error}", path.display()));
        let run = once(body, tape.seed(), Some(tape), false);
        if let Some(failure) = run.failure {
            panic!("{failure}");
        }
        return;
    }
    let (first, last) = match (number("MYRT_SIM_SEED"), number("MYRT_SIM_SEEDS")) {
        (Some(one), _) => (one, one.saturating_add(1)),
        (None, Some(many)) => (0, many),
        (None, None) => (0, seeds),
    };
    for seed in first..last {
        let mut run = once(body, seed, None, true);
        if check && run.failure.is_none() {
            let again = once(body, seed, None, true);
            if again.failure.is_some() || again.hash != run.hash {
                run.failure = Some(leak(seed, run.hash, again));
            }
        }
        if let Some(failure) = run.failure {
            panic!("{}", report(name, body, &failure));
        }
    }
    let never = check::never_held();
    assert!(
        never.is_empty() || last - first < seeds.max(2),
        "in none of {} seeds did this hold: {}",
        last - first,
        never.join("; ")
    );
}

fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok().filter(|it| !it.is_empty())?;
    let number = text.parse();
    Some(number.unwrap_or_else(|error| panic!("{name}={text}: {error}")))
}

/// One run, on a thread of its own: what std keeps for each thread is fresh with it.
fn once(body: &Body<'_>, seed: u64, tape: Option<Tape>, quiet: bool) -> Run {
    let run = move || {
        let tapes = Tapes::new(seed, tape);
        let mut world = World::with_tapes(tapes);
        let mut run = || catch_unwind(AssertUnwindSafe(|| body(&mut world)));
        let ended = if quiet { panics::quietly(run) } else { run() };
        let failure = ended.err().map(|panic| failure_of(&world, &*panic));
        Run {
            failure,
            hash: world.hash(),
        }
    };
    let name = thread::current().name().map(str::to_owned);
    thread::scope(|scope| {
        let builder = thread::Builder::new().name(name.unwrap_or_default());
        let thread = builder.spawn_scoped(scope, run);
        let ended = thread.map(|it| it.join());
        match ended {
            Ok(Ok(run)) => run,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(error) => panic!("no thread for a simulated world: {error}"),
        }
    })
}

/// The world's own failure, or what the body made of it.
fn failure_of(world: &World, panic: &(dyn Any + Send)) -> Failure {
    match world.broken() {
        Some(failure) => failure,
        None => world.panicked(panics::message(panic)),
    }
}

fn leak(seed: u64, hash: u64, again: Run) -> Failure {
    let message = format!(
        "two runs differ (event hashes {hash:x} and {:x}): something that is not the world's \
         decides, such as an address, a thread or a real clock{}",
        again.hash,
        again
            .failure
            .map_or_else(String::new, |it| format!("; the second: {it}"))
    );
    Failure {
        kind: FailureKind::Leak,
        seed,
        at: std::time::Duration::ZERO,
        host: String::new(),
        message,
        tape: Box::default(),
    }
}

/// What a failing seed prints, in ten lines.
fn report(name: &str, body: &Body<'_>, failure: &Failure) -> String {
    let mut text = format!("{failure}\n");
    if failure.kind == FailureKind::Leak {
        let _ = write!(
            text,
            "again: MYRT_SIM_SEED={} MYRT_SIM_CHECK=1 cargo test {name}",
            failure.seed
        );
        return text;
    }
    let (tape, runs) = shrink(body, failure);
    let _ = writeln!(
        text,
        "choices: {} before, {} after {runs} runs to shorten them",
        failure.tape.len(),
        tape.len()
    );
    if let Some(line) = difference(body, failure, &tape) {
        let _ = writeln!(text, "{line}");
    }
    let file = format!("myrt-sim-{}-{}.tape", name.replace("::", "-"), failure.seed);
    let path = env::temp_dir().join(file);
    match fs::write(&path, tape.to_string()) {
        Ok(()) => {
            let _ = write!(
                text,
                "again: MYRT_SIM_TAPE={} cargo test {name}",
                path.display()
            );
        }
        Err(error) => {
            let _ = write!(
                text,
                "again: MYRT_SIM_SEED={} cargo test {name} (the tape could not be written: {error})",
                failure.seed
            );
        }
    }
    text
}

/// The shortest tape found that ends in the same failure, and how many runs that took.
fn shrink(body: &Body<'_>, failure: &Failure) -> (Tape, usize) {
    let mut best = (*failure.tape).clone();
    let mut runs = 0;
    let fails = |tape: &Tape, runs: &mut usize| {
        *runs += 1;
        let run = once(body, tape.seed(), Some(tape.clone()), true);
        run.failure.is_some_and(|it| it.is_like(failure))
    };
    // Whole purposes, then blocks of halving length, then smaller numbers.
    for row in 0..best.rows.len() {
        let mut length = best.rows[row].len();
        while length > 0 && runs < MOST_RUNS {
            let mut from = 0;
            while from < best.rows[row].len() && runs < MOST_RUNS {
                let to = (from + length).min(best.rows[row].len());
                let has_any = best.rows[row][from..to].iter().any(|it| *it != 0);
                if has_any {
                    let mut tried = best.clone();
                    tried.rows[row][from..to].fill(0);
                    if fails(&tried, &mut runs) {
                        best = tried;
                    }
                }
                from = to;
            }
            length /= 2;
        }
    }
    for row in 0..best.rows.len() {
        for place in 0..best.rows[row].len() {
            while best.rows[row][place] > 1 && runs < MOST_RUNS {
                let mut tried = best.clone();
                tried.rows[row][place] /= 2;
                if !fails(&tried, &mut runs) {
                    break;
                }
                best = tried;
            }
        }
    }
    best.trim();
    (best, runs)
}

/// The last choice without which the run passes.
fn difference(body: &Body<'_>, failure: &Failure, tape: &Tape) -> Option<String> {
    let rows = tape.rows.iter().enumerate().rev();
    let places = rows.flat_map(|(row, values)| {
        let there = values.iter().enumerate().rev().filter(|it| *it.1 != 0);
        there.map(move |(place, value)| (row, place, *value))
    });
    for (row, place, value) in places.take(16) {
        let mut tried = tape.clone();
        tried.rows[row][place] = 0;
        let passes = once(body, tape.seed(), Some(tried), true);
        if !passes.failure.is_some_and(|it| it.is_like(failure)) {
            let (what, at) = name_of(body, tape, row, place)?;
            return Some(format!(
                "it passes when one choice is 0 instead of {value}: {what}, {at:?} after the beginning"
            ));
        }
    }
    None
}

/// What a choice was about.
fn name_of(
    body: &Body<'_>,
    tape: &Tape,
    row: usize,
    place: usize,
) -> Option<(&'static str, std::time::Duration)> {
    thread::scope(|scope| {
        let run = || {
            let mut world = World::replay(tape.clone());
            let run = || catch_unwind(AssertUnwindSafe(|| body(&mut world)));
            let _ = panics::quietly(run);
            world.choice(row, place)
        };
        scope.spawn(run).join().ok().flatten()
    })
}
