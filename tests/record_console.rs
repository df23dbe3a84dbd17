//! The console in recordings: what a program prints arrives where it would have arrived, byte for
//! byte, and stands in the recording with the task that printed it. Each test starts this program
//! again, in the part of the program that is being tried (`child_main`), and looks at it from
//! outside.

mod support;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use myrt::runtime::{Builder, Lints, Recorder};
use myrt::task::Builder as Task;
use myrt::time::{Duration, sleep};

/// The parts of the program that is being tried; nothing in the parent.
#[test]
fn child_main() {
    let Ok(part) = std::env::var("MYRT_CONSOLE_PART") else {
        return;
    };
    // What libtest has printed is not ours, and a later part of it would come too late.
    println!("begin");
    match part.as_str() {
        "three" => three(),
        "flood" => run(async { print!("{}", flood()) }),
        "exit" => run(async {
            println!("before the exit");
            std::process::exit(3);
        }),
        "abort" => run(async {
            eprintln!("before the abort");
            std::process::abort();
        }),
        "panic" => run(async { panic!("on purpose") }),
        "exec" => run(async {
            println!("before exec");
            panic!("{}", Command::new("echo").arg("after exec").exec());
        }),
        "leave" => run(leave()),
        "endless" => run(endless()),
        "restore" => restore(),
        "own" => own(),
        "halves" => run(halves()),
        #[cfg(all(target_os = "linux", feature = "signal"))]
        "no-bell" => no_bell(),
        other => panic!("there is no part {other}"),
    }
    println!("end");
    // What libtest has to say is not wanted either, and differs from run to run.
    std::process::exit(0);
}

fn run(program: impl Future<Output = ()>) {
    // A slow poll is no news here, and would be told on standard error.
    let builder = Builder::new().lints(Lints::Off).start_paused(true);
    let runtime = builder.build().unwrap();
    runtime.block_on(program);
}

/// Two tasks and the main one, in virtual time; both streams, and text before and after.
fn three() {
    println!("before");
    let builder = Builder::new().lints(Lints::Off).start_paused(true);
    let runtime = builder.build().unwrap();
    println!("outside");
    runtime.block_on(async {
        println!("main begins");
        let tea = Task::new().name("tea").spawn(async {
            sleep(Duration::from_millis(30)).await;
            eprintln!("tea is ready");
        });
        let eggs = Task::new().name("eggs").spawn(async {
            for n in 1..=2 {
                sleep(Duration::from_millis(10)).await;
                println!("egg {n}");
                eprintln!("eggs: {n} }},{{ \"é\" 🦀");
            }
        });
        let (one, other) = (tea.await, eggs.await);
        println!("main has {:?} and {:?}", one.is_ok(), other.is_ok());
    });
    drop(runtime);
    println!("after");
}

/// The signal by which the system says that something was printed is the program's own.
#[cfg(all(target_os = "linux", feature = "signal"))]
fn no_bell() {
    use myrt::signal::unix::{SignalKind, signal};

    const SIGURG: i32 = 23;
    let urgent = signal(SignalKind::from_raw(SIGURG)).unwrap();
    let recorder = Recorder::new().with_console();
    let builder = Builder::new().start_paused(true);
    let runtime = builder.observer(recorder.clone()).build().unwrap();
    runtime.block_on(async {
        let other = Task::new().name("other").spawn(async {
            println!("by the other");
        });
        println!("by main");
        let _ = other.await;
    });
    println!("by nobody");
    drop(runtime);
    drop(urgent);
    assert_eq!(
        printed(&recorder.to_json()),
        [
            r#""task":0,"to":"stdout","text":"by main\n""#,
            r#""task":1,"to":"stdout","text":"by the other\n""#,
            r#""to":"stdout","text":"by nobody\n""#,
        ]
    );
}

/// Much more than a pipe holds.
fn flood() -> String {
    (0..40_000)
        .map(|n| format!("line number {n:020}\n"))
        .collect()
}

/// A child that goes on when the program has ended: it waits for the end of its input.
async fn leave() {
    let child = Command::new("sh")
        .args([
            "-c",
            "cat >/dev/null; echo from the child; echo and once more >&2",
        ])
        .spawn();
    println!(
        "the child is {}",
        if child.is_ok() { "there" } else { "not there" }
    );
}

/// Prints until nobody reads any more.
async fn endless() {
    let mut out = std::io::stdout();
    while out.write_all(b"and so on\n").is_ok() {
        myrt::yield_now().await;
    }
}

