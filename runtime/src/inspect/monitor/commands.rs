//! The monitor's commands and its answers: text in, text out.
//!

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;

use super::Subject;
use super::inside::{self, List};
use super::system::Doing;
use super::talk::Reply;
use super::watch::Blocked;
use crate::core::Core;
use crate::executor::end;
use crate::executor::id::Id;
use crate::executor::registry::Message;
use crate::executor::wait::Wait;
use crate::foreign::{bare, quoted};
use crate::inspect::trace::json::{self, Object};
use crate::inspect::trace::{Graph, TaskInfo, title, wait_to_json};
use crate::inspect::{of, record, watchdog};

const HELP: &str = "\
ps                 each task: id, name, state, polls, what it waits for
where ID           where a task waits, for what else, and where it was spawned; ID may be a name
tree               the tasks under those that spawned them
top [N]            the N tasks (20) that were busiest since somebody asked; polls are timed while somebody does
fds                the descriptors that the loop knows, and who waits for them
timers             the timers that run, soonest first, and whom they wake
metrics            what the runtime has counted
blocked            whether the loop is in one poll for long, and where
cancel ID          cancels a task; ID may be a name that only one task has
record start NAME  records the run, to be written as NAME.txt, .json, .perfetto.json or .html in the program's folder
record stop        writes the recording
token TOKEN        allows this connection to cancel and record; a Unix socket needs no token
help               this
quit               closes this connection
Each command takes --json. A line that is no command ends the connection.
";

/// How many tasks `top` shows unless told.
const TOP: usize = 20;
const NOT_ALLOWED: &str = "to cancel or record, first send: token TOKEN, with the token that the program printed at its start \
     (Monitor::token); a Unix socket needs none";
const NO_FOLDER: &str =
    "the program names no folder for recordings: Builder::record_dir, or MYRT_RECORD_DIR";
const NO_ANSWER: &str = "the loop does not answer: it is blocked, or not running";
const PARTIAL: &str =
    "the loop does not answer; this is what the tasks said before they began to wait\n";

/// A client's connection: what it may do.
pub(super) struct Session {
    subject: Arc<Subject>,
    may_change: bool,
}

impl Session {
    pub(super) fn new(subject: Arc<Subject>, may_change: bool) -> Self {
        Self {
            subject,
            may_change,
        }
    }

    /// What a line gets.
    pub(super) fn reply(&mut self, line: &str) -> Reply {
        if self.subject.watch.is_over() {
            return Reply::End;
        }
        let (reply, allowed) = reply(line, &self.subject, self.may_change);
        self.may_change |= allowed;
        reply
    }
}

/// What a line gets, and whether the client may cancel and record from now on.
fn reply(line: &str, subject: &Subject, may_change: bool) -> (Reply, bool) {
    let mut words: Vec<&str> = line.split_whitespace().collect();
    let json = words
        .iter()
        .position(|word| *word == "--json")
        .map(|place| words.remove(place))
        .is_some();
    let question = Question {
        subject,
        graph: subject.graph(),
        json,
    };
    let changes = matches!(
        words[..],
        ["cancel", _] | ["record", "start", _, ..] | ["record", "stop"]
    );
    if changes && !may_change {
        return (Reply::Answer(question.error(NOT_ALLOWED)), false);
    }
    let answer = match words[..] {
        [] => String::new(),
        ["quit" | "exit"] => return (Reply::End, false),
        ["help" | "?"] => question.help(),
        ["ps"] => question.ps(),
        ["tree"] => question.tree(),
        ["top"] => question.top(TOP),
        ["top", many] => match many.parse() {
            Ok(many) => question.top(many),
            Err(_) => question.error(&format!("{} is not a number", quoted(many))),
        },
        ["fds"] => question.fds(),
        ["timers"] => question.timers(),
        ["metrics"] => question.metrics(),
        ["blocked"] => question.blocked(),
        ["where", id] => question.with_task(id, Question::place),
        ["record", "start", _, ..] => question.record(words[2..].join(" ").into()),
        ["record", "stop"] => question.stop_recording(),
        ["cancel", id] => question.with_task(id, Question::cancel),
        ["token", token] if subject.token.is(token) => {
            return (Reply::Answer(question.allow()), true);
        }
        ["token", _] => return (Reply::Last(question.error("this is not the token")), false),
        ["where" | "cancel"] => question.error("which task? Give an id or a name: see ps"),
        ["record", ..] => question.error("record start NAME, or record stop"),
        _ => {
            let error = question.error(&format!("{} is not a command; try help", quoted(line)));
            return (Reply::Last(error), false);
        }
    };
    (Reply::Answer(answer), false)
}

struct Question<'a> {
    subject: &'a Subject,
    graph: Graph,
    json: bool,
}

