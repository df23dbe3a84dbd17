//! Recordings: the course's programs draw what the course draws, to the byte, and each form of the
//! output is sound.
//!
//! The drawings are those of `examples/13_timeline.rs`. `MYRT_BLESS=1 cargo test --test record`
//! writes them again.

use std::cell::RefCell;
use std::env;
use std::fs;
use std::path::Path;
use std::rc::Rc;

use myrt::runtime::{Builder, By, NewTask, Observer};
use myrt::task::{Builder as Task, Id, Outcome};
use myrt::time::{Duration, sleep};

#[path = "../examples/13_timeline.rs"]
#[expect(dead_code, reason = "its main is not wanted here")]
mod timeline;

fn assert_golden(name: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    if env::var_os("MYRT_BLESS").is_some() {
        fs::write(&file, text).unwrap();
    }
    let expected = fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(text, expected, "{name} is not drawn as {}", file.display());
}

#[test]
fn the_programs_of_the_course_draw_exactly_this() {
    for (name, _, record) in timeline::PROGRAMS {
        assert_golden(&format!("{name}.txt"), &record().to_text());
    }
}

#[test]
fn recordings_under_virtual_time_are_the_same_at_each_run() {
    for (name, _, record) in timeline::PROGRAMS {
        let (one, other) = (record(), record());
        assert_eq!(one.to_json(), other.to_json(), "{name}");
        assert_eq!(one.to_perfetto(), other.to_perfetto(), "{name}");
        assert_eq!(one.to_html(), other.to_html(), "{name}");
    }
}

#[test]
fn the_json_of_two_tasks_is_this() {
    assert_golden(
        "two_tasks.json",
        &stable(&timeline::PROGRAMS[0].2().to_json()),
    );
}

/// Without the places in the source, which every edit moves.
fn stable(json: &str) -> String {
    json.lines()
        .map(|line| {
            let cut = |line: &str, key: &str| match line.split_once(key) {
                Some((before, after)) => {
                    let rest = after.split_once('"').map_or("", |(_, rest)| rest);
                    format!("{before}{rest}")
                }
                None => line.to_owned(),
            };
            cut(&cut(line, ",\"where\":\""), ",\"spawned_at\":\"") + "\n"
        })
        .collect()
}

#[test]
fn a_run_is_written_where_and_as_what_the_builder_says() {
    let folder = env::temp_dir().join(format!("myrt-record-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    for (name, begin) in [
        ("run.txt", "      0 "),
        ("run.json", "{\"myrt\":1,"),
        ("run.perfetto.json", "{\"displayTimeUnit\":"),
        ("run.html", "<!doctype html>"),
    ] {
        let file = folder.join(name);
        let runtime = Builder::new()
            .start_paused(true)
            .record(&file)
            .build()
            .unwrap();
        runtime.block_on(sleep(Duration::from_millis(5)));
        drop(runtime);
        let written = fs::read_to_string(&file).unwrap();
        assert!(written.starts_with(begin), "{name}: {written:.40}");
    }
    fs::remove_dir_all(&folder).unwrap();
    assert!(Builder::new().record("run.svg").build().is_err());
}

/// What an observer hears, in words.
#[derive(Clone, Default)]
struct Heard(Rc<RefCell<Vec<String>>>);

impl Observer for Heard {
    fn task_spawned(&self, task: &NewTask<'_>) {
        let name = task.name.unwrap_or("-");
        self.0.borrow_mut().push(format!("spawned {name}"));
    }
    fn task_woken(&self, task: Id, by: By) {
        self.0.borrow_mut().push(format!("woken {task} by {by:?}"));
    }
    fn task_ended(&self, task: Id, outcome: Outcome) {
        self.0
            .borrow_mut()
            .push(format!("ended {task} {outcome:?}"));
    }
}

/// Runs a program, and gives back what an observer heard.
fn heard(program: impl Future<Output = ()>) -> Vec<String> {
    let heard = Heard::default();
    let builder = Builder::new().start_paused(true).observer(heard.clone());
    let runtime = builder.on_unhandled(|_| {}).build().unwrap();
    runtime.block_on(program);
    drop(runtime);
    heard.0.take()
}

#[test]
fn an_observer_hears_how_each_task_ends() {
    let heard = heard(async {
        let cancelled = Task::new()
            .name("cancelled")
            .spawn(std::future::pending::<()>());
        let panics = Task::new()
            .name("panics")
            .spawn(async { panic!("on purpose") });
        let eager = Task::new().name("eager").spawn_eager(async {});
        myrt::yield_now().await;
        let _ = cancelled.cancel().await;
        assert!(panics.await.is_err());
        assert!(eager.await.is_ok());
    });
    for expected in [
        "spawned cancelled",
        "spawned panics",
        "ended 1 Cancelled",
        "ended 2 Panicked",
        "ended 3 Completed",
        "ended main Completed",
    ] {
        let count = heard.iter().filter(|line| *line == expected).count();
        assert_eq!(count, 1, "{expected:?} in {heard:#?}");
    }
}

#[test]
fn an_observer_hears_who_woke() {
    let heard = heard(async {
        let (sender, receiver) = myrt::sync::oneshot::channel();
        let _other = Task::new().name("other").spawn(async {
            sleep(Duration::from_millis(1)).await;
            let _ = sender.send(());
        });
        let _ = receiver.await;
        // The job ends only when its awaiter waits: it is this second task that lets it go on.
        let (go, wait) = std::sync::mpsc::channel();
        let job = myrt::spawn_blocking(move || wait.recv());
        let _starter = myrt::spawn(async move { go.send(()) });
        let _ = job.await;
    });
    let by = |by: &str| heard.iter().any(|line| line.contains(by));
    assert!(by("woken 1 by Timer"), "{heard:#?}");
    assert!(by("woken main by Task(Id(1))"), "{heard:#?}");
    assert!(by("by Outside"), "{heard:#?}");
}
