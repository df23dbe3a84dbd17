//! N23: computing on threads and in processes, in Python with its lock and in Rust without one.

use std::hint::black_box;
use std::io;
use std::thread;

use myrt::time::{Duration, Instant};

use crate::finding::Findings;
use crate::machine::python;
use crate::plan::Plan;

fn compute(rounds: u64) -> u64 {
    let mut value: u64 = 1;
    for round in 0..rounds {
        value = black_box(
            value
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(round),
        );
    }
    value
}

/// The best of three, since others compute too.
fn best(run: impl Fn()) -> Duration {
    let once = || {
        let start = Instant::now();
        run();
        start.elapsed()
    };
    (0..3).map(|_| once()).min().unwrap_or_default()
}

pub(super) fn run(plan: &Plan, findings: &mut Findings) -> io::Result<()> {
    if plan.cores < 2 {
        let why = "there is one core only, so nothing can be faster than one after the other";
        findings.untested("N23", "threads 2x under the GIL, processes 1x", "", why);
        return Ok(());
    }
    let rounds = plan.pick(100_000_000, 300_000_000);
    let alone = best(|| drop(black_box(compute(rounds))));
    let both = best(|| {
        thread::scope(|scope| {
            (0..2).for_each(|_| drop(scope.spawn(|| black_box(compute(rounds)))))
        });
    });
    let ratio = both.as_secs_f64() / alone.as_secs_f64();
    let why = "the best of three; a machine with other work on it shows more";
    findings.judge(
        "N23",
        ratio < 1.4,
        "without a GIL two threads take as long as one (Rust)",
        format!("{ratio:.2}x"),
        why,
    );
    findings.number("N23", "two threads in Rust", ratio, "x");
    if plan.python.is_none() {
        findings.untested(
            "N23",
            "threads 2x under the GIL, processes 1x",
            "",
            "python3 is not installed",
        );
        return Ok(());
    }
    let rounds = plan.pick("2000000", "6000000").to_owned();
    let numbers = python::start(python::CPU, &[rounds])?.numbers()?;
    let [alone, threads, processes, lock] = numbers[..] else {
        return Err(io::Error::other("four numbers were expected"));
    };
    let ratio = threads / alone;
    let claim = "two threads take 2x under the GIL (Python)";
    let note = if lock == 0.0 {
        "this Python has no GIL"
    } else {
        ""
    };
    findings.judge(
        "N23",
        (1.7..3.0).contains(&ratio),
        claim,
        format!("{ratio:.2}x"),
        note,
    );
    let ratio = processes / alone;
    findings.judge(
        "N23",
        ratio < 1.4,
        "two processes take 1x (Python)",
        format!("{ratio:.2}x"),
        why,
    );
    Ok(())
}
