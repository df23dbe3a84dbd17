//! The programs about choosing and failing: what they print, exactly where the clock is virtual.
//! (A7, A24, A29, A32, B21, B26, C23, C35, C36, D5, E1, E16, E23)

mod support;

use support::output;

/// The lines, without what is at their ends.
fn lines(program: &str, arguments: &[&str]) -> Vec<String> {
    let printed = output(program, arguments);
    printed.lines().map(|line| line.trim().to_owned()).collect()
}

/// The number before a word, such as `ms`.
fn number_before(line: &str, word: &str) -> u64 {
    let words: Vec<_> = line.split_whitespace().collect();
    let place = words.iter().position(|found| *found == word).expect(line);
    words[place - 1].parse().expect(line)
}

#[test]
fn retries_help_against_hiccups_and_a_breaker_against_the_rest() {
    assert_eq!(
        lines(env!("CARGO_BIN_EXE_resilience"), &[]),
        [
            "A hiccup: tried again.",
            "out of order; again in 100 ms",
            "no answer in time; again in 200 ms",
            "370 ms  Ok(\"an answer\") after 3 calls",
            "A service that is down: given up.",
            "out of order; again in 100 ms",
            "out of order; again in 200 ms",
            "out of order; again in 400 ms",
            "740 ms  Err(\"out of order\") after 4 calls",
            "With a breaker: three failures, then a second of peace.",
            "10 ms  Err(\"out of order\"), 1 calls so far",
            "330 ms  Err(\"refused: the breaker is open\"), 3 calls so far",
            "1240 ms  Err(\"out of order\"), 4 calls so far",
            "1340 ms  Err(\"refused: the breaker is open\"), 4 calls so far",
            "2250 ms  Ok(\"an answer\"), 5 calls so far",
            "3120 ms  thirty requests were 12 calls",
        ]
    );
}

#[test]
fn each_practice_shows_its_difference() {
    let mut lines = lines(env!("CARGO_BIN_EXE_best_practices"), &[]);
    // On a busy machine a poll may be slow that does nothing; how often is not for a test to say.
    let first: Vec<_> = lines.drain(..3).collect();
    assert!(number_before(&first[1], "times") >= 1, "{first:?}");
    assert_eq!(
        lines,
        [
            "2. What does not depend on each other waits together",
            "one after the other: 300 ms",
            "gathered: 100 ms, [\"a\", \"b\", \"c\"]",
            "3. A limit of time for what comes from outside",
            "true after 3000 ms instead of 10000",
            "4. A limit of number",
            "100 permits: 100 at once, 10 ms",
            "10 permits: 10 at once, 100 ms",
            "5. Errors are heard, and what is cancelled cleans up",
            "unhandled: nobody awaits me",
            "cleaned up",
            "cut off: true",
        ]
    );
}

#[test]
fn the_kitchen_serves_whoever_stays() {
    let lines = lines(env!("CARGO_BIN_EXE_kitchen"), &[]);
    let told: Vec<_> = lines.iter().filter(|line| line.contains(" min ")).collect();
    let end = [
        "5 min  snails: the guest has left (cancellation)",
        "5 min  fish: on a burner (semaphore)",
        "10 min  bread: on a burner (semaphore)",
        "10 min  soup: served (await)",
        "15 min  bread: served (await)",
        "20 min  fish: served (await)",
    ];
    assert!(
        told.ends_with(&end.map(str::to_owned).iter().collect::<Vec<_>>()),
        "{lines:#?}"
    );
    let washed = lines.iter().filter(|line| line.ends_with("(cleanup)"));
    assert_eq!(washed.count(), 4, "{lines:#?}");
}

#[test]
fn a_task_weighs_what_it_keeps() {
    let lines = lines(env!("CARGO_BIN_EXE_no_stacks"), &["20000"]);
    let bytes: Vec<u64> = lines[1..4]
        .iter()
        .map(|line| line.split(' ').next().unwrap().parse().unwrap())
        .collect();
    assert!(bytes[0] < 256 && bytes[2] == bytes[0], "{lines:#?}");
    assert_eq!(bytes[1], bytes[0] + 4096 - 8, "{lines:#?}");
    // A page or two more or less is the allocator's; a stack would be thousands of bytes.
    assert!(number_before(&lines[4], "bytes") < 1024, "{lines:#?}");
    assert_eq!(lines[5], "all have ended: true");
    assert!(lines[6].contains("the sum is 385"), "{lines:#?}");
}

#[test]
fn this_machine_is_told_of_as_it_is() {
    let lines = lines(env!("CARGO_BIN_EXE_info"), &[]);
    for (name, built_in) in [
        ("epoll", true),
        ("epoll-level", true),
        ("epoll-oneshot", true),
        ("poll", true),
        ("select", true),
    ] {
        let line = lines
            .iter()
            .find(|line| line.split(' ').next() == Some(name))
            .expect(name);
        assert_eq!(
            line.split_whitespace().nth(1) == Some("yes"),
            built_in,
            "{line}"
        );
        assert!(line.ends_with("yes"), "{line}");
    }
    let kqueue = lines
        .iter()
        .find(|line| line.starts_with("kqueue"))
        .unwrap();
    assert_eq!(
        kqueue.split_whitespace().nth(1) == Some("yes"),
        cfg!(myrt_kqueue_model),
        "{kqueue}"
    );
    assert!(lines.contains(&"the default here: epoll".to_owned()));
    let windows = lines
        .iter()
        .find(|line| line.starts_with("Windows"))
        .unwrap();
    assert!(windows.contains("not supported"), "{windows}");
}

#[test]
fn every_model_waits_for_the_longest() {
    let lines = lines(env!("CARGO_BIN_EXE_models"), &["1"]);
    let times: Vec<u64> = lines[1..6]
        .iter()
        .map(|line| number_before(line, "ms"))
        .collect();
    // Lower bounds only: how busy the machine is, is not for a test to say.
    assert!(
        times[0] >= 400 && times[1..].iter().all(|time| *time >= 100),
        "{lines:#?}"
    );
    assert!(lines[6].starts_with("Computing"), "{lines:#?}");
    assert_eq!(
        lines[7..12]
            .iter()
            .filter(|line| line.ends_with(" ms"))
            .count(),
        5
    );
}
