//! The programs that show something: what they print, to the line where the clock is virtual. (C1,
//! C2, C3, C4, C5, C6, C8, C10, C17, C18, C19, C20, C25, C27, C28, E2, E8, R1, R3, N19, N20, N22;
//! D1, A10, A24, A26, A28, B1, B3, B4, B10, B11, B12, B19, B25, C11, C15, C24, C29, C30, C32, C33,
//! C34, D3, E3, R4, R7, R10, R16)

mod support;

use support::output;

/// Without the signs of bars and without what is at the ends of lines.
fn bare(text: &str) -> String {
    let lines = text.lines().map(|line| line.replace('█', ""));
    lines
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn lines_of_time_are_those_of_the_course() {
    let scene = |name: &str| bare(&output(env!("CARGO_BIN_EXE_timelines"), &[name]));
    assert_eq!(
        scene("user_data"),
        "user_data\n300 ms one after the other\n100 ms gathered: (\"user data\", \"orders data\", \"advice data\")"
    );
    assert!(
        scene("handle_request")
            .ends_with("request 5 0–160 ms\n160 ms five together, on one thread")
    );
    assert_eq!(
        scene("lazy_future"),
        "lazy_future\n1 made, and nothing was printed\n2 now it runs"
    );
    assert_eq!(
        scene("await_order"),
        "await_order\nA before await\n1 inside, before the wait\n2 inside, after it\nB after await"
    );
    assert_eq!(
        scene("two_tasks"),
        "two_tasks\n0 ms task 1: start\n0 ms task 2: start\n100 ms task 1: goes on\n150 ms task 2: end\n200 ms task 1: end"
    );
    assert_eq!(
        scene("background"),
        "background\n0 ms main works\n0 ms logging 1\n1000 ms logging 2\n2000 ms logging 3\n3000 ms logging 4\n3500 ms main has cancelled the logger"
    );
    assert_eq!(
        scene("cancelled"),
        "cancelled\n0 ms working\n500 ms working\n1000 ms working\n1500 ms working\n1900 ms cleaning up\n1900 ms cancelled: true"
    );
    assert_eq!(
        scene("three_fetches"),
        "three_fetches\nfetch 2 0–100 ms\nfetch 1 0–120 ms\nfetch 3 0–150 ms\n150 ms the longest wait, not the sum"
    );
    assert_eq!(
        scene("semaphore"),
        "semaphore\nURL 1 0–1000 ms\nURL 2 0–1000 ms\nURL 3 1000–2000 ms\nURL 4 1000–2000 ms\nURL 5 2000–2500 ms\n2500 ms never more than two at a time"
    );
}

#[test]
fn the_loop_in_a_page_keeps_the_order() {
    let printed = output(env!("CARGO_BIN_EXE_mini_loop"), &[]);
    let order = [
        "task 1: start",
        "task 2: start",
        "task 1: goes on",
        "task 2: end",
        "task 3: has heard",
        "task 1: end",
    ];
    let places = order.map(|part| printed.find(part).expect(part));
    assert!(places.is_sorted(), "{printed}");
}

#[test]
fn five_a_second_are_five_and_the_courses_are_nine() {
    let printed = output(env!("CARGO_BIN_EXE_rate_limiter"), &[]);
    let lines: Vec<_> = printed.lines().map(str::trim).collect();
    assert!(
        lines[0].contains(" 0.00 0.00 0.00 0.00 0.00 0.20 0.40 0.60 ")
            && lines[0].ends_with(" 3.00"),
        "{printed}"
    );
    assert_eq!(lines[1], "5.0 calls a second after the burst");
    assert_eq!(lines[3], "9.4 calls a second after the burst"); // R1
}

#[test]
fn a_failing_job_takes_no_worker_along() {
    let printed = output(env!("CARGO_BIN_EXE_task_queue"), &[]);
    assert!(
        printed.contains("5000 ms  all 14 jobs are done"),
        "{printed}"
    );
    assert_eq!(printed.matches(": error: ").count(), 2);
    assert_eq!(printed.matches(" done in ").count(), 12);
    assert_eq!(printed.matches("  worker ").count(), 14);
}

#[test]
fn the_scraper_keeps_to_its_limit() {
    let printed = output(
        env!("CARGO_BIN_EXE_scraper"),
        &["--pages", "200", "--max", "20", "--delay", "5"],
    );
    assert!(
        printed.contains("200 pages in ") && printed.contains(" with 200 requests"),
        "{printed}"
    );
    assert!(
        printed.contains("at most 20 requests at a time"),
        "{printed}"
    );
}

#[test]
fn the_first_success_is_enough() {
    let printed = output(env!("CARGO_BIN_EXE_aggregate"), &[]);
    assert!(
        printed.contains(
            r#"{"user":"answered after 100 ms","orders":"answered after 100 ms","prices":"#
        ),
        "{printed}"
    );
    assert!(printed.contains("slow/1000: None"));
    let last = printed.lines().last().unwrap();
    assert!(
        last.ends_with(r#"{"mirror2":"answered after 10 ms"}"#),
        "{printed}"
    );
    let millis: u32 = last.split_whitespace().next().unwrap().parse().unwrap();
    assert!(
        (10..500).contains(&millis),
        "R3: not the second of the slowest, but {millis} ms"
    );
}

#[test]
fn errors_stop_the_group_or_are_results() {
    assert_eq!(
        bare(&output(env!("CARGO_BIN_EXE_errors"), &[])),
        "An error that is handed up:\ncaught: task 2 failed\n\
         The first error stops the group; task 3 is dropped and says nothing:\ntask 1 ends\nErr(\"task 2 failed\")\n\
         Errors as results:\ntask 1 ends\ntask 3 ends\nOk(\"result 1\")\nErr(\"task 2 failed\")\nOk(\"result 3\")"
    );
}

#[test]
fn nothing_that_does_not_block_waits() {
    let printed = output(env!("CARGO_BIN_EXE_nonblocking_ops"), &[]);
    assert_eq!(printed.matches("WouldBlock").count(), 5, "{printed}");
    assert!(printed.contains("InProgress"));
}

#[test]
fn an_edge_tells_once_and_forgets_what_was_cut_off() {
    assert_eq!(
        bare(&output(env!("CARGO_BIN_EXE_lt_vs_et"), &[])),
        "1000 bytes, 100 at a time:\nlevel: told 10 times\nedge: told 1 times\none-shot, armed again: told 1 more\none-shot: told 1 times\n\
         5 sockets ready, 2 served a turn:\nlevel, the list cut off: 5 served\nlevel, two asked for: 5 served\n\
         edge, the list cut off: 2 served\nedge, two asked for: 5 served" // R7
    );
}

#[test]
fn selectors_say_the_same_of_every_state() {
    let printed = output(env!("CARGO_BIN_EXE_select_anatomy"), &[]);
    let row = |name: &str| {
        printed
            .lines()
            .find(|line| line.starts_with(name))
            .unwrap()
            .split_whitespace()
            .last()
            .unwrap()
            .to_owned()
    };
    assert_eq!(row("nothing happened"), "write");
    assert_eq!(row("the buffer is full"), "-");
    // It fails by itself where the selectors do not agree.
    assert_eq!(row("the peer reset"), "write"); // the end of "read, write"
    assert_eq!(
        row("a listener, somebody came").trim_end_matches(", write"),
        "read"
    );
}

#[test]
fn select_refuses_what_it_cannot_watch() {
    let printed = output(env!("CARGO_BIN_EXE_fd_limit"), &[]);
    assert!(
        printed.contains("select   refuses descriptor 1024") && printed.contains("(typed: true)"),
        "{printed}"
    );
    assert_eq!(printed.matches(" waits for descriptor ").count(), 5);
}

#[test]
fn the_two_that_speak_are_found() {
    let printed = output(env!("CARGO_BIN_EXE_find_ready"), &["2000"]);
    // The last one speaks, and how many there are is the selector's limit if it has one.
    let asked = printed.lines().next().unwrap().split(" and ").nth(1);
    let sockets: usize = asked.unwrap().split(' ').next().unwrap().parse().unwrap();
    let limited = std::env::var("MYRT_SELECTOR").is_ok_and(|name| name == "select");
    assert!(sockets == 2000 || limited && sockets > 900, "{printed}");
    let found = format!("found [234, {}]", sockets - 1);
    assert_eq!(printed.matches(&found).count(), 2, "{printed}");
}

#[test]
fn a_turn_has_its_order() {
    let printed = output(env!("CARGO_BIN_EXE_loop_phases"), &[]);
    let order = [
        "now:",
        "immediate:",
        "close:",
        "main goes on",
        "timer: a sleep",
        "I/O:",
    ];
    let places = order.map(|part| {
        printed
            .find(part)
            .unwrap_or_else(|| panic!("{part} in {printed}"))
    });
    assert!(
        places[..4].is_sorted() && places[3] < places[4] && places[3] < places[5],
        "{printed}"
    );
}

#[test]
fn streams_keep_their_order_and_pages_are_asked_for_when_wanted() {
    let printed = output(env!("CARGO_BIN_EXE_tick_stream"), &["20000"]);
    assert!(printed.contains("20000 ticks in order"));
    let (some, all) = printed.split_once("All of them:").unwrap();
    assert_eq!(
        (
            some.matches("was asked for").count(),
            all.matches("was asked for").count()
        ),
        (2, 4),
        "{printed}"
    );
    assert!(some.contains("  15 items") && all.contains("  34 items"));
}

#[test]
fn a_heart_stops_with_its_conversation() {
    let printed = output(env!("CARGO_BIN_EXE_heartbeat"), &["--every", "30"]);
    assert!(printed.matches("server: ping").count() >= 5, "{printed}");
    assert!(
        printed.contains("the client has hung up") && printed.ends_with("1 task is left: main\n")
    );
}

#[test]
fn memory_stays_at_the_high_water_mark() {
    let printed = output(env!("CARGO_BIN_EXE_backpressure"), &["64"]);
    assert!(
        printed.contains("64 MB arrived, 64 kB were queued at most"),
        "{printed}"
    );
    let grown = printed
        .rsplit("grew by ")
        .next()
        .unwrap()
        .split(' ')
        .next()
        .unwrap();
    assert!(grown.parse::<u64>().unwrap() < 2048, "{printed}");
}

#[test]
fn connections_are_closed_however_it_ends() {
    let printed = output(env!("CARGO_BIN_EXE_db_connection"), &[]);
    assert_eq!(printed.matches("Connection opened").count(), 4);
    assert_eq!(printed.matches("Connection closed").count(), 4);
    assert!(
        bare(&printed)
            .ends_with("Connection opened\nConnection closed\nand the canceller has waited")
    );
}

#[test]
fn only_who_blocks_is_reported() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_slow_poll"))
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.matches("took").count(), 1, "{said}"); // R4, R16
    assert!(
        said.contains("\"culprit\"") && said.contains("c32_slow_poll.rs:"),
        "{said}"
    );
}

