//! A monitor among strangers: whatever is sent to it, and however, there is one clear answer, and
//! the program that it watches goes on.
//!
//! Nothing here depends on how long anything takes: each client reads until it has its answer.
#![allow(clippy::disallowed_methods, reason = "tests start threads")]

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream as Plain};
use std::rc::Rc;

use myrt::net::{TcpListener, TcpStream};
use myrt::runtime::{Builder, Lints};
use myrt::sync::{Mutex, Notify};
use myrt::task::Builder as Task;
use myrt::time::{Duration, sleep, timeout};

#[path = "support/ask.rs"]
#[expect(dead_code, reason = "nothing is masked here")]
mod ask;
use ask::{ask, ask_allowed, send};

/// Runs a program of two tasks of the same name and one that ticks, and `visit` with its monitor's
/// address on a thread beside it. The program must go on ticking afterwards.
fn watched<T: Send + 'static>(visit: impl FnOnce(SocketAddr) -> T + Send + 'static) -> T {
    watched_by(|address, _| visit(address))
}

/// The same for a visitor who knows the token.
fn watched_by<T: Send + 'static>(visit: impl FnOnce(SocketAddr, &str) -> T + Send + 'static) -> T {
    alone(async {
        let monitor = myrt::monitor::start("127.0.0.1:0").unwrap();
        let address = monitor.local_addr().unwrap();
        let token = monitor.token().unwrap().to_owned();
        let twins = [1, 2].map(|_| {
            let twin = Task::new().name("twin");
            twin.spawn(std::future::pending::<()>())
        });
        let seen = myrt::spawn_blocking(move || visit(address, &token))
            .await
            .unwrap();
        for twin in twins {
            assert!(!twin.is_finished());
            twin.cancel();
        }
        sleep(Duration::from_millis(1)).await;
        seen
    })
}

/// Runs it without hearing Ctrl-C, which is a task of its own.
fn alone<T>(future: impl Future<Output = T>) -> T {
    Builder::new().build().unwrap().block_on(future)
}

#[test]
fn what_is_no_question_has_a_clear_answer() {
    for (question, expected) in [
        ("", ""),
        (
            "rm -rf /",
            "error: \"rm -rf /\" is not a command; try help\n",
        ),
        ("\u{1b}[2J", "error: this is not text\n"),
        ("where 4711", "error: there is no task 4711\n"),
        ("cancel nobody", "error: there is no task nobody\n"),
        ("cancel \u{7}", "error: this is not text\n"),
        ("token", "error: \"token\" is not a command; try help\n"),
        (
            "cancel",
            "error: which task? Give an id or a name: see ps\n",
        ),
        (
            "cancel twin",
            "error: 2 tasks are named twin: say which of 1, 2\n",
        ),
        ("top many", "error: \"many\" is not a number\n"),
        ("record", "error: record start NAME, or record stop\n"),
        (
            "where nobody --json",
            "{\"error\":\"there is no task nobody\"}\n",
        ),
        ("--json", ""),
    ] {
        let answer = watched_by(move |address, token| ask_allowed(address, token, question));
        assert_eq!(answer, expected, "{question:?}");
    }
}

#[test]
fn bytes_that_are_no_text_and_lines_without_end_end_the_connection() {
    let answers = watched(|address| {
        let garbage: Vec<u8> = (0..=255).filter(|byte| *byte != b'\n').collect();
        let endless = [&b"x".repeat(1 << 20)[..], b"\nblocked\n"].concat();
        [send(address, &garbage), send(address, &endless)]
    });
    assert_eq!(
        answers,
        [
            "error: this is not text\n\n",
            "error: a line has at most 4096 bytes\n\n"
        ],
        "and what follows is not read"
    );
}

#[test]
fn whoever_sends_no_more_has_all_answers_also_to_a_line_without_end() {
    let answer = watched(|address| send(address, b"blocked\r\nblocked"));
    assert_eq!(answer, "the loop is not blocked\n\n".repeat(2));
    assert_eq!(watched(|address| send(address, b"")), "");
    assert_eq!(watched(|address| send(address, b"quit\nblocked\n")), "");
}

#[test]
fn a_page_in_a_browser_can_give_no_orders() {
    let posted =
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\n\r\ncancel 1\r\n";
    // That the twins are there is looked at when the visit is over.
    let answer = watched(|address| {
        let mut client = Plain::connect(address).unwrap();
        client.write_all(posted).unwrap();
        let mut line = String::new();
        BufReader::new(client).read_line(&mut line).unwrap();
        line
    });
    assert_eq!(answer, "error: this is not HTTP: use nc or myrt-top\n");
}

