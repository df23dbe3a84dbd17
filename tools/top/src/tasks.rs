//! What the monitor's `ps --json` says, as tasks; and how busy each was since the last look.

use std::collections::HashMap;
use std::io;
use std::time::Instant;

use serde_json::Value;

/// A task, as it stood.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Task {
    pub id: String,
    pub name: String,
    pub state: String,
    pub polls: u64,
    /// Polls a second since the look before.
    pub rate: f64,
    /// How long it was polled, in microseconds, where that is measured.
    pub busy_us: Option<u64>,
    /// Which part of the time since the look before that is, where both looks have it; 1: all of
    /// it.
    pub share: Option<f64>,
    pub longest_us: Option<u64>,
    pub waited_ms: Option<u64>,
    /// What it waits for, in words.
    pub wait: String,
    pub at: String,
    /// It blocks the loop: in words, for how long and in what.
    pub blocks: Option<String>,
}

/// What to have at the top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// Who kept the loop busiest, then who is polled most often.
    Busy,
    /// Who is polled most often.
    Polls,
    /// Who waits longest.
    Waited,
    /// The order of the table.
    Id,
}

/// All tasks at one moment.
#[derive(Debug)]
pub struct Snapshot {
    pub at: Instant,
    pub tasks: Vec<Task>,
    pub counts: Option<Counts>,
}

/// What the loop counted; it does not tell while it is blocked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Counts {
    pub turns: u64,
    pub busy_us: u64,
    pub ready: u64,
    pub longest_turn_us: u64,
    pub timer_lag_us: u64,
    /// Which part of the time since the look before the loop was busy.
    pub share: Option<f64>,
}

impl Counts {
    /// Reads an answer to `metrics --json`; none, where it is an error.
    pub fn parse(answer: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(answer).ok()?;
        let number = |key: &str| value[key].as_u64();
        Some(Self {
            turns: number("turns")?,
            busy_us: number("busy_us")?,
            ready: number("ready")?,
            longest_turn_us: number("longest_turn_us")?,
            timer_lag_us: number("timer_lag_us")?,
            share: None,
        })
    }
}

impl Snapshot {
    /// Reads an answer to `ps --json`.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(answer: &str) -> io::Result<Self> {
        let value: Value = serde_json::from_str(answer)?;
        if let Some(error) = value["error"].as_str() {
            return Err(io::Error::other(error.to_owned()));
        }
        let rows = value.as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(Self {
            at: Instant::now(),
            tasks: rows.iter().map(task).collect(),
            counts: None,
        })
    }

    /// Counts how busy each task was since an earlier look.
    pub fn compare(&mut self, before: &Self) {
        let seconds = (self.at - before.at).as_secs_f64().max(1e-3);
        let earlier: HashMap<&str, &Task> = before
            .tasks
            .iter()
            .map(|task| (task.id.as_str(), task))
            .collect();
        for task in &mut self.tasks {
            let earlier = earlier.get(task.id.as_str());
            let polls = earlier.map_or(0, |earlier| earlier.polls);
            task.rate = task.polls.saturating_sub(polls) as f64 / seconds;
            // Who was not timed yet was not polled since it is.
            let busy = earlier.map_or(0, |earlier| earlier.busy_us.unwrap_or(0));
            let grown = task.busy_us.map(|now| now.saturating_sub(busy) as f64);
            task.share = grown.map(|micros| micros / 1e6 / seconds);
        }
        if let (Some(counts), Some(before)) = (&mut self.counts, &before.counts) {
            let grown = counts.busy_us.saturating_sub(before.busy_us) as f64;
            counts.share = Some(grown / 1e6 / seconds);
        }
    }

    /// Puts first what is asked for; what is equal stays in the order of the table.
    pub fn sort(&mut self, by: Sort) {
        match by {
            Sort::Busy => self.tasks.sort_by(|a, b| {
                let share = |task: &Task| task.share.unwrap_or(0.0);
                let busier = share(b).total_cmp(&share(a));
                busier.then(b.rate.total_cmp(&a.rate))
            }),
            Sort::Polls => self.tasks.sort_by(|a, b| b.rate.total_cmp(&a.rate)),
            Sort::Waited => self
                .tasks
                .sort_by_key(|task| std::cmp::Reverse(task.waited_ms)),
            Sort::Id => {}
        }
    }
}

fn task(row: &Value) -> Task {
    let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
    Task {
        id: text("id"),
        name: text("name"),
        state: text("state"),
        polls: row["polls"].as_u64().unwrap_or(0),
        rate: 0.0,
        busy_us: row["busy_us"].as_u64(),
        share: None,
        longest_us: row["longest_poll_us"].as_u64(),
        waited_ms: row["waited_ms"].as_u64(),
        wait: wait_of(row),
        at: place(row),
        blocks: row["blocks_ms"].as_u64().map(|lasts| {
            let call = row["system_call"].as_str();
            let doing = match call {
                Some(call) => format!("sleeps in {call}"),
                None if row["burns_cpu"] == true => "burns CPU".into(),
                None => "is somewhere".into(),
            };
            format!("{doing} for {}", duration(lasts))
        }),
    }
}

