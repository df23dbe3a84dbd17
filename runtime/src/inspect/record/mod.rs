//! Recordings: what a run did, as a drawing, as JSON, for Perfetto, and as a page that plays it.
//!
//! [`Recorder`] is an [`Observer`] like any other, so the runtime does not depend on it. Each form
//! of the output has its file and uses only [`Recording`]. A recording does not change what runs.

mod console;
mod event;
mod file;
mod html;
mod json;
mod perfetto;
mod polls;
mod text;

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use crate::core::Core;
use crate::executor::error::Outcome;
use crate::executor::id::Id;
use crate::inspect::notices;
use crate::inspect::observe::{By, NewTask, Observer, Rest};
use crate::inspect::of;
use crate::sys::stderr::complain;
use event::{Log, What};
use file::Target;

/// Keeps what happens in a runtime, in memory: install it with
/// [`Builder::observer`](crate::runtime::Builder::observer). Clones are the same recorder.
///
/// The last 131,072 events are kept, 32 bytes each. Times count from the first event.
///
/// ```
/// use myrt::runtime::{Builder, Recorder};
/// use myrt::time::{Duration, sleep};
///
/// let recorder = Recorder::new();
/// let runtime = Builder::new().start_paused(true).observer(recorder.clone()).build().unwrap();
/// runtime.block_on(async { sleep(Duration::from_millis(100)).await });
/// assert!(recorder.to_text().contains("sleeps until 100 ms"));
/// ```
#[derive(Clone)]
pub struct Recorder {
    log: Rc<RefCell<Log>>,
    with_console: bool,
}

impl Recorder {
    /// Nothing recorded yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            log: Rc::new(RefCell::new(Log::new())),
            with_console: false,
        }
    }

    /// Records what the program prints as well, from when the recorder is installed until its
    /// runtime ends: each text with the task that was polled when it was printed. Recordings that
    /// `MYRT_RECORD` asks for do; others do not, unless this is called.
    ///
    /// Meanwhile descriptors 1 and 2, of the whole process, lead to a pipe, and what comes out of
    /// it is passed on to where they led: nothing is lost or reordered, but who asks whether it
    /// prints to a terminal is told no. Only what has left the program is seen, so a `print!`
    /// without the end of its line comes with what ends it, and what a test harness keeps is not
    /// seen. What other threads and children print belongs to whatever task is polled at that
    /// moment, or to none (so it is with `io::stdout`, which writes on another thread). The newest
    /// 8 MiB are kept. The recorders of one thread share the console; on another thread a recorder
    /// has none meanwhile.
    ///
    /// ```
    /// use myrt::runtime::{Builder, Recorder};
    ///
    /// let recorder = Recorder::new().with_console();
    /// let builder = Builder::new().start_paused(true);
    /// let runtime = builder.observer(recorder.clone()).build().unwrap();
    /// runtime.block_on(async { println!("hello") });
    /// drop(runtime);
    /// assert!(recorder.to_text().contains(r#"main runs, prints "hello", ends"#));
    /// ```
    #[must_use]
    pub fn with_console(mut self) -> Self {
        self.with_console = true;
        self
    }

    /// The drawing: a line a task, and below it what happened, poll by poll.
    #[must_use]
    pub fn to_text(&self) -> String {
        text::write(&self.log.borrow().recording(), usize::MAX)
    }

    /// The drawing alone.
    #[must_use]
    pub fn to_drawing(&self) -> String {
        text::write(&self.log.borrow().recording(), 0)
    }

    /// Tasks and events, for tools.
    #[must_use]
    pub fn to_json(&self) -> String {
        json::write(&self.log.borrow().recording())
    }

    /// Trace events for <https://ui.perfetto.dev> and `chrome://tracing`: slices for polls and
    /// waits, arrows for wakes.
    #[must_use]
    pub fn to_perfetto(&self) -> String {
        perfetto::write(&self.log.borrow().recording())
    }

    /// One page that plays the recording and needs nothing else.
    #[must_use]
    pub fn to_html(&self) -> String {
        html::write(&self.log.borrow().recording())
    }

    fn note(&self, what: What) {
        self.log.borrow_mut().note(what);
    }
}

impl Default for Recorder {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}

