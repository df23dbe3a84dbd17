//! `Child`: a process that was started here and not yet waited for.
//!
//! Nobody but its `Child` waits for a process, so its id names it until the end was seen. Dropping
//! the `Child` before that passes the duty on (`orphan.rs`). It knows nothing of how its end is
//! noticed (`wait.rs`).

use std::io;
use std::mem;
use std::os::unix::process::ExitStatusExt as _;
use std::panic::Location;
use std::process::{self, ExitStatus};
use std::task::{Context, Poll};

use myrt_runtime::os;
use myrt_runtime::task::ExternalWork;

use super::collect::{Collect, Communicate, Gathered};
use super::orphan;
use super::stdio::{ChildStderr, ChildStdin, ChildStdout};
use super::wait::{Kill, Wait, WaitState, Watch};
use crate::caller::Caller;

/// A child process; from [`Command::spawn`](super::Command::spawn).
///
/// Dropped before its end was seen, it runs on (or is killed:
/// [`kill_on_drop`](super::Command::kill_on_drop)), and is waited for in the background: by a task
/// of the runtime in which it was dropped, named "myrt: a dropped child"; outside of a runtime
/// whenever the program next starts or drops a child. It never stays as a zombie for longer.
///
/// Under a virtual clock time stands still while a child runs.
///
/// # Examples
///
/// ```
/// use myrt::process::{Command, Stdio};
///
/// myrt::run(async {
///     let mut child = Command::new("sort").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
///     let output = child.communicate(b"pear\napple\n").await?;
///     assert_eq!(output.stdout, b"apple\npear\n");
///     # Ok::<(), std::io::Error>(())
/// }).unwrap();
/// ```
#[derive(Debug)]
pub struct Child {
    /// Its standard input, if that is a pipe.
    pub stdin: Option<ChildStdin>,
    /// Its standard output, if that is a pipe.
    pub stdout: Option<ChildStdout>,
    /// Its standard error, if that is a pipe.
    pub stderr: Option<ChildStderr>,
    /// None only while it is being dropped.
    pub(super) std: Option<process::Child>,
    pub(super) watch: Watch,
    outside: Option<ExternalWork>,
    ended: bool,
    /// It was killed or asked to end through this handle.
    told_to_end: bool,
    kill_on_drop: bool,
    /// What a `communicate` that was dropped has got so far.
    pub(super) gathered: Gathered,
}

impl Child {
    pub(super) fn new(mut std: process::Child, kill_on_drop: bool) -> io::Result<Self> {
        orphan::sweep();
        let (stdin, stdout, stderr) = (std.stdin.take(), std.stdout.take(), std.stderr.take());
        let mut child = Self {
            stdin: None,
            stdout: None,
            stderr: None,
            std: Some(std),
            watch: Watch::default(),
            outside: ExternalWork::begin_here(),
            ended: false,
            told_to_end: false,
            // Nobody gets it if the next lines fail.
            kill_on_drop: true,
            gathered: Gathered::default(),
        };
        child.stdin = stdin.map(ChildStdin::from_std).transpose()?;
        child.stdout = stdout.map(ChildStdout::from_std).transpose()?;
        child.stderr = stderr.map(ChildStderr::from_std).transpose()?;
        child.kill_on_drop = kill_on_drop;
        if child.outside.as_ref().is_some_and(ExternalWork::is_virtual) {
            let pid = child.std().id();
            orphan::let_time_go_on(&mut child.outside, pid);
        }
        Ok(child)
    }

    pub(super) fn std(&mut self) -> &mut process::Child {
        self.std.as_mut().expect("only drop takes it")
    }

    /// Whether its descendants are not to be waited for, since it did not end as it meant to.
    pub(super) fn was_cut_short(&self, status: ExitStatus) -> bool {
        self.told_to_end || status.signal().is_some()
    }

    pub(super) fn close_pipes(&mut self) {
        (self.stdin, self.stdout, self.stderr) = (None, None, None);
    }

