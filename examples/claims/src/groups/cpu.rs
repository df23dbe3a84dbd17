//! N23: computing on threads and in processes, in Python with its lock and in Rust without one.

use std::hint::black_box;
use std::io;
use std::thread;

use myrt::time::{Duration, Instant};

use crate::finding::Findings;
use crate::machine::{memory, python};
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

/// How much longer two computations at once take than one alone.
struct Ratios {
    rust: f64,
    /// Threads, processes, and whether there is a GIL.
    python: Option<(f64, f64, bool)>,
}

fn measure(plan: &Plan) -> io::Result<Ratios> {
    let rounds = plan.pick(100_000_000, 300_000_000);
    let alone = best(|| {
        black_box(compute(rounds));
    });
    let both = best(|| {
        thread::scope(|scope| {
            (0..2).for_each(|_| drop(scope.spawn(|| black_box(compute(rounds)))));
        });
    });
    let rust = both.as_secs_f64() / alone.as_secs_f64();
    if plan.python.is_none() {
        return Ok(Ratios { rust, python: None });
    }
    let rounds = plan.pick("2000000", "6000000").to_owned();
    let numbers = python::start(python::CPU, &[rounds])?.numbers()?;
    let [alone, threads, processes, lock] = numbers[..] else {
        return Err(io::Error::other("four numbers were expected"));
    };
    let python = Some((threads / alone, processes / alone, lock != 0.0));
    Ok(Ratios { rust, python })
}

pub(super) fn run(plan: &Plan, findings: &mut Findings) -> io::Result<()> {
    let load = memory::load().unwrap_or(0.0);
    let ratios = measure(plan)?;
    findings.number("N23", "two threads in Rust", ratios.rust, "x");
    // Two threads without a lock are the control: where they take longer than one, there is no
    // second core to be had.
    let busy = plan.cores < 2 || ratios.rust > 1.4;
    let mut judge = |holds: bool, claim: &str, measured: String, note: &str| {
        if busy {
            let why = format!(
                "no second core is free: {} cores, load {load:.1}",
                plan.cores
            );
            findings.untested("N23", claim, measured, why);
        } else {
            findings.judge("N23", holds, claim, measured, note);
        }
    };
    let claim = "without a GIL two threads take 1x (Rust)";
    judge(
        true,
        claim,
        format!("{:.2}x", ratios.rust),
        "the best of three",
    );
    let Some((threads, processes, lock)) = ratios.python else {
        let why = "python3 is not installed";
        findings.untested("N23", "threads 2x under the GIL, processes 1x", "", why);
        return Ok(());
    };
    let claim = "two threads take 2x under the GIL (Python)";
    let note = if lock { "" } else { "this Python has no GIL" };
    judge(
        (1.7..3.0).contains(&threads),
        claim,
        format!("{threads:.2}x"),
        note,
    );
    let claim = "two processes take 1x (Python)";
    judge(processes < 1.4, claim, format!("{processes:.2}x"), "");
    findings.number("N23", "two threads in Python", threads, "x");
    findings.number("N23", "two processes in Python", processes, "x");
    Ok(())
}