/// A recording and what follows leave no descriptor, and what is printed between two recordings is
/// in neither.
fn restore() {
    let before = support::open_fds();
    for n in 0..2 {
        let recorder = Recorder::new().with_console();
        let runtime = Builder::new().observer(recorder.clone()).build().unwrap();
        runtime.block_on(async { println!("inside {n}") });
        drop(runtime);
        println!("between {n}");
        let json = recorder.to_json();
        assert!(json.contains(&format!("inside {n}")), "{json}");
        assert!(!json.contains("between"), "{json}");
        assert_eq!(support::open_fds(), before);
    }
    let recorder = Recorder::new();
    let runtime = Builder::new().observer(recorder.clone()).build().unwrap();
    runtime.block_on(async { println!("unheard") });
    drop(runtime);
    assert!(!recorder.to_json().contains("unheard"), "not asked for");
}

/// Two recorders at once hear the same; one on another thread hears nothing meanwhile.
fn own() {
    let [one, other] = [0, 1].map(|_| Recorder::new().with_console());
    let runtime = Builder::new().observer(one.clone()).build().unwrap();
    let second = Builder::new().observer(other.clone()).build().unwrap();
    let json = std::thread::scope(|scope| {
        let deaf = scope.spawn(|| {
            let deaf = Recorder::new().with_console();
            let runtime = Builder::new().observer(deaf.clone()).build().unwrap();
            runtime.block_on(async {});
            drop(runtime);
            deaf.to_json()
        });
        deaf.join().unwrap()
    });
    assert!(!json.contains("\"console\":true"), "{json}");
    runtime.block_on(async { println!("by the first") });
    drop(runtime);
    println!("for the second");
    drop(second);
    let (one, other) = (one.to_json(), other.to_json());
    assert!(
        one.contains("\"task\":0,\"to\":\"stdout\",\"text\":\"by the first"),
        "{one}"
    );
    assert!(!one.contains("for the second"), "{one}");
    assert!(
        other.contains("\"to\":\"stdout\",\"text\":\"by the first"),
        "{other}"
    );
    assert!(
        !other.contains("\"task\":0,\"to\":\"stdout\",\"text\":\"by"),
        "{other}"
    );
    assert!(other.contains("for the second"), "{other}");
}

/// A character in two halves, each in a poll of its own.
async fn halves() {
    let mut error = std::io::stderr();
    error.write_all(b"caf\xC3").unwrap();
    myrt::yield_now().await;
    error.write_all(b"\xA9\n").unwrap();
    myrt::yield_now().await;
    error.write_all(b"\xC3").unwrap();
}

/// A file of its own for each recording.
fn recording(ending: &str) -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("myrt-console-{}-{count}.{ending}", std::process::id());
    std::env::temp_dir().join(name)
}

/// This program in the given part, recorded to the file if there is one.
fn part(name: &str, file: Option<&PathBuf>) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "child_main", "--nocapture", "--test-threads=1"])
        .env("MYRT_CONSOLE_PART", name)
        .env_remove("MYRT_RECORD")
        // Some of them end in the middle of a run, by exit or exec: what a leak checker finds then
        // is no leak, and would change the status.
        .env("ASAN_OPTIONS", "detect_leaks=0")
        .stdin(Stdio::null());
    if let Some(file) = file {
        command.env("MYRT_RECORD", file);
    }
    command
}

/// What was recorded; the file is gone then.
fn taken(file: &PathBuf) -> String {
    let text = fs::read_to_string(file).unwrap();
    fs::remove_file(file).unwrap();
    text
}

/// Runs it with both streams into one file, and gives back what arrived there between `begin` and
/// `end`.
fn together(name: &str, file: Option<&PathBuf>) -> String {
    let place = recording("both");
    let out = File::create(&place).unwrap();
    let mut command = part(name, file);
    let status = command
        .stdout(out.try_clone().unwrap())
        .stderr(out)
        .status();
    assert!(status.unwrap().success());
    let text = taken(&place);
    let inner = text.split_once("begin\n").unwrap().1;
    inner.split_once("end\n").unwrap().0.to_owned()
}