#[test]
fn a_hundred_are_answered_at_a_time_and_too_many_are_told_so() {
    watched(|address| {
        let connect = |_| Plain::connect(address).unwrap();
        let mut clients: Vec<Plain> = (0..100).map(connect).collect();
        for client in &mut clients {
            client.write_all(b"blocked\n").unwrap();
        }
        let mut lines: Vec<_> = clients.into_iter().map(BufReader::new).collect();
        let mut answer = String::new();
        for client in &mut lines {
            answer.clear();
            client.read_line(&mut answer).unwrap();
            assert_eq!(answer, "the loop is not blocked\n");
        }
        // They are still there: so is soon the 129th.
        let more: Vec<Plain> = (0..28).map(connect).collect();
        assert_eq!(
            send_nothing(address),
            "error: 128 clients are connected already\n\n"
        );
        drop((lines, more));
        // Who leaves makes room.
        while !ask(address, "blocked").starts_with("the loop") {}
    });
}

fn send_nothing(address: SocketAddr) -> String {
    let mut answer = String::new();
    let mut client = Plain::connect(address).unwrap();
    client.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn who_never_reads_holds_up_nobody() {
    let answer = watched(|address| {
        let mut silent = Plain::connect(address).unwrap();
        silent.set_nonblocking(true).unwrap();
        let questions = b"help\n".repeat(1000);
        // Until both ways are full.
        let stopped = loop {
            if let Err(error) = silent.write_all(&questions) {
                break error;
            }
        };
        assert_eq!(stopped.kind(), ErrorKind::WouldBlock);
        ask(address, "blocked")
    });
    assert_eq!(answer, "the loop is not blocked\n");
}

#[test]
fn a_deadlock_is_one_although_a_monitor_looks_on() {
    let found = std::thread::spawn(|| {
        let runtime = Builder::new()
            .debug(true)
            .lints(Lints::Warn)
            .build()
            .unwrap();
        runtime.block_on(async {
            let monitor = myrt::monitor::start("127.0.0.1:0").unwrap();
            let address = monitor.local_addr().unwrap();
            // A client that stays.
            let client = Plain::connect(address).unwrap();
            assert!(ask(address, "ps").contains("main"));
            let lock = Mutex::new(());
            let _guard = lock.lock().await;
            drop(lock.lock().await);
            drop(client);
        });
    });
    let panic = found.join().unwrap_err();
    let message = panic.downcast_ref::<&str>().copied().unwrap_or_default();
    assert!(message.starts_with("deadlock"), "{message}");
}

#[test]
fn all_that_a_task_waits_for_is_told() {
    alone(async {
        let monitor = myrt::monitor::start("127.0.0.1:0").unwrap();
        let address = monitor.local_addr().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = listener.local_addr().unwrap();
        let client = TcpStream::connect(server).await.unwrap();
        let me = client.local_addr().unwrap();
        let (peer, _) = listener.accept().await.unwrap();
        let notify = Rc::new(Notify::new());
        let busy = Task::new().name("busy").spawn(async move {
            let mut bytes = [0; 8];
            let hour = Duration::from_secs(3600);
            let _ = timeout(hour, async {
                myrt::select! {
                    biased;
                    read = client.read(&mut bytes) => drop(read),
                    () = notify.notified() => {}
                }
            })
            .await;
        });
        let asked = myrt::spawn_blocking(move || {
            while !ask(address, "where busy").contains("for the event at") {}
            [
                "where busy",
                "where busy --json",
                "fds",
                "fds --json",
                "timers",
                "timers --json",
            ]
            .map(|question| ask(address, question))
        });
        let [place, place_json, fds, fds_json, timers, timers_json] = asked.await.unwrap();
        let lines: Vec<&str> = place.lines().collect();
        assert!(lines[0].ends_with(", among others"), "{place}");
        assert!(lines[1].starts_with("waits also in a sleep, "), "{place}");
        let reading = format!("waits also to read fd {} ({server})", fd_of(&place_json));
        assert_eq!(lines[2], reading);
        assert!(
            place_json.contains("\"also\":[{\"waits_for\":\"sleep\",\"due_in_ms\":3"),
            "{place_json}"
        );
        let fd = fd_of(&place_json);
        assert_eq!(
            fds,
            format!("read fd {fd} ({server}): task 1 \"busy\"\n"),
            "and nobody else"
        );
        assert_eq!(
            fds_json,
            format!(
                "{{\"complete\":true,\"fds\":[{{\"fd\":{fd},\"peer\":\"{server}\",\"local\":\"{me}\",\"waiters\":[{{\"waits_for\":\"read\",\
                 \"fd\":{fd},\"peer\":\"{server}\",\"local\":\"{me}\",\"task\":\"1\",\"name\":\"busy\"}}]}}]}}\n"
            )
        );
        assert!(
            timers.starts_with("in 3") && timers.ends_with("s: task 1 \"busy\"\n"),
            "{timers}"
        );
        assert!(
            timers_json.starts_with("{\"complete\":true,\"timers\":[{\"due_in_ms\":3"),
            "{timers_json}"
        );
        assert!(
            timers_json.ends_with(",\"task\":\"1\",\"name\":\"busy\"}]}\n"),
            "{timers_json}"
        );
        busy.cancel();
        drop(peer);
    });
}

#[test]
fn what_was_waited_for_before_is_not_told_again() {
    alone(async {
        let notify = Rc::new(Notify::new());
        let other = Rc::clone(&notify);
        let task = Task::new().name("task").spawn(async move {
            let _ = timeout(Duration::from_secs(9), other.notified()).await;
            sleep(Duration::from_secs(3600)).await;
        });
        myrt::yield_now().await;
        let doing = || {
            let graph = myrt::task::graph();
            graph.doing(graph.named("task").unwrap())
        };
        assert!(doing().contains("for the event at"), "{}", doing());
        assert!(doing().ends_with(", among others"), "{}", doing());
        notify.notify_one();
        myrt::yield_now().await;
        assert!(doing().contains("in a sleep, "), "{}", doing());
        assert!(!doing().contains("among others"), "{}", doing());
        task.cancel();
    });
}

fn fd_of(json: &str) -> &str {
    let rest = json.split("\"fd\":").nth(1).unwrap_or(json);
    rest.split(',').next().unwrap()
}

#[test]
fn what_the_loop_alone_knows_is_told_as_partial_while_it_is_blocked() {
    let (tell, told) = std::sync::mpsc::channel();
    let asking = std::thread::spawn(move || {
        let monitor: myrt::monitor::Monitor = told.recv().unwrap();
        let (address, token) = (monitor.local_addr().unwrap(), monitor.token().unwrap());
        while !ask(address, "blocked").starts_with("task") {}
        let told = ["timers", "timers --json", "fds --json", "metrics"]
            .map(|question| ask(address, question));
        (told, ask_allowed(address, token, "record start a.txt"))
    });
    let ([timers, timers_json, fds, metrics], record) = alone(async move {
        let monitor = myrt::monitor::start("127.0.0.1:0").unwrap();
        tell.send(monitor).unwrap();
        let waits = myrt::spawn(sleep(Duration::from_secs(3600)));
        let for_ever = myrt::spawn(sleep(Duration::MAX));
        myrt::yield_now().await;
        let answers = myrt::spawn(async move { asking.join().unwrap() }).await;
        waits.cancel();
        for_ever.cancel();
        answers.unwrap()
    });
    let lines: Vec<&str> = timers.lines().collect();
    assert!(
        lines[0].starts_with("in 3") && lines[0].ends_with(": task 1"),
        "{timers}"
    );
    assert_eq!(lines[1], "never: task 2");
    assert!(lines[2].starts_with("the loop does not answer"), "{timers}");
    assert!(
        timers_json.starts_with("{\"complete\":false,\"timers\":[{\"due_in_ms\":3"),
        "{timers_json}"
    );
    assert!(
        timers_json.ends_with("{\"due_in_ms\":null,\"task\":\"2\"}]}\n"),
        "{timers_json}"
    );
    assert_eq!(fds, "{\"complete\":false,\"fds\":[]}\n");
    let silence = "error: the loop does not answer: it is blocked, or not running\n";
    assert_eq!([&metrics[..], &record[..]], [silence, silence]);
}

#[test]
fn the_counts_are_those_of_the_runtime() {
    let answer = watched(|address| ask(address, "metrics --json"));
    assert!(
        answer.starts_with("{\"tasks\":3,\"spawned\":3,"),
        "{answer}"
    );
    for key in [
        "polls",
        "queued",
        "turns",
        "busy_us",
        "timer_lag_us",
        "selector_waits",
        "events",
        "blocking_threads",
    ] {
        assert!(answer.contains(&format!("\"{key}\":")), "{key}: {answer}");
    }
    let text = watched(|address| ask(address, "metrics"));
    assert!(
        text.starts_with("tasks                           3\n"),
        "{text}"
    );
}

#[test]
fn a_virtual_clock_is_the_one_that_is_told() {
    let (tell, told) = std::sync::mpsc::channel();
    let (done, finished) = std::sync::mpsc::channel::<()>();
    let asking = std::thread::spawn(move || {
        let address: SocketAddr = told.recv().unwrap();
        let answers = ["ps --json", "where main"].map(|question| ask(address, question));
        drop(done);
        answers
    });
    let runtime = Builder::new().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let monitor = myrt::monitor::start("127.0.0.1:0").unwrap();
        let late = sleep(Duration::from_secs(5000));
        drop(Task::new().name("late").spawn(late)); // it sleeps on
        sleep(Duration::from_secs(2000)).await;
        tell.send(monitor.local_addr().unwrap()).unwrap();
        assert!(
            finished.recv().is_err(),
            "the loop stands still until all is asked"
        );
    });
    let [ps, place] = asking.join().unwrap();
    assert!(
        ps.contains("\"waits_for\":\"sleep\",\"due_in_ms\":3000000,"),
        "{ps}"
    );
    assert!(ps.contains("\"waited_ms\":2000000,"), "{ps}");
    assert!(place.starts_with("task main: running"), "{place}");
}
