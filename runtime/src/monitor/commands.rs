//! What the monitor understands, and its answers.
//!
//! It exists as text in, text out. It must not know sockets or threads.

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;

use super::system::Doing;
use super::watch::{Blocked, Watch};
use crate::core::Core;
use crate::record;
use crate::sys::clock::monotonic_ns;
use crate::task::finish;
use crate::task::id::Id;
use crate::task::registry::{Home, Message};
use crate::task::wait::Wait;
use crate::time::Instant;
use crate::trace::json::{self, Object};
use crate::trace::{Graph, State, TaskInfo, in_words, title};

const HELP: &str = "\
ps                 each task: id, name, state, polls, what it waits for
where ID           where a task waits, and where it was spawned
tree               the tasks under those that spawned them
top                the tasks that were busiest; polls are timed for a while from the first time on
fds                the descriptors that tasks wait for
timers             the sleeps that tasks wait for, soonest first
blocked            whether the loop is in one poll for long, and where
cancel ID          cancels a task
record start FILE  records the run, to be written as .txt, .json, .perfetto.json or .html
record stop        writes the recording
help               this
quit               closes this connection
Each command takes --json.
";

/// The answer to a line; none means: close the connection.
pub(super) fn answer(line: &str, home: &Arc<Home>, watch: &Watch) -> Option<String> {
    let mut words: Vec<&str> = line.split_whitespace().collect();
    let json = words
        .iter()
        .position(|word| *word == "--json")
        .map(|place| words.remove(place))
        .is_some();
    let question = Question {
        home,
        watch,
        graph: graph_of(home),
        json,
    };
    match words[..] {
        [] => Some(String::new()),
        ["quit" | "exit"] => None,
        ["help"] => Some(question.help()),
        ["ps"] => Some(question.ps()),
        ["tree"] => Some(question.tree()),
        ["top"] => Some(question.top()),
        ["fds"] => Some(question.fds()),
        ["timers"] => Some(question.timers()),
        ["blocked"] => Some(question.blocked()),
        ["where", id] => Some(question.with_task(id, Question::place)),
        ["record", "start", file] => Some(question.record(file.into())),
        ["record", "stop"] => Some(question.stop_recording()),
        ["cancel", id] => Some(question.with_task(id, Question::cancel)),
        _ => Some(question.error(&format!("{line:?} is not a command; try help"))),
    }
}

fn graph_of(home: &Home) -> Graph {
    let now = Instant::from_nanos(monotonic_ns());
    let now_ms = u32::try_from((now - home.started).as_millis()).unwrap_or(u32::MAX);
    Graph::new(home, now_ms, now)
}