#[test]
fn every_wait_has_a_name_and_the_monitor_sees_it_while_the_loop_is_blocked() {
    let printed = output(env!("CARGO_BIN_EXE_where_it_waits"), &[]);
    let (graph, monitor) = printed.split_once("The monitor at").unwrap();
    for name in [
        "accepts",
        "reads",
        "writes",
        "sleeps",
        "locks",
        "wants a permit",
        "wants a job",
        "joins",
    ] {
        assert!(
            graph.contains(&format!("\"{name}\": waits ")) && monitor.contains(name),
            "{name} in {printed}"
        );
    }
    assert!(graph.contains("10 tasks in the graph, 10 in all"));
}

#[test]
fn work_in_the_pool_stops_nobody() {
    let printed = output(env!("CARGO_BIN_EXE_blocking_work"), &["300"]);
    let gap = |name: &str| {
        let line = printed.lines().find(|line| line.starts_with(name)).unwrap();
        line.rsplit("gap")
            .next()
            .unwrap()
            .trim()
            .trim_end_matches(" ms")
            .parse::<f64>()
            .unwrap()
    };
    assert!(gap("computing on the loop") >= 300.0);
    assert!(gap("computing in the pool") < 250.0, "{printed}");
    assert!(gap("a blocking library") < 250.0, "{printed}");
}

