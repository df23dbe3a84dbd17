//! Faults of signals that were found from outside: D.1 of the second list. What a signal did before
//! its first listener it does again after the last. Each scene runs in a process of its own.
//!
//! Looked at: whatever takes a signal: `signal`, `ctrl_c`, the Ctrl-C of `run`, the SIGCHLD of
//! children without a descriptor. A foreign handler is tried in `runtime/src/sys/tests/signals.rs`,
//! as no safe code installs one.
#![cfg(all(feature = "signal", feature = "process"))]

use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Output};

use myrt::signal::unix::{SignalKind, signal};

const SCENE: &str = "MYRT_FAULTS_SIGNALS";

/// Runs the scene of a test in a process of its own, of which `before` is said in the shell that
/// begins it.
fn scene(name: &str, before: &str) -> Output {
    let script = format!("{before} exec \"$0\" --exact --nocapture --ignored scenes");
    let output = Command::new("sh")
        .args(["-c", &script])
        .arg(std::env::current_exe().unwrap())
        .env(SCENE, name)
        .output();
    output.unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Listens, and stops.
fn listen_and_stop(kind: SignalKind) {
    myrt::run(async {
        let first = signal(kind).unwrap();
        let second = signal(kind).unwrap();
        drop(first);
        let mut second = second;
        kill_me(kind.as_raw());
        second.recv().await.unwrap();
    });
}

fn kill_me(signal: i32) {
    kill(&format!("-{signal}"), &std::process::id().to_string());
}

fn kill(signal: &str, process: &str) {
    let status: ExitStatus = Command::new("kill")
        .args([signal, process])
        .status()
        .unwrap();
    assert!(status.success());
}

/// Whether a program that is executed now would ignore the signal.
fn ask_a_child(signal: i32) -> bool {
    let script = format!("kill -{signal} $$; echo ignored");
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    said(&output) == "ignored\n"
}

/// Which signals this process ignores and catches.
#[cfg(target_os = "linux")]
fn dispositions() -> Vec<String> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let lines = status.lines();
    let found = lines.filter(|line| line.starts_with("SigIgn") || line.starts_with("SigCgt"));
    found.map(str::to_owned).collect()
}

#[test]
#[ignore = "what the other tests start as a process"]
fn scenes() {
    let Ok(name) = std::env::var(SCENE) else {
        return;
    };
    let (hup, int) = (SignalKind::hangup(), SignalKind::interrupt());
    match name.as_str() {
        "pipe" => {
            listen_and_stop(SignalKind::pipe());
            let (mut ours, peer) = UnixStream::pair().unwrap();
            drop(peer);
            assert!(ours.write(b"x").is_err());
            kill_me(SignalKind::pipe().as_raw());
        }
        "nohup" => {
            listen_and_stop(hup);
            kill_me(hup.as_raw());
            assert!(ask_a_child(hup.as_raw()));
        }
        "background" => {
            listen_and_stop(int);
            myrt::run(async {
                kill_me(int.as_raw());
                myrt::yield_now().await;
            });
            assert!(ask_a_child(int.as_raw()));
        }
        #[cfg(target_os = "linux")]
        "nothing is left" => {
            let before = dispositions();
            for kind in [hup, int, SignalKind::pipe(), SignalKind::child()] {
                listen_and_stop(kind);
                assert_eq!(dispositions(), before, "{kind:?}");
            }
            myrt::process::refuse_pidfd(true);
            myrt::run(async {
                let mut child = myrt::process::Command::new("true").spawn().unwrap();
                child.wait().await.unwrap();
            });
            assert_eq!(dispositions(), before);
        }
        "default" => {
            for _ in 0..3 {
                listen_and_stop(SignalKind::terminate());
            }
            kill_me(SignalKind::terminate().as_raw());
        }
        "real time" => {
            let kind = SignalKind::from_raw(40);
            listen_and_stop(kind);
            kill_me(kind.as_raw());
        }
        other => panic!("no scene {other:?}"),
    }
    println!("lives");
}

#[test]
fn d1_ignored_stays_ignored() {
    for (name, before) in [
        ("pipe", ""),
        ("nohup", "trap '' HUP;"),
        ("background", "trap '' INT;"),
    ] {
        let output = scene(name, before);
        assert!(output.status.success(), "{name}: {output:?}");
        assert!(said(&output).contains("lives"), "{name}: {output:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn d1_no_handler_is_left() {
    for before in ["", "trap '' INT HUP;"] {
        let output = scene("nothing is left", before);
        assert!(output.status.success(), "{before}: {output:?}");
        assert!(said(&output).contains("lives"), "{before}: {output:?}");
    }
}

#[test]
fn d1_the_default_comes_back_where_it_was_the_default() {
    let output = scene("default", "");
    assert_eq!(output.status.signal(), Some(15), "{output:?}");
    // Their kind, too: real-time signals have no names.
    #[cfg(target_os = "linux")]
    assert_eq!(scene("real time", "").status.signal(), Some(40));
}
