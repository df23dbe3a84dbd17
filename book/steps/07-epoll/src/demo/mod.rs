//! What the chapter shows of step 7: its run, its figure, its measurement.

use draw::{Kind, Log};
use sys::count::calls;

use self::edge::notifications;
use self::starve::{by_hand, with_budget};

mod edge;
mod starve;

pub fn run() {
    println!("1000 bytes, read 100 at a time:");
    println!("  level: {} events, edge: {}", notifications(false, 10), notifications(true, 10));
    println!("1000 operations that never block, beside a task that only yields:");
    println!("  by hand:     the other task runs {} times meanwhile", by_hand(1000));
    println!("  with retry:  the other task runs {} times meanwhile", with_budget(1000));
}

pub fn figure() -> String {
    let mut log = Log::new("read");
    for (lane, edge) in [("level", false), ("edge", true)] {
        let mut told = 0;
        for reads in 1..=10 {
            let now = notifications(edge, reads);
            let at = (reads - 1) as f64;
            if now > told {
                log.span(lane, at, at + 0.9, Kind::Kernel, "event");
            } else {
                log.span(lane, at, at + 0.9, Kind::Lost, "none");
            }
            told = now;
        }
    }
    log.svg("Level: an event before each of ten reads. Edge: one event, though 900 bytes are left")
}

pub fn measure() -> String {
    let mut text = String::from(
        "| clients | echoes | epoll_wait | epoll_ctl | read | write |\n|---:|---:|---:|---:|---:|---:|\n",
    );
    for clients in [1, 10, 100] {
        let calls = calls(|| starve::echoes(clients, 200));
        let of = |name: &str| calls.get(name).copied().unwrap_or(0);
        let n = 200 * clients;
        text += &format!(
            "| {clients} | {n} | {} | {} | {} | {} |\n",
            of("epoll_wait"),
            of("epoll_ctl"),
            of("read"),
            of("write")
        );
    }
    text
}