    /// Its process id; none once its end was seen, since then the system may give the number to
    /// another.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.std
            .as_ref()
            .filter(|_| !self.ended)
            .map(process::Child::id)
    }

    /// Waits until it has ended. Its standard input is closed first, if it is still here, so that a
    /// child that reads to the end comes to one. Once it has ended, it may be asked again. **Cancel
    /// safe**: wait again, any time.
    ///
    /// Its outputs are not read: a child that fills a pipe to which nobody listens never ends.
    /// [`wait_with_output`](Self::wait_with_output) and [`communicate`](Self::communicate) do both.
    ///
    /// # Errors
    /// What the system says: for one, if the program ignores SIGCHLD, children vanish without
    /// telling how they ended.
    ///
    /// # Panics
    /// Outside of a runtime, if it has not ended.
    #[track_caller]
    pub fn wait(&mut self) -> Wait<'_> {
        self.stdin = None;
        Wait::new(self, Location::caller())
    }

    /// How it has ended; `None` if it runs. Standard input is left open.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        let status = self.std().try_wait();
        if !matches!(status, Ok(None)) {
            self.note_end();
        }
        status
    }

    /// Nothing is to be watched any more.
    fn note_end(&mut self) {
        if !mem::replace(&mut self.ended, true) {
            self.watch = Watch::default();
            self.outside = None;
        }
    }

    pub(super) fn poll_wait(
        &mut self,
        cx: &mut Context<'_>,
        state: &mut WaitState,
        at: Caller,
    ) -> Poll<io::Result<ExitStatus>> {
        let std = self.std.as_mut().expect("only drop takes it");
        let status = self.watch.poll(std, cx, state, at);
        if status.is_ready() {
            self.note_end();
        }
        status
    }

    /// Kills it (SIGKILL), without waiting for its end. That it has ended is no error.
    ///
    /// # Errors
    /// What the system says.
    pub fn start_kill(&mut self) -> io::Result<()> {
        self.told_to_end = true;
        self.std().kill()
    }

    /// Kills it (SIGKILL) and waits for its end. Killing is done at the call; dropping the future
    /// is dropping [`wait`](Self::wait).
    ///
    /// # Errors
    /// What the system says.
    #[track_caller]
    pub fn kill(&mut self) -> Kill<'_> {
        Kill::new(self.start_kill(), self.wait())
    }

    /// Asks it to end (SIGTERM). That it has ended is no error.
    ///
    /// # Errors
    /// What the system says.
    pub fn terminate(&mut self) -> io::Result<()> {
        self.told_to_end = true;
        self.send_signal(os::SIGTERM)
    }

    /// Sends it a signal by the system's number. That it has ended is no error.
    ///
    /// # Errors
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a number that is no signal, and what else
    /// the system says.
    pub fn send_signal(&mut self, signal: i32) -> io::Result<()> {
        match self.id() {
            Some(id) => os::send_signal(id, signal),
            None => Ok(()),
        }
    }

    /// Writes `input` to its standard input and closes that, reads standard output and error to
    /// their ends, and waits for its end: all at once, so that nothing stands still. Streams that
    /// are not piped are passed over; a child that does not read its input is no error.
    ///
    /// **Restartable**: dropped, it has lost nothing; called again with the same input it goes on
    /// where it was. So after a timeout one may [`kill`](Self::kill) the child and call it once
    /// more for what it has said until then. [`gathered`](Self::gathered) shows that without
    /// waiting.
    ///
    /// An output ends when everyone who inherited it has closed it, processes included that the
    /// child has started. They are waited for, unless the child was ended by a signal, or was told
    /// to end ([`kill`](Self::kill), [`terminate`](Self::terminate)): then what the pipes hold at
    /// its end is all.
    ///
    /// asyncio's `communicate`.
    ///
    /// # Errors
    /// Those of reading and writing (`BrokenPipe` is none), and of [`wait`](Self::wait).
    #[track_caller]
    pub fn communicate<'a>(
        &'a mut self,
        input: &'a (impl AsRef<[u8]> + ?Sized),
    ) -> Communicate<'a> {
        Communicate::new(self, input.as_ref(), Location::caller())
    }

    /// What a [`communicate`](Self::communicate) that was dropped has read so far, of standard
    /// output and of standard error.
    #[must_use]
    pub fn gathered(&self) -> (&[u8], &[u8]) {
        self.gathered.outputs()
    }

    /// Closes its standard input, reads standard output and error to their ends, and waits for its
    /// end. Dropping the future drops the child. When an output ends is said at
    /// [`communicate`](Self::communicate).
    ///
    /// # Errors
    /// Those of reading, and of [`wait`](Self::wait).
    #[track_caller]
    pub fn wait_with_output(mut self) -> Collect {
        self.stdin = None;
        Collect::new(Ok(self), Location::caller())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let Some(mut std) = self.std.take().filter(|_| !self.ended) else {
            return;
        };
        if self.kill_on_drop {
            // Not permitted, as it has become somebody else: then it runs on.
            let _ = std.kill();
        }
        self.close_pipes();
        orphan::leave(std);
    }
}
