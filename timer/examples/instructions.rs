//! Runs one operation of the wheel many times, for an instruction counter to watch.
//!
//! Times on a shared machine vary; instructions do not. The cost of one operation is the difference
//! between two counts of rounds, divided by that difference:
//!
//! ```text
//! cargo build --release -p myrt-timer --example instructions
//! valgrind --tool=callgrind target/release/examples/instructions alone 100000
//! valgrind --tool=callgrind target/release/examples/instructions alone 200000
//! ```
//!
//! It reads no clock: run it under one if you want times.

use std::{env, hint::black_box, process::ExitCode};

use myrt_timer::Wheel;

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let (operation, rounds) = (arguments.next(), arguments.next());
    let rounds = rounds
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(100_000);
    match operation.as_deref() {
        Some("alone") => insert_and_remove(rounds, 0),
        Some("crowd") => insert_and_remove(rounds, 100_000),
        Some("reschedule") => reschedule(rounds),
        Some("expire") => expire(rounds),
        Some("next") => next_deadline(rounds),
        _ => {
            eprintln!("usage: instructions alone|crowd|reschedule|expire|next [rounds]");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// Inserts an entry and removes it, with a number of others pending.
fn insert_and_remove(rounds: u64, others: u64) {
    let mut wheel = Wheel::new_at(START);
    for other in 0..others {
        wheel.insert(START + 1 + scattered(other), other);
    }
    for round in 0..rounds {
        let key = wheel.insert(black_box(START + 1 + (round & 0xFFFF)), round);
        black_box(wheel.remove(black_box(key)));
    }
}

/// Moves one entry to and fro.
fn reschedule(rounds: u64) {
    let mut wheel = Wheel::new_at(START);
    let key = wheel.insert(START + 1, 0_u64);
    for round in 0..rounds {
        black_box(wheel.reschedule(key, black_box(START + 1 + (round & 0xFFFF))));
    }
}

/// Inserts that many entries over 16,384 ticks, then advances tick by tick and pops them all.
fn expire(rounds: u64) {
    let mut wheel = Wheel::new_at(START);
    for round in 0..rounds {
        wheel.insert(START + 1 + scattered(round), round);
    }
    let mut popped = 0;
    while let Some(deadline) = wheel.next_deadline() {
        wheel.advance(deadline);
        while let Some(value) = wheel.pop_expired() {
            black_box(value);
            popped += 1;
        }
    }
    assert_eq!(popped, rounds);
}

/// Asks for the next deadline where the only entry is at level 3, and advances by nothing.
fn next_deadline(rounds: u64) {
    let mut wheel = Wheel::new_at(START);
    wheel.insert(START + 1_000_000, 0_u64);
    for _ in 0..rounds {
        black_box(wheel.next_deadline());
        wheel.advance(black_box(START));
    }
}

/// Numbers that look random, below 16,384.
fn scattered(number: u64) -> u64 {
    number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 50
}

/// A time of day in milliseconds: nothing round.
const START: u64 = 49_873_211;
