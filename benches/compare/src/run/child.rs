//! Starts this same program again as the process that is measured, plain or under a tool.

use std::io;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// What stands before the program on the command line.
#[derive(Clone, Copy, Debug)]
pub enum Under {
    Nothing,
    /// valgrind, which counts user instructions.
    Callgrind,
    /// strace, which counts system calls of the process and its threads.
    Strace,
}

impl Under {
    /// A command that will run this program.
    ///
    /// # Errors
    /// When the path of this program is unknown.
    pub fn command(self) -> io::Result<Command> {
        let ourselves = std::env::current_exe()?;
        let mut command = match self {
            Self::Nothing => Command::new(&ourselves),
            Self::Callgrind => {
                let mut command = Command::new("valgrind");
                command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
                command.arg(&ourselves);
                command
            }
            Self::Strace => {
                let mut command = Command::new("strace");
                command.args(["-f", "-c", "-qq"]).arg(&ourselves);
                command
            }
        };
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Ok(command)
    }

    /// Whether the tool is installed.
    pub fn available(self) -> bool {
        let tool = match self {
            Self::Nothing => return true,
            Self::Callgrind => "valgrind",
            Self::Strace => "strace",
        };
        Command::new(tool)
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    /// The count that the tool wrote on standard error.
    pub fn count(self, stderr: &str) -> Option<u64> {
        match self {
            Self::Nothing => None,
            Self::Callgrind => {
                let line = stderr
                    .lines()
                    .rev()
                    .find(|line| line.contains("Collected"))?;
                line.rsplit(':').next()?.trim().parse().ok()
            }
            Self::Strace => {
                let line = stderr
                    .lines()
                    .rev()
                    .find(|line| line.trim_end().ends_with("total"))?;
                // `100.00 seconds usecs/call calls [errors] total`; some versions leave out
                // the third column, so it is told apart by the fractions before it.
                line.split_whitespace()
                    .skip(2)
                    .filter_map(|word| word.parse().ok())
                    .nth(1)
                    .or_else(|| {
                        line.split_whitespace()
                            .skip(2)
                            .find_map(|word| word.parse().ok())
                    })
            }
        }
    }
}

/// The arguments of one program in a process.
pub fn program_arguments(
    runtime: &str,
    program: &str,
    iterations: u64,
    warm_up: u64,
) -> Vec<String> {
    vec![
        "child".into(),
        "--runtime".into(),
        runtime.into(),
        "--program".into(),
        program.into(),
        "--iterations".into(),
        iterations.to_string(),
        "--warm-up".into(),
        warm_up.to_string(),
    ]
}

/// The last line of a child's output as JSON, or a sentence that says what went wrong.
///
/// # Errors
/// That sentence.
pub fn result(output: &Output) -> Result<Value, String> {
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().last().unwrap_or_default();
    match serde_json::from_str::<Value>(line) {
        Ok(value) => match value["unavailable"].as_str() {
            Some(reason) => Err(reason.to_owned()),
            None => Ok(value),
        },
        Err(_) => {
            let stderr = String::from_utf8_lossy(&output.stderr);
            let last = stderr
                .lines()
                .rev()
                .find(|line| !line.is_empty())
                .unwrap_or("no output");
            Err(format!("failed ({}): {last}", output.status))
        }
    }
}
