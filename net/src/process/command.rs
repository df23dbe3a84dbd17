//! `Command`: what to start, and how. std's, with three ends that are futures.
//!
//! A thin layer: what std's builder can do, std's builder does. It remembers only which standard
//! streams were chosen, as `output` captures those that were not. It knows nothing of waiting.

use std::ffi::OsStr;
use std::fmt;
use std::future::Future;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::pin::Pin;
use std::process::{self, ExitStatus, Stdio};
use std::task::{Context, Poll};

use super::child::Child;
use super::collect::Collect;
use super::wait::WaitState;
use crate::caller::Caller;

/// Builds child processes: [`std::process::Command`] with async ends.
///
/// asyncio's `create_subprocess_exec`. There is no `create_subprocess_shell`:
/// `Command::new("sh").arg("-c").arg(line)` is one, and says so.
///
/// # Examples
///
/// ```
/// use myrt::process::Command;
///
/// myrt::run(async {
///     let output = Command::new("echo").arg("hello").output().await?;
///     assert!(output.status.success());
///     assert_eq!(output.stdout, b"hello\n");
///     # Ok::<(), std::io::Error>(())
/// }).unwrap();
/// ```
#[doc(alias = "create_subprocess_exec")]
#[doc(alias = "Popen")]
pub struct Command {
    std: process::Command,
    kill_on_drop: bool,
    /// Standard input, output and error: chosen by the caller.
    chosen: [bool; 3],
}

