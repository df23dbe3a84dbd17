//! A descriptor that is closed beneath its registration is told, and ones that are closed in order
//! are not.
//!
//! One test in a process of its own: another thread could open a file under the number that has
//! just been closed.
#![allow(clippy::mem_forget, reason = "it is what is wrong with one of them")]

use std::cell::RefCell;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

use myrt::io::Async;
use myrt::runtime::{Builder, Lints, Misuse, Report};
use myrt::time::timeout;

/// Runs a program with one end of a socket that has been waited for, and then the runtime's end.
/// Returns the descriptor and what was told.
fn run(program: impl AsyncFnOnce(Async<UnixStream>)) -> (RawFd, Vec<Report>) {
    let told = Rc::new(RefCell::new(Vec::new()));
    let sink = told.clone();
    let builder = Builder::new().lints(Lints::Warn).start_paused(true);
    let builder = builder.on_report(move |report| sink.borrow_mut().push(report.clone()));
    let runtime = builder.build().unwrap();
    let (ours, _theirs) = UnixStream::pair().unwrap();
    let fd = ours.as_raw_fd();
    runtime.block_on(async {
        let ours = Async::new(ours).unwrap();
        let limit = Duration::from_millis(1);
        assert!(timeout(limit, ours.readable()).await.is_err());
        program(ours).await;
    });
    drop(runtime);
    let mut told = told.take();
    told.retain(|report| !matches!(report, Report::SlowPoll { .. }));
    (fd, told)
}

/// What a C library does that thinks the descriptor its own.
fn close(fd: RawFd) {
    // SAFETY: the number is open, and its other owner forgets it before any other is opened.
    drop(unsafe { OwnedFd::from_raw_fd(fd) });
}

/// The socket is given back by the runtime; closing it once more would abort the process.
fn drop_without_closing(ours: Async<UnixStream>) {
    std::mem::forget(ours.into_inner().unwrap());
}

#[track_caller]
fn closed_beneath((fd, told): (RawFd, Vec<Report>)) {
    let [Report::Misuse(Misuse::LeakedRegistration { fd: of, closed, .. })] = &told[..] else {
        panic!("{told:?}")
    };
    assert_eq!((*of, *closed), (fd, true));
    let text = told[0].to_string();
    for part in [
        &format!("descriptor {fd} was closed while it was still registered")[..],
        "into_inner",
        "(guide: reports::leaked_registration)",
    ] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn closed_beneath_its_registration_or_in_order() {
    closed_beneath(run(async |ours| {
        close(ours.get_ref().as_raw_fd()); // the mistake
        drop_without_closing(ours);
    }));
    // The same, found when the runtime ends, since nobody ever gives it back.
    closed_beneath(run(async |ours| {
        close(ours.get_ref().as_raw_fd());
        std::mem::forget(ours);
    }));
    // Closed by its owner; taken out first; a duplicate closed.
    for in_order in [
        |ours: Async<UnixStream>| drop(ours),
        |ours: Async<UnixStream>| drop(ours.into_inner().unwrap()),
        |ours: Async<UnixStream>| drop(ours.get_ref().try_clone().unwrap()),
    ] {
        let (_, told) = run(async |ours| in_order(ours));
        assert_eq!(told, []);
    }
}
