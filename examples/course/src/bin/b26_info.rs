//! What this machine offers for waiting, and what to take.
//!
//! Prints each selector: whether this build has it, the largest descriptor that it watches, whether
//! a runtime on it comes up; then what myrt takes by itself, and advice for the cases of the
//! course's table.
//!
//! Course: 8.6, "Récapitulatif" and where select is appropriate (B26), `DefaultSelector` (B21). On
//! Windows select takes sockets only ("Les entrées/sorties", note: D5), and there the resemblance
//! ends: myrt refuses to be built there, and says so.
//!
//! ```text
//! cargo run --release -p course --bin info
//! ```

use std::io;

use myrt::runtime::{Builder, Selector, raise_fd_limit};

/// One line for each case of the course's table.
const ADVICE: [(&str, &str); 6] = [
    ("a program for Linux", "the default: epoll, edge-triggered"),
    ("a program for macOS or a BSD", "the default: kqueue"),
    (
        "a program for all of them",
        "the default: it is the best of each",
    ),
    (
        "fewer than a hundred descriptors",
        "any: nobody sees a difference",
    ),
    (
        "to see portable code at work",
        "poll; select ends at descriptor 1023",
    ),
    ("Windows", "not supported: use WSL, or tokio"),
];

fn main() -> io::Result<()> {
    println!(
        "{:<15}{:<12}{:<20}comes up",
        "selector", "built in", "largest descriptor"
    );
    for selector in Selector::ALL {
        let largest = selector
            .max_fd()
            .map_or("the process's limit".to_owned(), |fd| fd.to_string());
        let comes_up = match Builder::new().selector(selector).build() {
            Ok(_) => "yes".to_owned(),
            Err(error) => error.to_string(),
        };
        let built_in = if selector.is_supported() { "yes" } else { "no" };
        println!("{selector:<15}{built_in:<12}{largest:<20}{comes_up}");
    }
    let (before, most) = (soft_limit(), raise_fd_limit()?.0);
    println!("\nthe default here: {}", Selector::default());
    println!("descriptors a process: {before}, {most} when it asks (runtime::raise_fd_limit)\n");
    for (case, take) in ADVICE {
        println!("{case:<34}{take}");
    }
    Ok(())
}

/// The limit that a process starts with.
fn soft_limit() -> String {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().nth(3));
    soft.unwrap_or("?").to_owned()
}
