//! A: who may talk to the monitor, what it may do, and what it prints.
//!
//! Looked at for A.1: each way into `monitor/talk.rs` (long lines, bytes, HTTP, unknown commands),
//! and each command that changes something (`cancel`, `record start`, `record stop`; `top` only
//! times polls for ten seconds, which reading may). For A.4: every socket that the library binds by
//! a path; the others are the program's own, whose mode it chooses. For A.2: each file that the
//! library writes (recordings of the monitor, of `MYRT_RECORD`, of `Builder::record`). For A.3:
//! each table and message that has a task's name in it: ps, top, tree, where, fds, timers, blocked,
//! errors, their JSON, the four forms of a recording, reports, unhandled panics.
#![allow(clippy::disallowed_methods, reason = "tests start threads")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use myrt::monitor::Monitor;
use myrt::runtime::Builder;
use myrt::task::Builder as Task;
use support::in_own_process;

#[path = "support/ask.rs"]
#[expect(dead_code, reason = "nothing is masked here")]
mod ask;
use ask::{ask, ask_allowed, ask_of, send};

/// Runs `visit` on a thread beside a program with a task `victim` and a monitor at `address`.
/// False: the task was cancelled.
fn visited(address: &str, visit: impl FnOnce(&Monitor) + Send + 'static) -> bool {
    Builder::new().build().unwrap().block_on(async {
        let monitor = myrt::monitor::start(address).unwrap();
        let victim = Task::new().name("victim");
        let victim = victim.spawn(std::future::pending::<()>());
        myrt::yield_now().await;
        myrt::spawn_blocking(move || visit(&monitor)).await.unwrap();
        // What was asked of the loop has been done when it has answered once more.
        for _ in 0..3 {
            myrt::yield_now().await;
        }
        let lives = !victim.is_finished();
        victim.cancel();
        lives
    })
}

/// What strangers send before the line that they would have run.
fn openings() -> Vec<Vec<u8>> {
    let long = |count: usize| "a".repeat(count);
    let mut openings: Vec<Vec<u8>> = vec![
        // A TLS hello, and a SOCKS and an SMB client.
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"\x05\x01\x00".to_vec(),
        b"\0\0\0\x45\xffSMB".to_vec(),
        "ps\u{0}".into(),
        "ps\u{85}".into(),
        b"ps\xc3".to_vec(),
        "ps\u{1b}[2J".into(),
        // Other texts.
        "GET /".into(),
        "EHLO localhost".into(),
        "*1".into(),
        "Host: 127.0.0.1".into(),
        "cancel victim HTTP/1.1".into(),
        "ps HTTP/1.1".into(),
        "token 0".into(),
        "Token 0".into(),
    ];
    // Around the longest line and the buffer's size, with and without an ending.
    for length in [
        4078, 4086, 4090, 4096, 4097, 5000, 8191, 8192, 8193, 100_000,
    ] {
        for method in ["GET", "POST", "ps", "top", "record", "cancel"] {
            openings.push(format!("{method} /{} HTTP/1.1", long(length)).into());
        }
        openings.push(long(length).into());
        openings.push(vec![0xff; length]);
    }
    openings
}

#[test]
fn a1_what_is_no_command_ends_the_connection_before_the_next_line_is_read() {
    let lives = visited("127.0.0.1:0", |monitor| {
        let address = monitor.local_addr().unwrap();
        let token = monitor.token().unwrap();
        for opening in openings() {
            for end in ["\n", "\r\n", "\r\n\r\n"] {
                let orders = format!("{end}token {token}\ncancel victim\nps\n");
                let sent = [&opening[..], orders.as_bytes()].concat();
                let answer = send(address, &sent);
                let start = String::from_utf8_lossy(&opening[..opening.len().min(20)]);
                assert!(answer.starts_with("error: "), "{start:?}: {answer}");
                assert_eq!(answer.matches("\n\n").count(), 1, "{start:?}: {answer}");
                assert!(answer.len() < 500, "{start:?}: {answer}");
            }
        }
    });
    assert!(lives);
}

#[test]
fn a1_what_changes_something_wants_the_token_and_reading_does_not() {
    let lives = visited("127.0.0.1:0", |monitor| {
        let address = monitor.local_addr().unwrap();
        for order in ["cancel victim", "record start a.txt", "record stop"] {
            let answer = ask(address, order);
            assert!(answer.starts_with("error: to cancel or record"), "{answer}");
            let answer = ask(address, &format!("{order} --json"));
            assert!(answer.starts_with("{\"error\":\"to cancel"), "{answer}");
        }
        for question in [
            "ps",
            "tree",
            "top",
            "fds",
            "timers",
            "metrics",
            "where victim",
        ] {
            let answer = ask(address, question);
            assert!(!answer.contains("error"), "{question}: {answer}");
        }
        assert!(ask(address, "help").contains("\ntoken TOKEN "));
    });
    assert!(lives);
}