impl Command {
    /// A command that runs `program`, looked up in `PATH`, without arguments, with this process's
    /// environment, directory and standard streams.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self::from(process::Command::new(program))
    }

    /// Adds an argument. Nothing is split or expanded: no shell sees it.
    pub fn arg(&mut self, arg: impl AsRef<OsStr>) -> &mut Self {
        self.std.arg(arg);
        self
    }

    /// Adds arguments.
    pub fn args<I, S>(&mut self, args: I) -> &mut Self
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        self.std.args(args);
        self
    }

    /// Sets what the program sees as its own name (`argv[0]`).
    pub fn arg0(&mut self, arg: impl AsRef<OsStr>) -> &mut Self {
        self.std.arg0(arg);
        self
    }

    /// Sets a variable of the child's environment.
    pub fn env(&mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> &mut Self {
        self.std.env(key, value);
        self
    }

    /// Sets variables of the child's environment.
    pub fn envs<I, K, V>(&mut self, variables: I) -> &mut Self
    where
        I: IntoIterator<Item = (K, V)>,
        K: AsRef<OsStr>,
        V: AsRef<OsStr>,
    {
        self.std.envs(variables);
        self
    }

    /// Removes a variable from the child's environment.
    pub fn env_remove(&mut self, key: impl AsRef<OsStr>) -> &mut Self {
        self.std.env_remove(key);
        self
    }

    /// Starts the child with no environment but what is set afterwards.
    pub fn env_clear(&mut self) -> &mut Self {
        self.std.env_clear();
        self
    }

    /// Sets the child's working directory. Whether a relative program is looked up from there
    /// depends on the system.
    pub fn current_dir(&mut self, directory: impl AsRef<Path>) -> &mut Self {
        self.std.current_dir(directory);
        self
    }

    /// Sets the child's standard input. Not chosen: inherited, and nothing for
    /// [`output`](Self::output).
    pub fn stdin(&mut self, stdin: impl Into<Stdio>) -> &mut Self {
        self.std.stdin(stdin);
        self.chosen[0] = true;
        self
    }

    /// Sets the child's standard output. Not chosen: inherited, and captured by
    /// [`output`](Self::output).
    pub fn stdout(&mut self, stdout: impl Into<Stdio>) -> &mut Self {
        self.std.stdout(stdout);
        self.chosen[1] = true;
        self
    }

    /// Sets the child's standard error. Not chosen: inherited, and captured by
    /// [`output`](Self::output).
    pub fn stderr(&mut self, stderr: impl Into<Stdio>) -> &mut Self {
        self.std.stderr(stderr);
        self.chosen[2] = true;
        self
    }

    /// Whether a [`Child`] that is dropped before its end was seen is killed (SIGKILL) first.
    /// Default: no, it runs on. Either way it does not stay as a zombie.
    pub fn kill_on_drop(&mut self, kill: bool) -> &mut Self {
        self.kill_on_drop = kill;
        self
    }

    /// Sets the child's user.
    pub fn uid(&mut self, id: u32) -> &mut Self {
        self.std.uid(id);
        self
    }

    /// Sets the child's group.
    pub fn gid(&mut self, id: u32) -> &mut Self {
        self.std.gid(id);
        self
    }

    /// Puts the child into a process group, so that signals can reach all of its own children; 0
    /// makes a new one.
    pub fn process_group(&mut self, group: i32) -> &mut Self {
        self.std.process_group(group);
        self
    }

    /// The builder of std inside.
    pub const fn as_std(&self) -> &process::Command {
        &self.std
    }

    /// The builder of std inside, for what is not here (`pre_exec`). Standard streams that are set
    /// through it count as not chosen.
    pub const fn as_std_mut(&mut self) -> &mut process::Command {
        &mut self.std
    }

    /// Starts the child. That takes the time of a fork and an exec, during which the loop stands.
    ///
    /// It may be called outside of a runtime; waiting needs one.
    ///
    /// # Errors
    /// What the system says, such as [`NotFound`](io::ErrorKind::NotFound) for the program; also if
    /// a piped standard stream cannot be made non-blocking (the child is killed then).
    pub fn spawn(&mut self) -> io::Result<Child> {
        crate::calls::fence("a child process")?;
        Child::new(self.std.spawn()?, self.kill_on_drop)
    }

    /// Starts the child, at the call, and waits for its end. Its standard streams are inherited
    /// unless they were chosen; what was piped is closed. Dropping the future leaves the child
    /// running, or kills it ([`kill_on_drop`](Self::kill_on_drop)).
    ///
    /// # Errors
    /// Those of [`spawn`](Self::spawn) and of [`Child::wait`].
    #[track_caller]
    #[must_use = "futures do nothing unless awaited"]
    pub fn status(&mut self) -> StatusFuture {
        let at = std::panic::Location::caller();
        let child = self.spawn().map(|mut child| {
            child.close_pipes();
            child
        });
        StatusFuture {
            child: Some(child),
            state: WaitState::default(),
            at,
        }
    }

    /// Starts the child, at the call, collects what it writes to standard output and error, and
    /// waits for its end. Both are read at once, so that a child that floods both never stands
    /// still. Standard input is empty unless it was chosen.
    ///
    /// It is ready when the child has ended *and* both streams have: a grandchild that keeps one of
    /// them open keeps this waiting. Dropping the future leaves the child running, or kills it
    /// ([`kill_on_drop`](Self::kill_on_drop)).
    ///
    /// # Errors
    /// Those of [`spawn`](Self::spawn), of reading, and of [`Child::wait`].
    #[track_caller]
    #[must_use = "futures do nothing unless awaited"]
    pub fn output(&mut self) -> Collect {
        let at = std::panic::Location::caller();
        let [stdin, stdout, stderr] = self.chosen;
        if !stdin {
            self.std.stdin(Stdio::null());
        }
        if !stdout {
            self.std.stdout(Stdio::piped());
        }
        if !stderr {
            self.std.stderr(Stdio::piped());
        }
        let child = self.spawn();
        // As if it had not been touched, for the next use.
        if !stdin {
            self.std.stdin(Stdio::inherit());
        }
        if !stdout {
            self.std.stdout(Stdio::inherit());
        }
        if !stderr {
            self.std.stderr(Stdio::inherit());
        }
        Collect::new(child, at)
    }
}

impl From<process::Command> for Command {
    /// Standard streams that were set before count as not chosen.
    fn from(std: process::Command) -> Self {
        Self {
            std,
            kill_on_drop: false,
            chosen: [false; 3],
        }
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Command")
            .field("std", &self.std)
            .field("kill_on_drop", &self.kill_on_drop)
            .finish_non_exhaustive()
    }
}

/// Future of [`Command::status`].
#[must_use = "futures do nothing unless awaited"]
pub struct StatusFuture {
    /// None once a failure to start was told.
    child: Option<io::Result<Child>>,
    state: WaitState,
    at: Caller,
}

impl Future for StatusFuture {
    type Output = io::Result<ExitStatus>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        match &mut this.child {
            Some(Ok(child)) => child.poll_wait(cx, &mut this.state, this.at),
            failed => match failed.take().expect("polled after it was ready") {
                Err(error) => Poll::Ready(Err(error)),
                Ok(_) => unreachable!("it was matched above"),
            },
        }
    }
}

impl fmt::Debug for StatusFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatusFuture")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}
