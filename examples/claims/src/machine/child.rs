//! Processes of our own: this program again in another role, or Python.
//!
//! Why: what is measured must not share memory, descriptors or a thread with what measures. A child
//! prints lines on its standard output and ends when its standard input does, so no child outlives
//! this program.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;

use myrt::time::{Duration, Instant};

use super::memory::{Memory, memory};

/// Nothing that a child does takes longer, except when it hangs.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long a child may take to end when asked to.
const FAREWELL: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(crate) struct Role {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    name: String,
    /// What the child listens at, if it is a server.
    pub(crate) port: u16,
}

impl Role {
    /// Starts this program in another role.
    pub(crate) fn start(role: &str, arguments: &[String]) -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--role").arg(role).args(arguments);
        Self::spawn(command, role)
    }

    /// Starts a role that listens, and waits until it does.
    pub(crate) fn serve(role: &str, arguments: &[String]) -> io::Result<Self> {
        Self::start(role, arguments)?.listening()
    }

    pub(crate) fn spawn(mut command: Command, name: &str) -> io::Result<Self> {
        // What a server says that is driven to its end belongs into no table.
        if std::env::var_os("CLAIMS_VERBOSE").is_none() {
            command.stderr(Stdio::null());
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().expect("it is piped");
        let (sender, lines) = channel();
        // A thread, since reading a pipe cannot be given a time limit otherwise.
        thread::Builder::new().spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self {
            input: child.stdin.take(),
            child,
            lines,
            name: name.to_owned(),
            port: 0,
        })
    }

    /// Waits until the child says where it listens.
    pub(crate) fn listening(mut self) -> io::Result<Self> {
        let line = self.line()?;
        let port = line
            .strip_prefix("listening ")
            .and_then(|port| port.parse().ok());
        self.port = port.ok_or_else(|| self.failed(&format!("said {line:?}")))?;
        Ok(self)
    }

    /// The next line that the child says.
    pub(crate) fn line(&mut self) -> io::Result<String> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => Ok(line),
            Err(RecvTimeoutError::Timeout) => Err(self.failed("said nothing for two minutes")),
            Err(RecvTimeoutError::Disconnected) => Err(self.failed("ended early")),
        }
    }

    /// The numbers of the next line.
    pub(crate) fn numbers(&mut self) -> io::Result<Vec<f64>> {
        let line = self.line()?;
        line.split_whitespace()
            .map(|word| {
                word.parse()
                    .map_err(|_| self.failed(&format!("said {line:?}")))
            })
            .collect()
    }

    /// Every line until the child has nothing more to say.
    pub(crate) fn all_lines(&mut self) -> io::Result<Vec<String>> {
        let mut lines = Vec::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => lines.push(line),
                Err(RecvTimeoutError::Disconnected) => return Ok(lines),
                Err(RecvTimeoutError::Timeout) => return Err(self.failed("hangs")),
            }
        }
    }

    /// Says a line to the child.
    pub(crate) fn say(&mut self, line: &str) -> io::Result<()> {
        match &mut self.input {
            Some(input) => writeln!(input, "{line}"),
            None => Err(self.failed("listens no more")),
        }
    }

    pub(crate) fn pid(&self) -> String {
        self.child.id().to_string()
    }

    pub(crate) fn memory(&self) -> Option<Memory> {
        memory(&self.pid())
    }

    fn failed(&self, how: &str) -> io::Error {
        io::Error::other(format!("the process `{}` {how}", self.name))
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        self.input = None;
        let asked = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if asked.elapsed() > FAREWELL {
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            pause(Duration::from_millis(2));
        }
    }
}

/// Sleeps this thread: nothing here that measures runs in a loop of its own.
#[expect(clippy::disallowed_methods, reason = "no runtime runs on this thread")]
pub(crate) fn pause(time: Duration) {
    thread::sleep(time);
}