struct Question<'a> {
    home: &'a Arc<Home>,
    watch: &'a Watch,
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

    fn error(&self, message: &str) -> String {
        if self.json {
            Object::new().text("error", message).end() + "\n"
        } else {
            format!("error: {message}\n")
        }
    }

    fn with_task(&self, id: &str, answer: impl FnOnce(&Self, &TaskInfo) -> String) -> String {
        let task = match id.parse::<Id>() {
            Ok(id) => self.graph.task(id),
            Err(_) => self.graph.named(id),
        };
        match task {
            Some(task) => answer(self, task),
            None => self.error(&format!("there is no task {id}")),
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
    fn row(&self, task: &TaskInfo, blocked: Option<&Blocked>) -> String {
        let object = self.graph.row_to_json(task);
        match blocked.filter(|blocked| blocked.task == task.id) {
            Some(blocked) => how_to_json(object, blocked).end(),
            None => object.end(),
        }
    }

    fn list<'t>(&self, tasks: impl Iterator<Item = &'t TaskInfo>) -> String {
        let blocked = self.watch.blocked();
        if self.json {
            let rows = tasks.map(|task| self.row(task, blocked.as_ref()));
            return json::array(rows) + "\n";
        }
        let mut text = format!(
            "{:<8} {:<16} {:>9} {:>8}  doing\n",
            "id", "name", "state", "polls"
        );
        for task in tasks {
            let name = task.name.as_deref().unwrap_or("-");
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

    fn top(&self) -> String {
        let time = |core: &Core| core.watch.time_polls();
        let _ = self.home.send(Message::Call(Box::new(time)));
        let mut tasks: Vec<&TaskInfo> = self.graph.tasks().iter().collect();
        tasks.sort_by_key(|task| {
            let busy = task.times.map(|times| times.busy);
            std::cmp::Reverse((busy, task.polls))
        });
        tasks.truncate(20);
        if self.json {
            return self.list(tasks.into_iter());
        }
        let mut text = format!(
            "{:<8} {:<16} {:>8} {:>9} {:>9}  doing\n",
            "id", "name", "polls", "busy", "longest"
        );
        for task in tasks {
            let name = task.name.as_deref().unwrap_or("-");
            let [busy, longest] = match task.times {
                Some(times) => [times.busy, times.longest].map(|time| format!("{time:.1?}")),
                None => ["-".into(), "-".into()],
            };
            let _ = writeln!(
                text,
                "{:<8} {name:<16} {:>8} {busy:>9} {longest:>9}  {}",
                task.id,
                task.polls,
                self.graph.doing(task)
            );
        }
        text
    }

    fn tree(&self) -> String {
        if self.json {
            self.graph.to_json() + "\n"
        } else {
            self.graph.to_string()
        }
    }

    fn place(&self, task: &TaskInfo) -> String {
        let blocked = self.watch.blocked();
        if self.json {
            return self.row(task, blocked.as_ref()) + "\n";
        }
        let mut text = format!(
            "task {}: {}\n",
            title(task),
            self.doing(task, blocked.as_ref())
        );
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

    fn fds(&self) -> String {
        let waiting = self
            .graph
            .tasks()
            .iter()
            .filter_map(|task| match task.waits_for {
                Wait::Readable(fd) if task.state == State::Waiting => Some((fd, false, task)),
                Wait::Writable(fd) if task.state == State::Waiting => Some((fd, true, task)),
                _ => None,
            });
        if self.json {
            let rows = waiting.map(|(_, _, task)| self.graph.row_to_json(task).end());
            return json::array(rows) + "\n";
        }
        waiting
            .map(|(fd, write, task)| format!("{}: task {}\n", in_words(fd, write), title(task)))
            .collect()
    }

    fn timers(&self) -> String {
        let mut sleeping: Vec<&TaskInfo> = self.graph.tasks().iter().collect();
        sleeping.retain(|task| {
            task.state == State::Waiting && matches!(task.waits_for, Wait::Timer(_))
        });
        sleeping.sort_by_key(|task| match task.waits_for {
            Wait::Timer(deadline) => deadline,
            _ => Instant::FAR_FUTURE,
        });
        self.list(sleeping.into_iter())
    }

    fn blocked(&self) -> String {
        let Some(blocked) = self.watch.blocked() else {
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
        let call = Message::Call(Box::new(move |core| finish::cancel(core, identity, reason)));
        match self.home.send(call) {
            Ok(()) if self.json => Object::new().text("cancelled", task.id).end() + "\n",
            Ok(()) => format!("task {} is told to end\n", title(task)),
            Err(_) => self.error("the runtime has ended"),
        }
    }

    fn record(&self, file: PathBuf) -> String {
        if let Err(error) = record::can_write(&file) {
            return self.error(&error.to_string());
        }
        let answer = file.display().to_string();
        let start = move |core: &Core| {
            if let Err(error) = record::start(core, file, false) {
                eprintln!("myrt: {error}");
            }
        };
        self.ask("recording", &answer, Box::new(start))
    }

    fn stop_recording(&self) -> String {
        self.ask("recording", "stopped", Box::new(record::end))
    }

    /// Has the loop do something.
    fn ask(&self, what: &str, answer: &str, call: Box<dyn FnOnce(&Core) + Send>) -> String {
        match self.home.send(Message::Call(call)) {
            Ok(()) if self.json => Object::new().text(what, answer).end() + "\n",
            Ok(()) => format!("{what}: {answer}\n"),
            Err(_) => self.error("the runtime has ended"),
        }
    }
}

fn how_to_json(object: Object, blocked: &Blocked) -> Object {
    let object = object.number("blocks_ms", blocked.lasts.as_millis());
    match &blocked.doing {
        Doing::Burning => object.flag("burns_cpu"),
        Doing::Sleeping(call) => object.text("system_call", call),
        Doing::Unknown => object,
    }
}
