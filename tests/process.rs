//! Child processes: no zombie, no descriptor left, no deadlock, in whatever order things are
//! dropped.
//!
//! Every test runs on each selector of the system and by each way to notice an end (a descriptor of
//! the process, SIGCHLD). Tests count descriptors and zombies of the whole process, so they take
//! turns.
#![cfg(feature = "process")]

mod support;

use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use myrt::io::AsyncReadExt;
use myrt::process::{self, Child, Command, Stdio};
use myrt::runtime::{Builder, Runtime};
use myrt::time::{Instant, sleep, timeout};
use support::SELECTORS;
use support::left::{self, Watch};

/// Runs a test in every way, and looks for what it left.
#[track_caller]
fn everywhere(test: impl AsyncFn()) {
    let watch = Watch::begin();
    for &selector in SELECTORS {
        for refuse in [false, true] {
            process::refuse_pidfd(refuse);
            let runtime = Builder::new()
                .selector(selector)
                .build()
                .expect("a runtime");
            let ended = runtime.block_on(timeout(Duration::from_secs(60), test()));
            assert!(
                ended.is_ok(),
                "{selector}, pidfd refused: {refuse}: it hangs"
            );
            let way = format!("{selector}, pidfd refused: {refuse}");
            left::nothing_in(&runtime, &way);
            drop(runtime);
            watch.nothing_open(&way);
            assert_eq!(children(), Vec::<String>::new(), "{way}");
        }
    }
    process::refuse_pidfd(false);
}

/// Every child of this process, zombies among them.
fn children() -> Vec<String> {
    let own = std::process::id().to_string();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").expect("/proc").flatten() {
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else {
            continue;
        };
        let Some((_, rest)) = stat.rsplit_once(')') else {
            continue;
        };
        if rest.split_whitespace().nth(1) == Some(&own) {
            found.push(stat);
        }
    }
    found
}

fn sh(line: &str) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(line);
    command
}

/// Waits until the tasks that reap in the background are done.
async fn until_no_children() {
    while !children().is_empty()
        || myrt::task::all()
            .iter()
            .any(|task| task.name.as_deref() == Some("myrt: a dropped child"))
    {
        sleep(Duration::from_millis(2)).await;
    }
}

#[test]
fn the_status_tells_how_it_ended() {
    everywhere(async || {
        assert!(sh("true").status().await.unwrap().success());
        assert_eq!(sh("exit 7").status().await.unwrap().code(), Some(7));
        assert_eq!(sh("kill -9 $$").status().await.unwrap().signal(), Some(9));
        let missing = Command::new("/no/such/program").status().await.unwrap_err();
        assert_eq!(missing.kind(), std::io::ErrorKind::NotFound);
    });
}

#[test]
fn a_thousand_children_leave_no_zombie_and_no_descriptor() {
    let watch = Watch::begin();
    for refuse in [false, true] {
        process::refuse_pidfd(refuse);
        myrt::run(async {
            for _ in 0..20 {
                let batch: Vec<_> = (0..50)
                    .map(|n| {
                        myrt::spawn(async move {
                            Command::new("true").arg(n.to_string()).status().await
                        })
                    })
                    .collect();
                for child in batch {
                    assert!(child.await.unwrap().unwrap().success());
                }
            }
        });
        assert_eq!(children(), Vec::<String>::new());
        watch.nothing_open(&format!("pidfd refused: {refuse}"));
    }
    process::refuse_pidfd(false);
}

#[test]
fn a_child_that_floods_both_outputs_does_not_stand_still() {
    everywhere(async || {
        let flood =
            "head -c 400000 /dev/zero; head -c 500000 /dev/zero >&2; head -c 300000 /dev/zero";
        let output = sh(flood).output().await.unwrap();
        assert_eq!(
            (output.stdout.len(), output.stderr.len()),
            (700_000, 500_000)
        );
    });
}

#[test]
fn communicate_writes_and_reads_at_once() {
    everywhere(async || {
        // `cat` gives back what it gets: more than all pipes together hold.
        let input: Vec<u8> = (0..900_000_u32).map(|n| (n % 251) as u8).collect();
        let mut child = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = child.communicate(&input).await.unwrap();
        assert!(output.status.success());
        assert!(output.stdout == input);
        assert_eq!(output.stderr, b"");
        // A child that reads nothing is no error.
        let mut child = sh("echo done")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        assert_eq!(child.communicate(&input).await.unwrap().stdout, b"done\n");
    });
}

#[test]
fn communicate_dropped_and_called_again_loses_nothing() {
    everywhere(async || {
        let slow = "while read -r line; do echo \"$line\"; sleep 0.02; done";
        let mut child = sh(slow)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = "one\ntwo\nthree\n";
        let mut tries = 0;
        let output = loop {
            tries += 1;
            if let Ok(output) = timeout(Duration::from_millis(5), child.communicate(input)).await {
                break output.unwrap();
            }
        };
        assert!(tries > 1);
        assert_eq!(String::from_utf8(output.stdout).unwrap(), input);
    });
}

#[test]
fn a_wait_that_was_given_up_is_taken_up_again() {
    everywhere(async || {
        // It ends when it is told, so that no clock decides who is first.
        let mut child = sh("read line; exit 3")
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let end = child.stdin.take().unwrap();
        assert!(
            timeout(Duration::from_millis(5), child.wait())
                .await
                .is_err()
        );
        drop(end);
        assert!(child.id().is_some());
        assert_eq!(child.wait().await.unwrap().code(), Some(3));
        assert_eq!(child.id(), None);
        // And again, any time.
        assert_eq!(child.wait().await.unwrap().code(), Some(3));
        assert_eq!(
            child.try_wait().unwrap().and_then(|status| status.code()),
            Some(3)
        );
        child.kill().await.unwrap();
        child.terminate().unwrap();
    });
}