fn apart(name: &str, file: Option<&PathBuf>) -> Output {
    part(name, file).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Lines of what was printed, without times.
fn printed(json: &str) -> Vec<String> {
    let lines = json.lines().filter(|line| line.contains("\"printed\""));
    lines
        .map(|line| {
            line.split_once("\"printed\",")
                .unwrap()
                .1
                .trim_end_matches([',', ']', '}'])
        })
        .map(str::to_owned)
        .collect()
}

#[test]
fn what_is_printed_arrives_in_order_and_stands_with_its_task() {
    let file = recording("json");
    let recorded = together("three", Some(&file));
    assert_eq!(recorded, together("three", None), "recorded or not");
    let json = taken(&file);
    assert!(json.contains("\"console\":true"), "{json}");
    assert_eq!(
        printed(&json),
        [
            r#""text":"outside\n""#,
            r#""task":0,"text":"main begins\n""#,
            r#""task":2,"text":"egg 1\neggs: 1 },{ \"é\" 🦀\n""#,
            r#""task":2,"text":"egg 2\neggs: 2 },{ \"é\" 🦀\n""#,
            r#""task":1,"text":"tea is ready\n""#,
            r#""task":0,"text":"main has true and true\n""#,
        ]
    );
}

#[test]
fn two_streams_to_two_places_stay_apart() {
    let file = recording("json");
    let (recorded, plain) = (apart("three", Some(&file)), apart("three", None));
    assert_eq!(text(&recorded.stdout), text(&plain.stdout));
    assert_eq!(text(&recorded.stderr), text(&plain.stderr));
    let json = taken(&file);
    let eggs = printed(&json)
        .into_iter()
        .filter(|line| line.contains("\"task\":2"));
    assert_eq!(
        eggs.collect::<Vec<_>>(),
        [
            r#""task":2,"to":"stdout","text":"egg 1\n""#,
            r#""task":2,"to":"stderr","text":"eggs: 1 },{ \"é\" 🦀\n""#,
            r#""task":2,"to":"stdout","text":"egg 2\n""#,
            r#""task":2,"to":"stderr","text":"eggs: 2 },{ \"é\" 🦀\n""#,
        ]
    );
}

#[test]
fn under_virtual_time_recordings_with_the_console_are_the_same_at_each_run() {
    for ending in ["json", "perfetto.json", "txt", "html"] {
        let [one, other] = [0, 1].map(|_| {
            let file = recording(ending);
            apart("three", Some(&file));
            taken(&file)
        });
        assert_eq!(one, other, "{ending}");
        assert!(one.contains("tea is ready"), "{ending}: {one}");
    }
}

#[test]
fn a_poll_may_print_more_than_a_pipe_holds() {
    let file = recording("json");
    assert!(together("flood", Some(&file)) == flood(), "all, in order");
    let json = taken(&file);
    let told = printed(&json);
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with(r#""task":0,"text":"line number 0000"#));
    assert!(told[0].contains(r#"line number 00000000000000039999\n"#));
}

#[test]
fn nothing_is_lost_however_the_program_ends() {
    for (name, said) in [
        ("exit", "before the exit\n"),
        ("abort", "before the abort\n"),
        ("panic", "on purpose\n"),
        ("exec", "before exec\nafter exec\n"),
    ] {
        let file = recording("json");
        let output = apart(name, Some(&file));
        let all = text(&output.stdout) + &text(&output.stderr);
        assert!(all.contains(said), "{name}: {all}");
        match name {
            "exit" => assert_eq!(output.status.code(), Some(3), "{all}"),
            "panic" => assert!(
                taken(&file).contains("on purpose"),
                "the message is recorded"
            ),
            _ => {}
        }
    }
}

#[test]
fn a_child_that_outlives_the_program_can_print() {
    let file = recording("json");
    let mut child = part("leave", Some(&file))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let input = child.stdin.take().unwrap();
    // The handle stays open while the program is waited for: `wait` would close it.
    let [mut out, mut error] = [String::new(), String::new()];
    assert!(child.wait().unwrap().success());
    drop(input);
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut out)
        .unwrap();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut error)
        .unwrap();
    assert!(
        out.contains("the child is there\nend\nfrom the child\n"),
        "{out}"
    );
    assert!(error.ends_with("and once more\n"), "{error}");
    assert!(taken(&file).contains("the child is there"));
}

#[test]
fn a_program_whose_reader_leaves_is_told() {
    let file = recording("json");
    let mut child = part("endless", Some(&file))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut out = child.stdout.take().unwrap();
    out.read_exact(&mut [0; 100]).unwrap();
    drop(out);
    let _ = child.wait().unwrap(); // else it would print for ever
    assert!(taken(&file).contains("and so on"));
}

#[test]
fn the_descriptors_are_given_back() {
    for name in ["restore", "own"] {
        let output = apart(name, None);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let out = text(&output.stdout);
        let said = match name {
            "restore" => "begin\ninside 0\nbetween 0\ninside 1\nbetween 1\nunheard\nend\n",
            _ => "begin\nby the first\nfor the second\nend\n",
        };
        assert!(out.ends_with(said), "{out}");
    }
}

#[cfg(all(target_os = "linux", feature = "signal"))]
#[test]
fn where_the_system_cannot_say_that_something_was_printed_it_is_asked() {
    let output = apart("no-bell", None);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(
        output
            .stdout
            .ends_with(b"begin\nby main\nby the other\nby nobody\nend\n")
    );
}

#[test]
fn a_character_in_two_halves_comes_whole() {
    let file = recording("json");
    let output = apart("halves", Some(&file));
    assert!(output.stderr.ends_with(b"caf\xC3\xA9\n\xC3"));
    let json = taken(&file);
    assert_eq!(
        printed(&json),
        [
            r#""task":0,"to":"stderr","text":"caf""#,
            r#""task":0,"to":"stderr","text":"é\n""#,
            "\"to\":\"stderr\",\"text\":\"\u{FFFD}\"",
        ]
    );
}
