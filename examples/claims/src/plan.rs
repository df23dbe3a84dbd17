//! How much is measured: the size of each measurement on this machine.
//!
//! Why: one place asks the machine, so measurements need not.

use std::io;
use std::process::{Command, Stdio};

use myrt::runtime::raise_fd_limit;

/// Most descriptors that a process of ours takes, whatever it may.
const MOST_DESCRIPTORS: usize = 20_000;
/// Descriptors that are not connections.
const SPARE: usize = 64;

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) quick: bool,
    /// Connections that one process can have.
    pub(crate) room: usize,
    /// The limit itself, for explanations.
    pub(crate) descriptors: usize,
    /// Python's version, where it is installed.
    pub(crate) python: Option<String>,
    pub(crate) cores: usize,
}

impl Plan {
    pub(crate) fn new(quick: bool) -> io::Result<Self> {
        let (limit, _) = raise_fd_limit()?;
        let descriptors = usize::try_from(limit)
            .unwrap_or(usize::MAX)
            .min(MOST_DESCRIPTORS);
        Ok(Self {
            quick,
            room: descriptors.saturating_sub(SPARE),
            descriptors,
            python: python_version(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
        })
    }

    /// One value for a quick run, one for a full one.
    pub(crate) fn pick<T>(&self, quick: T, full: T) -> T {
        if self.quick { quick } else { full }
    }

    /// `wanted` connections, or as many as there is room for.
    pub(crate) fn fit(&self, wanted: usize) -> usize {
        wanted.min(self.room)
    }

    /// Why `wanted` connections are out of reach.
    pub(crate) fn limit(&self, wanted: &str) -> String {
        format!(
            "{wanted} need as many descriptors in one process; here it may have {}",
            self.descriptors
        )
    }
}

fn python_version() -> Option<String> {
    let output = Command::new("python3")
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let text = String::from_utf8_lossy(&output.stdout);
    Some(text.trim().trim_start_matches("Python ").to_owned())
}