impl Question<'_> {
    fn help(&self) -> String {
        if self.json {
            Object::new().text("help", HELP).end() + "\n"
        } else {
            HELP.into()
        }
    }

    fn allow(&self) -> String {
        if self.json {
            Object::new().flag("allowed").end() + "\n"
        } else {
            "allowed: cancel, record\n".into()
        }
    }

    fn error(&self, message: &str) -> String {
        if self.json {
            Object::new().text("error", message).end() + "\n"
        } else {
            format!("error: {message}\n")
        }
    }

    fn with_task(&self, id: &str, answer: impl FnOnce(&Self, &TaskInfo) -> String) -> String {
        let is = |task: &&TaskInfo| match id.parse::<Id>() {
            Ok(id) => task.id == id,
            Err(_) => task.name.as_deref() == Some(id),
        };
        let found: Vec<&TaskInfo> = self.graph.tasks().iter().filter(is).collect();
        match found[..] {
            [task] => answer(self, task),
            [] => self.error(&format!("there is no task {}", bare(id))),
            _ => {
                let ids: Vec<String> = found.iter().map(|task| task.id.to_string()).collect();
                self.error(&format!(
                    "{} tasks are named {}: say which of {}",
                    ids.len(),
                    bare(id),
                    ids.join(", ")
                ))
            }
        }
    }

    /// What a task is doing; of the one in which the loop hangs, how long and where.
    fn doing(&self, task: &TaskInfo, blocked: Option<&Blocked>) -> String {
        match blocked.filter(|blocked| blocked.task == task.id) {
            Some(blocked) => {
                format!(
                    "blocks the loop for {:.1?}: {}",
                    blocked.lasts,
                    blocked.doing.in_words()
                )
            }
            None => self.graph.doing(task),
        }
    }

    /// A task as JSON; of the one in which the loop hangs, how long and where.
    fn row(&self, task: &TaskInfo, blocked: Option<&Blocked>) -> Object {
        let object = self.graph.row_to_json(task);
        match blocked.filter(|blocked| blocked.task == task.id) {
            Some(blocked) => how_to_json(object, blocked),
            None => object,
        }
    }

    fn list<'t>(&self, tasks: impl Iterator<Item = &'t TaskInfo>) -> String {
        let blocked = self.subject.watch.blocked();
        if self.json {
            let rows = tasks.map(|task| self.row(task, blocked.as_ref()).end());
            return json::array(rows) + "\n";
        }
        let mut text = format!(
            "{:<8} {:<16} {:>9} {:>8}  doing\n",
            "id", "name", "state", "polls"
        );
        for task in tasks {
            let name = task.name.as_deref().map_or_else(|| "-".into(), bare);
            let doing = self.doing(task, blocked.as_ref());
            let _ = writeln!(
                text,
                "{:<8} {name:<16} {:>9} {:>8}  {doing}",
                task.id,
                task.state.name(),
                task.polls
            );
        }
        text
    }

    fn ps(&self) -> String {
        self.list(self.graph.tasks().iter())
    }

    fn top(&self, many: usize) -> String {
        let began = self.subject.watch.wants_times();
        // Each time: an observer that left meanwhile has put an end to it.
        let time = |core: &Core| watchdog::time_all(core, true);
        self.subject.send(Message::call(time));
        let mut tasks: Vec<&TaskInfo> = self.graph.tasks().iter().collect();
        tasks.sort_by_key(|task| {
            let busy = task.times.map(|times| times.busy);
            std::cmp::Reverse((busy, task.polls))
        });
        tasks.truncate(many);
        if self.json {
            return self.list(tasks.into_iter());
        }
        let mut text = format!(
            "{:<8} {:<16} {:>8} {:>9} {:>9}  doing\n",
            "id", "name", "polls", "busy", "longest"
        );
        let blocked = self.subject.watch.blocked();
        for task in tasks {
            let name = task.name.as_deref().map_or_else(|| "-".into(), bare);
            let [busy, longest] = match task.times {
                Some(times) => [times.busy, times.longest].map(|time| format!("{time:.1?}")),
                None => ["-".into(), "-".into()],
            };
            let _ = writeln!(
                text,
                "{:<8} {name:<16} {:>8} {busy:>9} {longest:>9}  {}",
                task.id,
                task.polls,
                self.doing(task, blocked.as_ref())
            );
        }
        if began {
            text.push_str("polls are timed from now on: ask again\n");
        }
        text
    }

    fn tree(&self) -> String {
        if self.json {
            return self.ps();
        }
        let mut text = self.graph.to_string();
        if self.subject.watch.is_blocked() {
            text.push_str(&self.blocked());
        }
        text
    }

    fn place(&self, task: &TaskInfo) -> String {
        let blocked = self.subject.watch.blocked();
        let more = self.waits_for_more(task);
        if self.json {
            let object = self.row(task, blocked.as_ref());
            if more.is_empty() {
                return object.end() + "\n";
            }
            let more = more.into_iter().map(|wait| {
                let object = wait_to_json(Object::new(), wait, &self.graph);
                object.end()
            });
            return object.number("also", json::array(more)).end() + "\n";
        }
        let mut text = format!(
            "task {}: {}\n",
            title(task),
            self.doing(task, blocked.as_ref())
        );
        for wait in more {
            let _ = writeln!(text, "waits also {}", self.graph.wait_in_words(wait));
        }
        if let Some(at) = task.spawned_at {
            let _ = writeln!(text, "spawned at {at}");
        }
        let mut parent = task.parent;
        while let Some(above) = parent.and_then(|id| self.graph.task(id)) {
            let _ = writeln!(
                text,
                "under task {}: {}",
                title(above),
                self.graph.doing(above)
            );
            parent = above.parent.filter(|id| *id != above.id && *id != task.id);
        }
        text
    }

    /// What a task waits for besides what its row says: other branches of a `select!`, the timer of
    /// a timeout.
    fn waits_for_more(&self, task: &TaskInfo) -> Vec<Wait> {
        if !task.waits_for_others {
            return Vec::new();
        }
        let mut waits = inside::waits_of(self.subject, task.id);
        waits.retain(|wait| match (wait, task.waits_for) {
            (Wait::Timer(_), Wait::Timer(_)) => false,
            (wait, told) => *wait != told,
        });
        waits
    }

    fn fds(&self) -> String {
        let List { rows, complete } = inside::descriptors(self.subject, &self.graph);
        if self.json {
            let rows = rows.iter().map(|row| row.to_json(&self.graph));
            return listed("fds", rows, complete);
        }
        let text = rows.iter().map(|row| row.in_words(&self.graph)).collect();
        partial(text, complete)
    }

    fn timers(&self) -> String {
        let List { rows, complete } = inside::timers(self.subject, &self.graph);
        if self.json {
            let rows = rows
                .into_iter()
                .map(|row| inside::timer_to_json(&self.graph, row));
            return listed("timers", rows, complete);
        }
        let text = rows
            .into_iter()
            .map(|row| inside::timer_in_words(&self.graph, row));
        partial(text.collect(), complete)
    }

    fn metrics(&self) -> String {
        let Some(metrics) = inside::metrics(self.subject) else {
            return self.error(NO_ANSWER);
        };
        if self.json {
            let object = metrics
                .rows()
                .into_iter()
                .fold(Object::new(), |object, (name, value)| {
                    object.number(name, value)
                });
            return object.end() + "\n";
        }
        let line = |(name, value)| format!("{name:<20} {value:>12}\n");
        metrics.rows().into_iter().map(line).collect()
    }

    fn blocked(&self) -> String {
        let Some(blocked) = self.subject.watch.blocked() else {
            let quiet = "the loop is not blocked";
            return if self.json {
                "null\n".into()
            } else {
                format!("{quiet}\n")
            };
        };
        let name = self
            .graph
            .task(blocked.task)
            .map_or_else(|| blocked.task.to_string(), title);
        if self.json {
            let object = Object::new().text("task", blocked.task);
            return how_to_json(object, &blocked).end() + "\n";
        }
        format!(
            "task {name} blocks the loop for {:.1?}: {}\n",
            blocked.lasts,
            blocked.doing.in_words()
        )
    }

    fn cancel(&self, task: &TaskInfo) -> String {
        let identity = task.id.identity();
        let reason = Some("cancelled from the monitor".into());
        let call = Message::call(move |core| end::cancel(core, identity, reason));
        if !self.subject.send(call) {
            return self.error("the runtime has ended");
        }
        if self.json {
            self.done("cancelled", &task.id.to_string())
        } else {
            format!("task {} is told to end\n", title(task))
        }
    }

    fn record(&self, name: PathBuf) -> String {
        let start = move |core: &Core| match &of(core).record_dir {
            Some(folder) => {
                record::start_in(core, folder, &name).map_err(|error| error.to_string())
            }
            None => Err(NO_FOLDER.into()),
        };
        match inside::ask(self.subject, start) {
            Some(Ok(file)) => self.done("recording", &file.display().to_string()),
            Some(Err(error)) => self.error(&error),
            None => self.error(NO_ANSWER),
        }
    }

    fn stop_recording(&self) -> String {
        match inside::ask(self.subject, record::stop) {
            Some(Some((file, Ok(())))) => self.done("recorded", &file.display().to_string()),
            Some(Some((file, Err(error)))) => self.error(&format!("{}: {error}", file.display())),
            Some(None) => self.error("nothing is recorded"),
            None => self.error(NO_ANSWER),
        }
    }

    fn done(&self, what: &str, answer: &str) -> String {
        if self.json {
            Object::new().text(what, answer).end() + "\n"
        } else {
            format!("{what}: {answer}\n")
        }
    }
}

fn listed(key: &str, rows: impl Iterator<Item = String>, complete: bool) -> String {
    let object = Object::new().number("complete", complete);
    object.number(key, json::array(rows)).end() + "\n"
}

fn partial(text: String, complete: bool) -> String {
    if complete { text } else { text + PARTIAL }
}

fn how_to_json(object: Object, blocked: &Blocked) -> Object {
    let object = object.number("blocks_ms", blocked.lasts.as_millis());
    match &blocked.doing {
        Doing::Burning => object.flag("burns_cpu"),
        Doing::Sleeping(call) => object.text("system_call", call),
        Doing::Unknown => object,
    }
}