#[test]
fn many_wait_and_one_gives_up() {
    everywhere(async || {
        let mut quitter = Command::new("sleep")
            .arg("30")
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let others: Vec<_> = (0..5)
            .map(|n| {
                myrt::spawn(async move {
                    sh(&format!("sleep 0.0{n}; exit {n}"))
                        .status()
                        .await
                        .unwrap()
                        .code()
                })
            })
            .collect();
        // It polled last, and reads for all of them where SIGCHLD is waited for.
        myrt::yield_now().await;
        assert!(
            timeout(Duration::from_millis(10), quitter.wait())
                .await
                .is_err()
        );
        for (n, other) in others.into_iter().enumerate() {
            assert_eq!(other.await.unwrap(), Some(n as i32));
        }
        quitter.kill().await.unwrap();
    });
}

#[test]
fn a_dropped_child_is_reaped_in_the_background() {
    everywhere(async || {
        let child = sh("sleep 0.02").spawn().unwrap();
        let id = child.id().unwrap();
        drop(child);
        assert!(
            std::path::Path::new(&format!("/proc/{id}")).exists(),
            "it was not killed"
        );
        until_no_children().await;
    });
}

#[test]
fn kill_on_drop_kills() {
    everywhere(async || {
        let soon = Duration::from_secs(20);
        let child = Command::new("sleep")
            .arg("1000")
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        drop(child);
        timeout(soon, until_no_children())
            .await
            .expect("it was killed");
        // A future that owns its child does the same.
        let mut command = Command::new("sleep");
        let endless = command.arg("1000").kill_on_drop(true).status();
        assert!(timeout(Duration::from_millis(5), endless).await.is_err());
        timeout(soon, until_no_children())
            .await
            .expect("it was killed");
    });
}

#[test]
fn children_that_outlive_their_runtime_are_reaped_by_the_next() {
    let _watch = Watch::begin();
    let runtime = Runtime::new().unwrap();
    let child = runtime.block_on(async { sh("sleep 0.05").spawn().unwrap() });
    runtime.block_on(async move { drop(child) });
    drop(runtime);
    // Dropped outside of any runtime.
    let mut other: Child = sh("sleep 0.05").spawn().unwrap();
    other.start_kill().unwrap();
    drop(other);
    myrt::run(async {
        while !children().is_empty() {
            sh("true").status().await.unwrap();
            sleep(Duration::from_millis(10)).await;
        }
    });
}

#[test]
fn a_conversation_line_by_line() {
    everywhere(async || {
        let mut child = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take().unwrap();
        let mut lines = myrt::io::Reader::new(child.stdout.take().unwrap());
        for n in 0..20 {
            stdin
                .write_all(format!("line {n}\n").as_bytes())
                .await
                .unwrap();
            let mut line = String::new();
            lines.read_line(&mut line).await.unwrap();
            assert_eq!(line, format!("line {n}\n"));
        }
        drop(stdin);
        assert!(child.wait().await.unwrap().success());
    });
}

#[test]
fn one_child_reads_what_another_writes() {
    everywhere(async || {
        let mut first = sh("printf 'b\\na\\n'")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let pipe: Stdio = first.stdout.take().unwrap().try_into().unwrap();
        let second = Command::new("sort").stdin(pipe).output().await.unwrap();
        assert_eq!(second.stdout, b"a\nb\n");
        assert!(first.wait().await.unwrap().success());
    });
}

#[test]
fn wait_closes_standard_input() {
    everywhere(async || {
        let mut child = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .as_ref()
            .unwrap()
            .write_all(b"last words")
            .await
            .unwrap();
        assert!(child.wait().await.unwrap().success());
        let mut said = String::new();
        child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut said)
            .await
            .unwrap();
        assert_eq!(said, "last words");
    });
}

#[test]
fn what_output_changed_is_changed_back() {
    everywhere(async || {
        let mut command = sh("cat; [ -z \"$SAY\" ] || echo out");
        command.env("SAY", "it");
        assert_eq!(command.output().await.unwrap().stdout, b"out\n");
        let mut child = command
            .env_remove("SAY")
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        assert!(child.stdout.is_none() && child.stderr.is_none());
        child.wait().await.unwrap();
    });
}

#[test]
fn virtual_time_waits_for_a_child() {
    let _watch = Watch::begin();
    let runtime = support::paused();
    runtime.block_on(async {
        let begin = Instant::now();
        assert!(sh("sleep 0.05").status().await.unwrap().success());
        assert_eq!(begin.elapsed(), Duration::ZERO);
        // A deadline does not jump ahead of a child that runs.
        let waited = timeout(Duration::from_secs(3600), sh("sleep 0.05").status()).await;
        assert!(waited.unwrap().unwrap().success());
        assert_eq!(begin.elapsed(), Duration::ZERO);
        // One that has ended holds nobody up, asked for or not.
        let mut child = sh("true").spawn().unwrap();
        sleep(Duration::from_secs(3600)).await;
        assert_eq!(begin.elapsed(), Duration::from_secs(3600));
        child.wait().await.unwrap();
    });
}
