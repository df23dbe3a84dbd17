//! C.6 of the second list: a process that a child left behind holds the child's pipes.
//!
//! Looked at: whatever reads a child's outputs to their ends: `communicate`, `wait_with_output`,
//! `Command::output`; each way to end a child: `kill`, `start_kill`, `terminate`, a signal from
//! elsewhere, its own end.
#![cfg(feature = "process")]

use std::os::unix::process::ExitStatusExt as _;
use std::process::Output;

use myrt::process::{Child, ChildStdin, Command, Stdio};
use myrt::time::{Duration, timeout};

/// What each child here says before anything else, on either output.
const SAID: (&[u8], &[u8]) = (b"out\n", b"err\n");

/// A child that does `first`, says a few words, starts an heir of its outputs, and does `then`. The
/// heir ends when the second value is dropped.
fn spawn(first: &str, then: &str) -> (Child, ChildStdin) {
    let script = format!("{first}; echo out; echo err >&2; cat <&3 & {then}");
    let mut child = Command::new("sh")
        .args(["-c", "exec 3<&0; exec </dev/null; eval \"$0\"", &script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let heir = child.stdin.take().unwrap();
    (child, heir)
}

/// Goes on when the child has said its words.
async fn spoken(child: &mut Child) {
    while child.gathered() != SAID {
        let waited = timeout(Duration::from_millis(5), child.communicate("")).await;
        assert!(waited.is_err(), "it has an heir: {waited:?}");
    }
}

#[track_caller]
fn said(output: &Output) {
    assert_eq!((&*output.stdout, &*output.stderr), SAID);
}

#[test]
fn c6_a_child_that_was_killed_leaves_no_one_to_wait_for() {
    myrt::run(async {
        let (mut child, _heir) = spawn(":", "wait");
        spoken(&mut child).await;
        child.kill().await.unwrap();
        let output = child.communicate("").await.unwrap();
        said(&output);
        assert_eq!(output.status.signal(), Some(9));
        // It has ended, and everything was given.
        let again = child.communicate("").await.unwrap();
        assert_eq!((again.stdout.len(), again.stderr.len()), (0, 0));

        let (mut child, _heir) = spawn(":", "wait");
        spoken(&mut child).await;
        child.start_kill().unwrap();
        said(&child.wait_with_output().await.unwrap());
    });
}

#[test]
fn c6_nor_does_one_that_was_asked_to_end_or_signalled_by_others() {
    myrt::run(async {
        // It ends in its own way, with a code.
        let trap = "trap 'echo more; exit 3' TERM";
        let (mut child, _heir) = spawn(trap, "while :; do sleep 0.01; done");
        spoken(&mut child).await;
        child.terminate().unwrap();
        let output = child.communicate("").await.unwrap();
        assert_eq!(output.stdout, b"out\nmore\n");
        assert_eq!(output.status.code(), Some(3));

        let (mut child, _heir) = spawn(":", "kill -9 $$");
        said(&child.communicate("").await.unwrap());

        let (child, _heir) = spawn(":", "kill -9 $$");
        said(&child.wait_with_output().await.unwrap());

        let (mut child, _heir) = spawn(":", "wait");
        spoken(&mut child).await;
        child.send_signal(15).unwrap();
        said(&child.communicate("").await.unwrap());
    });
}

#[test]
fn c6_much_that_was_said_before_the_end_is_there() {
    const MUCH: usize = 300_000;
    myrt::run(async {
        let script = format!("head -c {MUCH} /dev/zero; kill -9 $$");
        let (mut child, _heir) = spawn(":", &script);
        let output = child.communicate("").await.unwrap();
        assert_eq!(output.stdout.len(), SAID.0.len() + MUCH);
    });
}

#[test]
fn c6_the_heirs_of_one_that_ended_by_itself_are_waited_for_and_what_was_said_can_be_had() {
    myrt::run(async {
        let (mut child, heir) = spawn(":", "exit 0");
        spoken(&mut child).await;
        assert!(child.wait().await.unwrap().success());
        let waited = timeout(Duration::from_millis(20), child.communicate("")).await;
        assert!(waited.is_err());
        assert_eq!(child.gathered(), SAID);
        drop(heir);
        said(&child.communicate("").await.unwrap());
    });
}
