//! What a runtime does in the child of a fork, seen from the parent.
//!
//! These tests stand here because std has no fork. Each runs in a process of its own: a child of a
//! process with other running tests could meet their locks.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::time::Duration;

use super::super::per_process::PerProcess;
use super::super::signals::listen;
use super::cvt;
use crate::io::Async;
use crate::runtime::Runtime;

/// Runs the named test in a process of its own; true inside of that.
pub(super) fn in_own_process(test: &str) -> bool {
    let name = format!("sys::tests::{test}");
    if std::env::var_os("MYRT_TEST_CHILD").is_some_and(|child| child == *name) {
        return true;
    }
    let program = std::env::current_exe().expect("this test");
    let output = Command::new(program)
        .args(["--exact", &name, "--nocapture", "--test-threads=1"])
        .env("MYRT_TEST_CHILD", &name)
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}"
    );
    false
}

/// Runs `work` in a forked child; gives its exit code, or minus the signal that ended it.
fn forked(work: impl FnOnce() -> u8) -> i32 {
    // SAFETY: no other thread of this process holds a lock: it runs one test, and the harness only
    // waits for it.
    let child = cvt(unsafe { libc::fork() }).expect("fork");
    if child == 0 {
        let code = catch_unwind(AssertUnwindSafe(work)).unwrap_or(99);
        // SAFETY: ends the child at once, without running what belongs to the parent.
        unsafe { libc::_exit(i32::from(code)) };
    }
    let mut status = -1;
    // SAFETY: `status` lives for the call, and the child is ours.
    cvt(unsafe { libc::waitpid(child, &raw mut status, 0) }).expect("waitpid");
    if libc::WIFEXITED(status) {
        libc::WEXITSTATUS(status)
    } else {
        -libc::WTERMSIG(status)
    }
}

#[test]
fn r18_a_child_that_drops_the_runtime_takes_nothing_from_its_parent() {
    if !in_own_process("forked::r18_a_child_that_drops_the_runtime_takes_nothing_from_its_parent") {
        return;
    }
    let runtime = Runtime::new().expect("a runtime");
    let (ours, mut theirs) = UnixStream::pair().expect("a pair");
    let ours = Async::new(ours).expect("non-blocking");
    let reader = runtime.spawn(async move {
        let mut buffer = [0; 8];
        let n = ours
            .read_with(|mut io| io.read(&mut buffer))
            .await
            .expect("read");
        buffer[..n].to_vec()
    });
    while runtime.turn(Some(Duration::ZERO)).expect("turn") {}
    // The child copies the runtime, and drops its copy as a child that returns from main would.
    let mut place = Some(runtime);
    let code = forked(|| {
        drop(place.take());
        0
    });
    assert_eq!(code, 0);
    let runtime = place.take().expect("the parent's own");
    theirs.write_all(b"still").expect("written");
    assert_eq!(runtime.block_on(reader).expect("joined"), b"still");
}

#[test]
fn r18_a_child_that_turns_the_loop_panics_and_says_so() {
    if !in_own_process("forked::r18_a_child_that_turns_the_loop_panics_and_says_so") {
        return;
    }
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(async {});
    let code = forked(|| {
        let panic = catch_unwind(AssertUnwindSafe(|| runtime.block_on(async {})));
        let text = panic.err().and_then(|panic| panic.downcast::<&str>().ok());
        // A runtime of the child's own works.
        Runtime::new().expect("a runtime").block_on(async {});
        u8::from(!text.is_some_and(|text| text.contains("fork")))
    });
    assert_eq!(code, 0);
    runtime.block_on(async {});
}

#[test]
fn d2_a_child_has_a_blocking_pool_of_its_own() {
    if !in_own_process("forked::d2_a_child_has_a_blocking_pool_of_its_own") {
        return;
    }
    let runtime = Runtime::new().expect("a runtime");
    // An idle thread, and one that holds on to a job: neither is in the child.
    let (release, held) = std::sync::mpsc::channel::<()>();
    runtime.block_on(async {
        drop(crate::blocking::spawn_blocking(move || held.recv()));
        crate::blocking::spawn_blocking(|| ())
            .await
            .expect("it ran");
    });
    while crate::blocking::blocking_pool().idle_threads == 0 {
        std::thread::yield_now();
    }
    let generation = || {
        let runtime = Runtime::new().expect("a runtime");
        for n in 0..3 {
            let job =
                runtime.block_on(async move { crate::blocking::spawn_blocking(move || n).await });
            assert_eq!(job.expect("it ran"), n);
        }
    };
    let code = forked(|| {
        generation();
        // And a child of the child, once more.
        u8::try_from(forked(|| {
            generation();
            7
        }))
        .unwrap_or(98)
    });
    assert_eq!(code, 7);
    drop(release);
    generation();
}

#[test]
fn d2_what_a_process_has_once_its_child_has_again() {
    static NAMES: PerProcess<std::sync::Mutex<Vec<&str>>> = PerProcess::new();
    if !in_own_process("forked::d2_what_a_process_has_once_its_child_has_again") {
        return;
    }
    let names = NAMES.get().lock();
    names.expect("not poisoned").push("parent");
    // The lock is held while the process is forked, as another thread may hold it.
    let held = NAMES.get().lock().expect("not poisoned");
    let code = forked(|| {
        let mut names = NAMES.get().lock().expect("not poisoned");
        names.push("child");
        u8::from(*names != ["child"])
    });
    assert_eq!((code, held.as_slice()), (0, &["parent"][..]));
}

#[test]
fn d2_the_signals_of_a_child_are_its_own() {
    if !in_own_process("forked::d2_the_signals_of_a_child_are_its_own") {
        return;
    }
    let pair = || {
        let (reader, writer) = UnixStream::pair().expect("a pair");
        reader.set_nonblocking(true).expect("non-blocking");
        writer.set_nonblocking(true).expect("non-blocking");
        (reader, writer)
    };
    let raise = |signal| {
        // SAFETY: the call takes a number.
        unsafe { libc::raise(signal) };
    };
    let (mut parents, writer) = pair();
    let listening = listen(libc::SIGUSR1, writer.into(), None).expect("listening");
    let listens = forked(|| {
        let (mut own, writer) = pair();
        let listening = listen(libc::SIGUSR1, writer.into(), None).expect("listening");
        raise(libc::SIGUSR1);
        assert_eq!(own.read(&mut [0; 8]).expect("a byte"), 1);
        drop(listening);
        0
    });
    assert_eq!(listens, 0);
    // Who does not listen is ended by it, as if nobody ever had.
    assert_eq!(
        forked(|| {
            raise(libc::SIGUSR1);
            0
        }),
        -libc::SIGUSR1
    );
    assert!(
        parents.read(&mut [0; 8]).is_err(),
        "the parent hears nothing of it"
    );
    raise(libc::SIGUSR1);
    assert_eq!(parents.read(&mut [0; 8]).expect("a byte"), 1);
    drop(listening);
}