#[test]
fn a1_the_token_holds_for_its_connection_and_a_wrong_one_ends_it() {
    let lives = visited("127.0.0.1:0", |monitor| {
        let address = monitor.local_addr().unwrap();
        let token = monitor.token().unwrap();
        let wrong = token.replace(|digit| digit != '0', "0");
        for wrong in [&wrong[..], &token[1..], &format!("{token}0"), "\"\""] {
            let answer = send(
                address,
                format!("token {wrong}\ntoken {token}\ncancel victim\n").as_bytes(),
            );
            assert_eq!(answer, "error: this is not the token\n\n");
        }
        let answer = ask(address, &format!("token {token} --json"));
        assert_eq!(answer, "{\"allowed\":true}\n");
        let other = ask(address, "cancel victim");
        assert!(other.starts_with("error: to cancel"), "{other}");
    });
    assert!(lives, "another connection's token allows nothing");
    let lives = visited("127.0.0.1:0", |monitor| {
        let (address, token) = (monitor.local_addr().unwrap(), monitor.token().unwrap());
        let answer = ask_allowed(address, token, "cancel victim");
        assert!(answer.ends_with("is told to end\n"), "{answer}");
    });
    assert!(!lives);
}

#[test]
fn a1_the_environments_monitor_prints_its_token() {
    let test = "a1_the_environments_monitor_prints_its_token";
    if std::env::var_os("MYRT_TEST_CHILD").is_some() {
        return drop(Builder::new().build().unwrap());
    }
    let said = |address: &str| {
        let output = support::child(test, &format!("export MYRT_MONITOR={address}"));
        String::from_utf8(output.stderr).unwrap()
    };
    let tcp = said("127.0.0.1:0");
    assert!(
        tcp.starts_with("myrt: the monitor listens on 127.0.0.1:"),
        "{tcp}"
    );
    let line = tcp.lines().nth(1).unwrap_or_default();
    let token = line.strip_prefix("myrt: its token, to cancel and record, is ");
    assert_eq!(token.map(str::len), Some(32), "{tcp}");
    let path = place("env");
    let unix = said(&format!("unix:{}", path.display()));
    assert_eq!(
        unix,
        format!("myrt: the monitor listens on unix:{}\n", path.display())
    );
}

/// A path of this process's own for a socket.
fn place(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("myrt-seal-{}-{name}", std::process::id()))
}

#[test]
fn a4_a_unix_socket_is_its_owners_whatever_the_umask_and_needs_no_token() {
    let test = "a4_a_unix_socket_is_its_owners_whatever_the_umask_and_needs_no_token";
    for umask in ["000", "022", "077", "177", "777"] {
        if std::env::var_os("MYRT_TEST_CHILD").is_none() {
            in_own_process(test, &format!("umask {umask}"));
        }
    }
    if std::env::var_os("MYRT_TEST_CHILD").is_none() {
        return;
    }
    let folder = place("folder");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    let path = folder.join("socket");
    let socket = path.clone();
    let lives = visited(path.to_str().unwrap(), move |monitor| {
        assert_eq!(monitor.token(), None);
        let mode = fs::symlink_metadata(&socket).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
        let beside = fs::read_dir(socket.parent().unwrap()).unwrap();
        assert_eq!(beside.count(), 1, "nothing is left of how it was made");
        let taken = myrt::runtime::Runtime::new().unwrap().block_on(async {
            let again = myrt::monitor::start(socket.to_str().unwrap());
            again.unwrap_err().kind()
        });
        assert_eq!(taken, std::io::ErrorKind::AddrInUse);
        let answer = ask_of(UnixStream::connect(&socket).unwrap(), "cancel victim");
        assert!(answer.ends_with("is told to end\n"), "{answer}");
    });
    assert!(!lives);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    fs::remove_dir(&folder).unwrap();
}

/// A new folder of this process's own.
fn folder(name: &str) -> PathBuf {
    let folder = place(name);
    fs::create_dir(&folder).unwrap();
    folder
}

