//! N9 and N10: a chat and a game, with all clients in one process of their own.

use std::io;

use crate::finding::{Findings, Plot};
use crate::machine::child::Role;
use crate::machine::show::{bytes, count};
use crate::plan::Plan;

/// What the crowd saw, in seconds.
struct Seen {
    clients: usize,
    median: f64,
    slow: f64,
    /// Until the last one has it, median.
    all: f64,
    lost: u64,
    frames: f64,
    gap: f64,
    /// Of the server: bytes a client, its processor time as a share of the time.
    each: u64,
    whole: u64,
}

fn measure(role: &str, clients: usize, rounds: u32, rest: u32) -> io::Result<Seen> {
    let server = Role::serve(role, &[])?;
    let before = server.memory().unwrap_or_default();
    let arguments = [
        server.port.to_string(),
        clients.to_string(),
        rounds.to_string(),
        rest.to_string(),
    ];
    let mut crowd = Role::start("crowd", &arguments)?;
    crowd.line()?;
    let after = server.memory().unwrap_or_default();
    crowd.say("go")?;
    let numbers = crowd.numbers()?;
    let [median, slow, _, all, lost, frames, gap] = numbers[..] else {
        return Err(io::Error::other("seven numbers were expected"));
    };
    Ok(Seen {
        clients,
        median,
        slow,
        all,
        lost: lost as u64,
        frames,
        gap,
        each: after.resident.saturating_sub(before.resident) / clients as u64,
        whole: after.resident,
    })
}

pub(super) fn run(plan: &Plan, findings: &mut Findings) -> io::Result<()> {
    chat(plan, findings)?;
    game(plan, findings)
}

fn chat(plan: &Plan, findings: &mut Findings) -> io::Result<()> {
    let rounds = plan.pick(5, 30);
    let sizes = [1_000, plan.fit(10_000), plan.fit(plan.pick(10_000, 19_000))];
    let mut points = Vec::new();
    let mut last = None;
    for size in sizes {
        if points.iter().any(|(clients, _)| *clients == size as f64) {
            continue;
        }
        let seen = measure("chat", size, rounds, 50)?;
        let measured = format!(
            "median {:.1} ms, p99 {:.1} ms; the last has it after {:.1} ms",
            seen.median * 1e3,
            seen.slow * 1e3,
            seen.all * 1e3
        );
        let claim = format!("below 10 ms to each of {} in one room", count(size));
        let why = "a message is a system call for each member; the crowd reads on the same machine";
        findings.judge(
            "N9",
            seen.lost == 0 && seen.slow < 0.010,
            claim,
            measured,
            why,
        );
        findings.number("N9", format!("{size} clients, p99"), seen.slow * 1e3, "ms");
        points.push((size as f64, seen.slow * 1e3));
        last = Some(seen);
    }
    if let Some(seen) = last {
        let measured = format!(
            "{} B a client, {} for {}",
            count(seen.each),
            bytes(seen.whole),
            count(seen.clients)
        );
        findings.judge(
            "N9",
            seen.each <= 10_000,
            "10 KB a client",
            measured,
            "the kernel's socket buffers come on top",
        );
        findings.number("N9", "memory a client", seen.each as f64, "B");
        let measured = format!("extrapolated: {}", bytes(seen.each * 100_000));
        findings.untested(
            "N9",
            "100,000 clients in 1 GB",
            measured,
            plan.limit("100,000 clients"),
        );
    }
    let curves = vec![("chat, p99".to_owned(), points)];
    findings.plot(Plot {
        id: "N9",
        title: "A message to everybody in one room".into(),
        x: "clients",
        y: "ms",
        curves,
    });
    Ok(())
}

/// More and more players, until it is too many.
fn game(plan: &Plan, findings: &mut Findings) -> io::Result<()> {
    let rounds = plan.pick(10, 100);
    let (mut points, mut most, mut failures) = (Vec::new(), 0, 0);
    let mut last = (false, String::new());
    let sizes: &[usize] = plan.pick(
        &[100, 1_000, 10_000],
        &[100, 500, 1_000, 2_000, 5_000, 10_000],
    );
    for &wanted in sizes {
        let size = plan.fit(wanted);
        let seen = measure("game", size, rounds, 0)?;
        points.push((size as f64, seen.slow * 1e3));
        findings.number("N10", format!("{size} players, p99"), seen.slow * 1e3, "ms");
        findings.number("N10", format!("{size} players, frames"), seen.frames, "1/s");
        last = (is_playable(&seen), game_text(&seen));
        if last.0 {
            (most, failures) = (size, 0);
        } else {
            failures += 1;
        }
        // One may have been somebody else's fault; a quick run does not ask again.
        if failures == plan.pick(1, 2) {
            break;
        }
    }
    findings.number("N10", "most players of those tried", most as f64, "");
    let why = "a frame is a system call for each player, 600,000 a second for 10,000; the players are on the same machine";
    findings.judge(
        "N10",
        most >= 10_000,
        "10,000 players: below 50 ms, 60 frames/s",
        last.1,
        why,
    );
    let measured = format!("up to {} players, of the numbers tried", count(most));
    findings.judge(
        "N10",
        most > 0,
        "a frame each 16 ms, answers below 50 ms",
        measured,
        "",
    );
    findings.plot(Plot {
        id: "N10",
        title: "From a player's input to everybody's screen, 60 frames/s".into(),
        x: "players",
        y: "ms",
        curves: vec![("game, p99".to_owned(), points)],
    });
    Ok(())
}

/// Below 50 ms, and frames 16.7 ms apart, give or take one.
fn is_playable(seen: &Seen) -> bool {
    seen.lost == 0 && seen.slow < 0.050 && (56.6..63.7).contains(&seen.frames)
}

fn game_text(seen: &Seen) -> String {
    let mut text = format!(
        "{} players: from input to screen median {:.0} ms, p99 {:.0} ms; {:.1} frames/s, 99 % at most {:.1} ms apart",
        count(seen.clients),
        seen.median * 1e3,
        seen.slow * 1e3,
        seen.frames,
        seen.gap * 1e3,
    );
    if seen.lost > 0 {
        text += &format!("; {} inputs not seen by all within a second", seen.lost);
    }
    text
}