#[test]
fn being_told_costs_less_than_asking() {
    let printed = output(env!("CARGO_BIN_EXE_busy_poll"), &["300"]);
    let asked: Vec<u64> = printed
        .lines()
        .map(|line| {
            line.split("asked")
                .nth(1)
                .unwrap()
                .split_whitespace()
                .next()
                .unwrap()
                .parse()
                .unwrap()
        })
        .collect();
    assert!(
        asked[0] > 1000 && asked[1] > 10 && asked[2] == 1,
        "{printed}"
    );
}

#[test]
fn standard_input_may_be_a_pipe_or_a_file() {
    let file = std::env::temp_dir().join(format!("myrt-course-lines-{}", std::process::id()));
    std::fs::write(&file, "one\ntwo").unwrap();
    let (reader, mut writer) = std::os::unix::net::UnixStream::pair().unwrap();
    std::io::Write::write_all(&mut writer, b"one\ntwo").unwrap();
    drop(writer);
    let inputs = [
        std::fs::File::open(&file).unwrap().into(),
        std::os::fd::OwnedFd::from(reader),
    ];
    for input in inputs {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_stdin_echo"))
            .stdin(input)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.starts_with("\"one\"\n\"two\"\n2 lines, "), "{said}");
    }
    std::fs::remove_file(file).unwrap();
}