/// A program with a monitor that may record into `folder`, and `visit` with what sends an order to
/// it.
fn recorded(folder: Option<PathBuf>, visit: impl FnOnce(&dyn Fn(&str) -> String) + Send + 'static) {
    let mut builder = Builder::new();
    if let Some(folder) = folder {
        builder = builder.record_dir(folder);
    }
    builder.build().unwrap().block_on(async {
        let monitor = myrt::monitor::start("127.0.0.1:0").unwrap();
        let visiting = move || {
            let (address, token) = (monitor.local_addr().unwrap(), monitor.token().unwrap());
            visit(&|order| ask_allowed(address, token, order));
        };
        myrt::spawn_blocking(visiting).await.unwrap();
    });
}

#[test]
fn a2_a_client_makes_new_files_in_the_programs_folder_and_nowhere_else() {
    let inside = folder("record");
    let outside = folder("outside");
    let precious = outside.join("precious.txt");
    fs::write(&precious, "precious").unwrap();
    fs::write(inside.join("there.txt"), "there").unwrap();
    let link = |to: &PathBuf, name| std::os::unix::fs::symlink(to, inside.join(name)).unwrap();
    link(&precious, "link.txt");
    link(&outside.join("dangling.txt"), "dangling.txt");
    fs::create_dir(inside.join("sub.txt")).unwrap();
    let fifo = inside.join("fifo.txt");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.unwrap().success());
    let (within, other) = (inside.clone(), outside.clone());
    recorded(Some(inside.clone()), move |order| {
        let refused = [
            "there.txt".into(),
            "link.txt".into(),
            "dangling.txt".into(),
            "fifo.txt".into(),
            "sub.txt".into(),
            "../outside.txt".into(),
            "./a.txt".into(),
            "a.txt/".into(),
            "sub.txt/a.txt".into(),
            "..".into(),
            "no-ending".into(),
            format!("{}", other.join("new.txt").display()),
            format!("{}", within.join("absolute.txt").display()),
        ];
        for name in refused {
            let answer = order(&format!("record start {name}"));
            assert!(answer.starts_with("error: "), "{name}: {answer}");
        }
        assert_eq!(order("record stop"), "error: nothing is recorded\n");
        let path = within.join("new.html");
        let (answer, path) = (order("record start new.html"), path.display());
        assert_eq!(answer, format!("recording: {path}\n"));
        // The name is taken from here on, also by itself.
        assert!(order("record start new.html").starts_with("error: "));
        assert_eq!(order("record stop"), format!("recorded: {path}\n"));
    });
    assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
    assert_eq!(
        fs::read_to_string(inside.join("there.txt")).unwrap(),
        "there"
    );
    let page = fs::read_to_string(inside.join("new.html")).unwrap();
    assert!(page.starts_with("<!doctype html>"));
    assert_eq!(fs::read_dir(&inside).unwrap().count(), 6);
    for folder in [inside, outside] {
        fs::remove_dir_all(folder).unwrap();
    }
}

#[test]
fn a2_without_a_folder_a_client_records_nothing() {
    recorded(None, |order| {
        let answer = order("record start a.txt");
        assert!(
            answer.starts_with("error: the program names no folder"),
            "{answer}"
        );
    });
}

#[test]
fn a2_the_programs_own_file_is_replaced_and_a_fifo_blocks_nothing() {
    let folder = folder("own");
    let file = folder.join("run.txt");
    for _ in 0..2 {
        fs::write(&file, "x".repeat(100_000)).unwrap();
        drop(
            Builder::new()
                .start_paused(true)
                .record(&file)
                .build()
                .unwrap(),
        );
        assert!(fs::metadata(&file).unwrap().len() < 100_000);
    }
    fs::remove_file(&file).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&file).status();
    assert!(made.unwrap().success());
    // Told on stderr; nobody reads the FIFO.
    drop(Builder::new().record(&file).build().unwrap());
    // Nor when somebody does who never takes anything.
    let reader = fs::OpenOptions::new().read(true).write(true).open(&file);
    drop(Builder::new().record(&file).build().unwrap());
    drop(reader);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a2_the_environments_recordings_overwrite_nothing_also_when_many_begin_at_once() {
    let test = "a2_the_environments_recordings_overwrite_nothing_also_when_many_begin_at_once";
    if std::env::var_os("MYRT_TEST_CHILD").is_some() {
        drop(Builder::new().build().unwrap());
        return drop(Builder::new().build().unwrap());
    }
    let folder = folder("many");
    let file = folder.join("run.json");
    fs::write(&file, "precious").unwrap();
    std::os::unix::fs::symlink(folder.join("elsewhere"), folder.join("run-2.json")).unwrap();
    let environment = format!("export MYRT_RECORD={}", file.display());
    let children = [(); 8].map(|()| {
        let environment = environment.clone();
        std::thread::spawn(move || support::child(test, &environment))
    });
    for child in children {
        assert!(child.join().unwrap().status.success());
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
    for number in 3..19 {
        let written = fs::read_to_string(folder.join(format!("run-{number}.json"))).unwrap();
        assert!(written.starts_with("{\"myrt\":1,"), "{number}: {written}");
    }
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 18);
    fs::remove_dir_all(folder).unwrap();
}