impl Observer for Recorder {
    fn started(&self) {
        if self.with_console {
            self.log.borrow_mut().listen();
        }
    }
    fn task_spawned(&self, task: &NewTask<'_>) {
        self.log.borrow_mut().spawned(task);
    }
    fn task_woken(&self, task: Id, by: By) {
        self.note(What::Woken(task, by));
    }
    fn task_polled(&self, task: Id) {
        let mut log = self.log.borrow_mut();
        log.poll_begins(task);
        log.note(What::Polled(task));
    }
    fn task_rested(&self, task: Id, rest: Option<Rest>) {
        let mut log = self.log.borrow_mut();
        log.poll_ends(task);
        log.note(What::Rested(task, rest));
    }
    fn task_ended(&self, task: Id, outcome: Outcome) {
        self.note(What::Ended(task, outcome));
    }
    fn timers_fired(&self, timers: usize) {
        self.note(What::Fired(timers));
    }
    fn turn_started(&self, _turn: u64) {
        self.log.borrow_mut().between_polls();
    }
    fn parking(&self, timeout: Option<Duration>) {
        let mut log = self.log.borrow_mut();
        log.between_polls();
        log.note(What::Parked(timeout));
    }
    fn unparked(&self, events: usize) {
        let mut log = self.log.borrow_mut();
        log.note(What::Unparked(events));
        log.between_polls();
    }
    fn ended(&self) {
        self.log.borrow_mut().stop_listening();
    }
}

/// What a recording is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Json,
    Perfetto,
    Html,
}

impl Form {
    fn of(file: &Path) -> io::Result<Self> {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let known = [
            (".perfetto.json", Self::Perfetto),
            (".json", Self::Json),
            (".html", Self::Html),
            (".txt", Self::Text),
        ];
        let form = known.iter().find(|(ending, _)| name.ends_with(ending));
        form.map(|(_, form)| *form).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "a recording is written to .txt, .json, .perfetto.json or .html, not to {}",
                    file.display()
                ),
            )
        })
    }
}

/// A recording that goes on, and where it is to be written.
pub(crate) struct Running {
    recorder: Recorder,
    installed: Rc<dyn Observer>,
    target: Target,
    form: Form,
}

/// Starts to record to a file of the program, or, with the console, to one of the environment. What
/// was recorded to another file is written there.
///
/// # Errors
/// When the file's name does not say as what to write.
pub(crate) fn start(core: &Core, file: PathBuf, with_console: bool) -> io::Result<()> {
    let form = Form::of(&file)?;
    let target = match with_console {
        true => Target::next_free(file),
        false => Target::Named(file),
    };
    begin(core, target, form, with_console);
    Ok(())
}

/// The same for a client, into a new file of `folder`; its whole path.
///
/// # Errors
/// When the name does not say as what to write, is no plain name, or is taken.
pub(crate) fn start_in(core: &Core, folder: &Path, name: &Path) -> io::Result<PathBuf> {
    let form = Form::of(name)?;
    let target = Target::new_in(folder, name)?;
    let path = target.path().to_owned();
    begin(core, target, form, false);
    Ok(path)
}

fn begin(core: &Core, target: Target, form: Form, with_console: bool) {
    end(core);
    let mut recorder = Recorder::new();
    recorder.with_console = with_console;
    let installed: Rc<dyn Observer> = Rc::new(recorder.clone());
    notices::install(core, Rc::clone(&installed));
    let running = Running {
        recorder,
        installed,
        target,
        form,
    };
    of(core).recording.replace(Some(running));
}

/// Ends the recording, if one goes on, and writes it.
pub(crate) fn end(core: &Core) {
    if let Some((file, Err(error))) = stop(core) {
        let file = file.display();
        complain(format_args!(
            "myrt: the recording could not be written to {file}: {error}"
        ));
    }
}

/// The same; tells where it was written, and whether that went well.
pub(crate) fn stop(core: &Core) -> Option<(PathBuf, io::Result<()>)> {
    let running = of(core).recording.take()?;
    notices::remove(core, &running.installed);
    let recorder = running.recorder;
    let text = match running.form {
        Form::Text => recorder.to_text(),
        Form::Json => recorder.to_json(),
        Form::Perfetto => recorder.to_perfetto(),
        Form::Html => recorder.to_html(),
    };
    let wanted = running.target.path().to_owned();
    let is_numbered = matches!(running.target, Target::NextFree(_, 1));
    let (file, written) = running.target.write(text.as_bytes());
    if written.is_ok() && is_numbered && file != wanted {
        let (wanted, file) = (wanted.display(), file.display());
        complain(format_args!(
            "myrt: {wanted} was there already, the recording is in {file}"
        ));
    }
    Some((file, written))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_says_as_what_to_write() {
        assert_eq!(Form::of(Path::new("a/run.txt")).unwrap(), Form::Text);
        assert_eq!(
            Form::of(Path::new("run.perfetto.json")).unwrap(),
            Form::Perfetto
        );
        assert_eq!(Form::of(Path::new("run.json")).unwrap(), Form::Json);
        assert_eq!(Form::of(Path::new("run.html")).unwrap(), Form::Html);
        assert!(Form::of(Path::new("run.svg")).is_err());
        assert!(Form::of(Path::new("")).is_err());
    }
}
