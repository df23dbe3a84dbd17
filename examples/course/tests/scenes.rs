//! The programs that show something: what they print, to the line where the clock is virtual.
//! (C1–C6, C8, C10, C17–C20, C25, C27, C28, E2, E8, R1, R3, N19, N20, N22)

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