/// A name that forges a row, drives the terminal, ends an answer, turns the direction of writing,
/// and does not end.
fn evil() -> String {
    "x\n9        forged\n\n\r\u{1b}[2J\u{9b}2J\u{7f}\u{202e}\u{2028}\"\\</script>".to_owned()
        + &"y".repeat(1 << 20)
}

/// Whether a terminal that shows it does something else than show it.
fn harms(text: &str) -> bool {
    let turns = |c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}');
    text.chars()
        .any(|c| (c.is_control() && c != '\n') || turns(c))
}

#[test]
fn a3_a_name_is_one_word_in_every_table() {
    Builder::new().build().unwrap().block_on(async {
        let monitor = myrt::monitor::start("127.0.0.1:0").unwrap();
        let address = monitor.local_addr().unwrap();
        let holder = std::rc::Rc::new(myrt::sync::Mutex::new(()));
        let (lock, hour) = (holder.clone(), std::time::Duration::from_secs(3600));
        let sleeps = Task::new().name(evil()).spawn(async move {
            let _guard = lock.lock().await;
            myrt::time::sleep(hour).await;
        });
        let listener = myrt::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let accepts = Task::new().name(evil()).spawn(async move {
            drop(listener.accept().await);
        });
        myrt::yield_now().await;
        let waits = Task::new().name(evil()).spawn(async move {
            drop(holder.lock().await);
        });
        myrt::yield_now().await;
        let asked = myrt::spawn_blocking(move || {
            let questions = [
                "ps", "tree", "top", "fds", "timers", "where 1", "where 2", "where 3",
            ];
            for question in questions {
                for json in ["", " --json"] {
                    let answer = ask(address, &format!("{question}{json}"));
                    assert!(!harms(&answer), "{question}: {answer:?}");
                    assert!(answer.len() < 4_000, "{question}: {} bytes", answer.len());
                    let forged = answer.lines().any(|line| line.starts_with("9 "));
                    assert!(!forged, "{question}: {answer}");
                    assert!(answer.contains('…'), "{question}: {answer}");
                }
            }
            // A header, main, three tasks and this job's.
            assert_eq!(ask(address, "ps").lines().count(), 6);
        });
        asked.await.unwrap();
        for task in [sleeps, accepts, waits] {
            task.cancel();
        }
    });
}

#[test]
fn a3_a_name_is_one_word_in_every_recording_and_report() {
    let recorder = myrt::runtime::Recorder::new();
    let said = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    let (reports, panics) = (said.clone(), said.clone());
    let runtime = Builder::new()
        .observer(recorder.clone())
        .debug(true)
        .lints(myrt::runtime::Lints::Warn)
        .slow_poll(std::time::Duration::from_nanos(1))
        .on_report(move |report| reports.borrow_mut().push(report.to_string()))
        .on_unhandled(move |it| panics.borrow_mut().push(it.to_string()))
        .build()
        .unwrap();
    runtime.block_on(async {
        let named = Task::new().name(evil()).spawn(async {
            let failing = Task::new().name(evil());
            drop(failing.spawn(async { panic!("told") }));
            myrt::yield_now().await;
        });
        named.await.unwrap();
    });
    drop(runtime);
    assert!(
        said.borrow()
            .iter()
            .any(|text| text.contains("for one poll"))
    );
    assert!(said.borrow().iter().any(|text| text.ends_with("told")));
    let mut texts = said.take();
    let forms = [
        recorder.to_text(),
        recorder.to_json(),
        recorder.to_perfetto(),
    ];
    texts.extend(forms);
    for text in texts {
        assert!(!harms(&text), "{text:?}");
        assert!(text.len() < 20_000, "{} bytes", text.len());
        assert!(!text.lines().any(|line| line.starts_with("9  ")), "{text}");
    }
    let page = recorder.to_html();
    assert_eq!(page.matches("</script>").count(), 1);
}