/// `read fd 7 (127.0.0.1:4242)`, `lock held by 3 worker`.
fn wait_of(row: &Value) -> String {
    let text = |key: &str| row[key].as_str();
    let Some(kind) = text("waits_for") else {
        return String::new();
    };
    let mut words = kind.to_owned();
    let more = match kind {
        "read" | "write" | "accept" => {
            let with = text("peer").or_else(|| text("local"));
            with.map(|with| format!("fd {} ({with})", row["fd"]))
                .or_else(|| Some(format!("fd {}", row["fd"])))
        }
        "join" => text("join").map(|id| format!("task {id}")),
        _ => [
            ("holder", "held by"),
            ("last_holder", "last had by"),
            ("receiver", "read by"),
        ]
        .iter()
        .find_map(|(key, role)| text(key).map(|id| format!("{role} {id}")))
        .map(|words| match text("holder_name") {
            Some(name) => format!("{words} {name}"),
            None if row["holder_ended"] == true => words + " (ended)",
            None => words,
        }),
    };
    if let Some(more) = more {
        words.push(' ');
        words.push_str(&more);
    }
    if row["among_others"] == true {
        words.push_str(" …");
    }
    words
}

/// Where it waits, or where it came from; the folders are left out.
fn place(row: &Value) -> String {
    let at = row["waits_at"]
        .as_str()
        .or_else(|| row["spawned_at"].as_str());
    let at = at.unwrap_or_default();
    at.rsplit_once('/').map_or(at, |(_, file)| file).to_owned()
}

/// Milliseconds in few letters.
pub fn duration(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{:.1} s", ms as f64 / 1e3),
        60_000..3_600_000 => format!("{} min {:02} s", ms / 60_000, ms / 1_000 % 60),
        _ => format!("{} h {:02} min", ms / 3_600_000, ms / 60_000 % 60),
    }
}

/// The same from microseconds.
pub fn micros(us: u64) -> String {
    if us < 1_000 {
        format!("{us} µs")
    } else {
        duration(us / 1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = r#"[
        {"id":"main","state":"waiting","spawned_at":"src/main.rs:3:1","polls":7,"waited_ms":65000,"waits_for":"accept","fd":3,
         "local":"127.0.0.1:80","waits_at":"src/main.rs:9:20"},
        {"id":"2","name":"a","state":"waiting","polls":40,"waited_ms":12,"waits_for":"lock","object":"0x1","holder":"3",
         "holder_name":"b","among_others":true},
        {"id":"3","name":"b","state":"running","spawned_at":"lib.rs:1:1","polls":1,"blocks_ms":1500,"system_call":"read"}]"#;

    #[test]
    fn an_answer_becomes_tasks() {
        let snapshot = Snapshot::parse(ANSWER).unwrap();
        let [main, a, b] = &snapshot.tasks[..] else {
            panic!("three tasks")
        };
        assert_eq!(
            (main.wait.as_str(), main.at.as_str()),
            ("accept fd 3 (127.0.0.1:80)", "main.rs:9:20")
        );
        assert_eq!(a.wait, "lock held by 3 b …");
        assert_eq!(b.blocks.as_deref(), Some("sleeps in read for 1.5 s"));
        assert!(Snapshot::parse(r#"{"error":"no"}"#).is_err());
    }

    #[test]
    fn who_was_polled_most_stands_first() {
        let before = Snapshot::parse(ANSWER).unwrap();
        let mut after = Snapshot::parse(&ANSWER.replace("\"polls\":40", "\"polls\":90")).unwrap();
        after.compare(&before);
        after.sort(Sort::Polls);
        assert_eq!(after.tasks[0].id, "2");
        assert!(after.tasks[1].rate == 0.0 && after.tasks[0].rate > 0.0);
        after.sort(Sort::Waited);
        assert_eq!(after.tasks[0].id, "main");
    }

    #[test]
    fn who_kept_the_loop_busy_is_known_where_polls_are_timed() {
        let timed = |busy: u64| {
            let json = format!(
                r#"[{{"id":"1","polls":9}},{{"id":"2","polls":9,"busy_us":{busy},"longest_poll_us":70}}]"#
            );
            let mut snapshot = Snapshot::parse(&json).unwrap();
            let metrics = format!(
                r#"{{"turns":1,"ready":0,"busy_us":{busy},"longest_turn_us":5,"timer_lag_us":1}}"#
            );
            snapshot.counts = Counts::parse(&metrics);
            snapshot
        };
        let before = timed(1_000_000);
        let mut after = timed(1_500_000);
        after.at = before.at + std::time::Duration::from_secs(1);
        after.compare(&before);
        after.sort(Sort::Busy);
        let [busy, idle] = &after.tasks[..] else {
            panic!("two tasks")
        };
        assert_eq!(
            (busy.id.as_str(), busy.share, idle.share),
            ("2", Some(0.5), None)
        );
        assert_eq!(busy.longest_us, Some(70));
        assert_eq!(after.counts.and_then(|counts| counts.share), Some(0.5));
        assert_eq!(
            Counts::parse(r#"{"error":"the loop does not answer"}"#),
            None
        );
    }

    #[test]
    fn durations_are_short() {
        assert_eq!([999, 70_500].map(micros), ["999 µs", "70 ms"]);
        let all = [7, 1_500, 65_000, 3_660_000].map(duration);
        assert_eq!(all, ["7 ms", "1.5 s", "1 min 05 s", "1 h 01 min"]);
    }
}
