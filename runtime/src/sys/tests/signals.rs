//! D.1: what a signal did before its first listener it does again after the last, seen by a handler
//! of the program's own.

use std::io::Read;
use std::mem::MaybeUninit;
use std::os::unix::net::UnixStream;
use std::ptr;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;

use super::super::signals::{Listening, has_default_action, listen};
use super::forked::in_own_process;

static HEARD: AtomicUsize = AtomicUsize::new(0);

extern "C" fn foreign(_: libc::c_int) {
    HEARD.fetch_add(1, SeqCst);
}

/// Has a signal do something, behind the back of what listens.
fn set(signal: i32, handler: usize) {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: all-zero is a valid `sigaction`.
    let action = unsafe { action.assume_init_mut() };
    action.sa_sigaction = handler;
    // SAFETY: the call reads one action, whose handler is a function of this kind, or one of the
    // system's numbers.
    let set = unsafe { libc::sigaction(signal, action, ptr::null_mut()) };
    assert_eq!(set, 0);
}

fn now(signal: i32) -> usize {
    super::super::signals::present(signal).sa_sigaction
}

fn raise(signal: i32) {
    // SAFETY: the call takes a number.
    unsafe { libc::raise(signal) };
}

/// A listener, and where it hears.
fn listener(signal: i32) -> (UnixStream, Listening) {
    let (reader, writer) = UnixStream::pair().expect("a pair");
    reader.set_nonblocking(true).expect("non-blocking");
    writer.set_nonblocking(true).expect("non-blocking");
    let listening = listen(signal, writer.into(), None).expect("listening");
    (reader, listening)
}

fn hears(mut reader: &UnixStream) -> bool {
    reader.read(&mut [0; 8]).is_ok_and(|count| count > 0)
}

#[test]
fn d1_a_foreign_handler_goes_on() {
    if !in_own_process("signals::d1_a_foreign_handler_goes_on") {
        return;
    }
    let foreign = foreign as *const () as usize;
    set(libc::SIGTERM, foreign);
    for round in 0..2 {
        let (reader, listening) = listener(libc::SIGTERM);
        assert!(!has_default_action(libc::SIGTERM));
        raise(libc::SIGTERM);
        assert!(hears(&reader));
        drop(listening);
        raise(libc::SIGTERM);
        assert!(!hears(&reader));
        assert_eq!(now(libc::SIGTERM), foreign);
        assert_eq!(HEARD.load(SeqCst), 2 * (round + 1));
    }
}

#[test]
fn d1_who_takes_a_signal_meanwhile_keeps_it() {
    if !in_own_process("signals::d1_who_takes_a_signal_meanwhile_keeps_it") {
        return;
    }
    let (_reader, listening) = listener(libc::SIGTERM);
    assert!(has_default_action(libc::SIGTERM));
    set(libc::SIGTERM, libc::SIG_IGN);
    drop(listening);
    assert_eq!(now(libc::SIGTERM), libc::SIG_IGN);
    // And a later listener hears although somebody changed what is done in between.
    let (reader, listening) = listener(libc::SIGTERM);
    let (other, also) = listener(libc::SIGTERM);
    raise(libc::SIGTERM);
    assert!(hears(&reader) && hears(&other));
    drop(listening);
    raise(libc::SIGTERM);
    assert!(!hears(&reader) && hears(&other));
    drop(also);
    assert_eq!(now(libc::SIGTERM), libc::SIG_IGN);
}

#[test]
fn d1_what_cannot_be_caught_is_refused() {
    for signal in [
        libc::SIGKILL,
        libc::SIGSTOP,
        libc::SIGSEGV,
        0,
        -1,
        4711,
        i32::MAX,
    ] {
        let (_reader, writer) = UnixStream::pair().expect("a pair");
        let refused = listen(signal, writer.into(), None).expect_err("refused");
        assert_eq!(refused.kind(), std::io::ErrorKind::InvalidInput, "{signal}");
    }
}
