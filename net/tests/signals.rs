//! Signals, real ones: sent by `kill` to this process or to a child of its own.
#![cfg(feature = "signal")]

mod common;

use std::cell::Cell;
use std::io::{BufRead, BufReader, ErrorKind};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::sync::OnceLock;
use std::time::Duration;

use futures_lite::StreamExt;
use futures_lite::future::zip;
use myrt_net::UnixStream;
use myrt_net::signal::ctrl_c;
use myrt_net::signal::unix::{Signal, SignalKind, signal};
use myrt_runtime::task::{spawn, spawn_blocking};
use myrt_runtime::time::sleep;

fn kill(name: &str, process: u32) {
    let status = Command::new("kill")
        .arg(format!("-{name}"))
        .arg(process.to_string())
        .status()
        .unwrap();
    assert!(status.success());
}

fn kill_me(name: &str) {
    kill(name, std::process::id());
}

#[test]
fn every_listener_hears_every_kind_it_asked_for() {
    run(async {
        let mut first = signal(SignalKind::user_defined1()).unwrap();
        let mut second = signal(SignalKind::user_defined1()).unwrap();
        let mut other = signal(SignalKind::user_defined2()).unwrap();
        for _ in 0..3 {
            let send = async {
                sleep(Duration::from_millis(1)).await;
                kill_me("USR1");
            };
            let ((heard, also), ()) = zip(zip(first.recv(), second.next()), send).await;
            assert!(heard.is_some() && also.is_some());
        }
        kill_me("USR2");
        other.recv().await.unwrap();
        // Nothing more is there for the first.
        assert!(common::poll_once(&mut first.recv()).is_pending());
    });
}

#[test]
fn signals_that_were_not_received_yet_count_once() {
    run(async {
        let mut hangup = signal(SignalKind::hangup()).unwrap();
        for _ in 0..5 {
            kill_me("HUP");
        }
        hangup.recv().await.unwrap();
        assert!(common::poll_once(&mut hangup.recv()).is_pending());
    });
}

#[test]
fn each_signal_is_heard_once_while_sockets_keep_the_loop_busy() {
    run(async {
        let over = Rc::new(Cell::new(false));
        let talks: Vec<_> = (0..20)
            .map(|_| {
                let over = over.clone();
                spawn(async move {
                    let (near, far) = UnixStream::pair().unwrap();
                    let (mut buf, mut rounds) = ([0; 64], 0);
                    while !over.get() {
                        near.write_all(&[7; 64]).await.unwrap();
                        far.read_exact(&mut buf).await.unwrap();
                        rounds += 1;
                    }
                    rounds
                })
            })
            .collect();
        let kinds = [
            ("TERM", SignalKind::terminate()),
            ("HUP", SignalKind::hangup()),
            ("USR1", SignalKind::user_defined1()),
        ];
        let mut streams = kinds.map(|(name, kind)| (name, signal(kind).unwrap()));
        for _ in 0..20 {
            for (name, stream) in &mut streams {
                let name = *name;
                spawn_blocking(move || kill_me(name)).await.unwrap();
                stream.recv().await.unwrap();
            }
        }
        for (name, stream) in &mut streams {
            let more = common::poll_once(&mut stream.recv());
            assert!(more.is_pending(), "{name} was sent once each time");
        }
        over.set(true);
        for talk in talks {
            assert!(talk.await.unwrap() > 100, "the sockets got their turns too");
        }
    });
}

#[test]
fn what_cannot_be_caught_is_refused() {
    assert_eq!(
        signal(SignalKind::from_raw(9)).unwrap_err().kind(),
        ErrorKind::InvalidInput
    );
    assert!(signal(SignalKind::from_raw(4711)).is_err());
}

const CHILD: &str = "MYRT_TEST_SIGNAL_CHILD";

/// Runs a test while other listeners keep the signals from ending this process: one that was sent
/// may come after the test's own listener is gone.
fn run<F: Future>(test: F) -> F::Output {
    static OTHERS: OnceLock<Vec<Signal>> = OnceLock::new();
    let kinds = [
        SignalKind::terminate(),
        SignalKind::hangup(),
        SignalKind::user_defined1(),
        SignalKind::user_defined2(),
    ];
    OTHERS.get_or_init(|| kinds.map(|kind| signal(kind).unwrap()).into());
    common::run(test)
}

/// A process that catches one Ctrl-C, then waits without listening.
fn child() {
    run(async {
        let interrupted = ctrl_c();
        println!("listening");
        interrupted.await.unwrap();
        println!("interrupted");
        sleep(Duration::from_secs(60)).await;
        println!("never");
    });
}

#[test]
fn ctrl_c_is_caught_while_listened_to_and_kills_again_afterwards() {
    if std::env::var_os(CHILD).is_some() {
        return child();
    }
    run(async {});
    let _watch = common::left::Watch::begin();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "--nocapture",
            "ctrl_c_is_caught_while_listened_to_and_kills_again_afterwards",
        ])
        .env(CHILD, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let mut wait_for = |what: &str| assert!(lines.any(|line| line.ends_with(what)), "{what}");
    wait_for("listening");
    kill("INT", child.id());
    wait_for("interrupted");
    // The listener is dropped right after the line; send until it has its effect.
    let status = loop {
        kill_if_alive(child.id());
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::yield_now();
    };
    assert_eq!(
        status.signal(),
        Some(2),
        "SIGINT has its default action back: {status}"
    );
}

fn kill_if_alive(process: u32) {
    let _ = Command::new("kill")
        .arg("-INT")
        .arg(process.to_string())
        .stderr(Stdio::null())
        .status()
        .unwrap();
}
