//! The progress bar: what is being measured, on stderr, only if that is a terminal.

use std::io::{IsTerminal, Write};

const WIDTH: usize = 30;

#[derive(Debug)]
pub(crate) struct Progress {
    shown: bool,
    done: u32,
    all: u32,
}

impl Progress {
    pub(crate) fn new(all: u32) -> Self {
        Self {
            shown: std::io::stderr().is_terminal(),
            done: 0,
            all: all.max(1),
        }
    }

    /// Something of this weight begins.
    pub(crate) fn begin(&self, name: &str) {
        if !self.shown {
            return;
        }
        let full = WIDTH * self.done as usize / self.all as usize;
        let left = self.all - self.done.min(self.all);
        eprint!(
            "\r\x1b[K[{}{}] {name} (about {left} s left)",
            "#".repeat(full),
            "-".repeat(WIDTH - full)
        );
        let _ = std::io::stderr().flush();
    }

    pub(crate) fn end(&mut self, weight: u32) {
        self.done = (self.done + weight).min(self.all);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            eprint!("\r\x1b[K");
        }
    }
}
