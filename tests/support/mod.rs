//! Shared by several test files: pairs of sockets, wakers that can be watched, a process of its
//! own.
//!
//! Why: a test file should show only what it tests. Tests see the runtime as users do: `myrt::` and
//! std only.
#![allow(dead_code, reason = "each test file uses its own part of it")]

pub(crate) mod gate;
pub(crate) mod left;
pub(crate) mod said;
#[cfg(all(feature = "sim", target_os = "linux"))]
pub(crate) mod sim;
pub(crate) mod timeline;

use std::cell::RefCell;
use std::future::Future;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::process::{Command, Output};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use myrt::io::Async;
use myrt::runtime::{Builder, Lints, Runtime, Selector};

/// A runtime with the selector of the environment.
pub(crate) fn runtime() -> Runtime {
    Runtime::new().expect("a runtime")
}

/// The same for programs that are careless on purpose: it looks for no misuse, whatever the
/// environment says.
pub(crate) fn careless() -> Runtime {
    Builder::new().lints(Lints::Off).build().expect("a runtime")
}

/// The same under virtual time.
pub(crate) fn paused() -> Runtime {
    Builder::new()
        .start_paused(true)
        .build()
        .expect("a runtime")
}

/// A runtime whose unhandled panics are collected.
pub(crate) fn collecting() -> (Runtime, Log) {
    let log = Log::default();
    let copy = log.clone();
    let hook = move |report: &myrt::runtime::Unhandled<'_>| copy.add(report.message);
    (
        Builder::new()
            .on_unhandled(hook)
            .build()
            .expect("a runtime"),
        log,
    )
}

/// Lines in the order in which they were written.
#[derive(Clone, Default)]
pub(crate) struct Log {
    lines: Rc<RefCell<Vec<String>>>,
}

impl Log {
    pub(crate) fn add(&self, line: impl Into<String>) {
        self.lines.borrow_mut().push(line.into());
    }

    pub(crate) fn take(&self) -> Vec<String> {
        self.lines.take()
    }

    pub(crate) fn len(&self) -> usize {
        self.lines.borrow().len()
    }
}

/// Calls its closure when dropped.
pub(crate) struct OnDrop<F: FnOnce()>(pub(crate) Option<F>);

pub(crate) fn on_drop<F: FnOnce()>(call: F) -> OnDrop<F> {
    OnDrop(Some(call))
}

impl<F: FnOnce()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        if let Some(call) = self.0.take() {
            call();
        }
    }
}

/// A foreign waker that counts.
#[derive(Default)]
pub(crate) struct Counter {
    wakes: AtomicUsize,
}

impl Counter {
    pub(crate) fn new() -> (Arc<Self>, Waker) {
        let counter = Arc::new(Self::default());
        (Arc::clone(&counter), Waker::from(counter))
    }

    pub(crate) fn wakes(&self) -> usize {
        self.wakes.load(Ordering::SeqCst)
    }
}

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.wakes.fetch_add(1, Ordering::SeqCst);
    }
}

/// A foreign waker that calls back into whatever it is given, when woken and when its last clone is
/// dropped. The closures run on the thread that made it (a waker must be `Send`, the closures need
/// not).
pub(crate) struct Hooks {
    pub(crate) on_wake: thread_bound::Bound<Box<dyn Fn()>>,
    pub(crate) on_drop: thread_bound::Bound<Box<dyn Fn()>>,
}

pub(crate) fn hooked(on_wake: impl Fn() + 'static, on_drop: impl Fn() + 'static) -> Waker {
    Waker::from(Arc::new(Hooks {
        on_wake: thread_bound::Bound::new(Box::new(on_wake)),
        on_drop: thread_bound::Bound::new(Box::new(on_drop)),
    }))
}

impl Wake for Hooks {
    fn wake(self: Arc<Self>) {
        self.on_wake.with(|call| call());
    }
}

impl Drop for Hooks {
    fn drop(&mut self) {
        self.on_drop.with(|call| call());
    }
}

/// Values that only their own thread may touch, kept in a table of that thread.
pub(crate) mod thread_bound {
    use std::any::Any;
    use std::cell::RefCell;
    use std::marker::PhantomData;
    use std::rc::Rc;

    thread_local! {
        static VALUES: RefCell<Vec<Rc<dyn Any>>> = const { RefCell::new(Vec::new()) };
    }

    pub(crate) struct Bound<T> {
        place: usize,
        value: PhantomData<fn() -> T>,
    }

    impl<T: 'static> Bound<T> {
        pub(crate) fn new(value: T) -> Self {
            let place = VALUES.with_borrow_mut(|values| {
                values.push(Rc::new(value));
                values.len() - 1
            });
            Self {
                place,
                value: PhantomData,
            }
        }

        /// Calls `f` with the value; elsewhere, and after the thread's end, does nothing.
        pub(crate) fn with(&self, f: impl FnOnce(&T)) {
            let value = VALUES
                .try_with(|values| values.borrow().get(self.place).cloned())
                .ok()
                .flatten();
            if let Some(value) = value.as_ref().and_then(|value| value.downcast_ref::<T>()) {
                f(value);
            }
        }
    }
}

/// Polls once with a waker.
pub(crate) fn poll_with<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

/// What a panic says.
pub(crate) fn panic_text(call: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(call)).expect_err("it panics");
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_default()
}

/// The waker of the running task.
pub(crate) async fn own_waker() -> Waker {
    std::future::poll_fn(|cx| Poll::Ready(cx.waker().clone())).await
}

/// Counts how often the future is polled.
pub(crate) async fn counted<F: Future>(polls: Rc<std::cell::Cell<usize>>, future: F) -> F::Output {
    let mut future = Box::pin(future);
    std::future::poll_fn(|cx| {
        polls.set(polls.get() + 1);
        future.as_mut().poll(cx)
    })
    .await
}

/// Lets every other task run until each has nothing left to do at once.
pub(crate) async fn settle() {
    for _ in 0..20 {
        myrt::yield_now().await;
    }
}

pub(crate) fn unix_pair() -> (Async<UnixStream>, Async<UnixStream>) {
    let (a, b) = UnixStream::pair().expect("a pair");
    (
        Async::new(a).expect("non-blocking"),
        Async::new(b).expect("non-blocking"),
    )
}

/// Ours waits in the runtime, theirs is a blocking one.
pub(crate) fn half_unix() -> (Async<UnixStream>, UnixStream) {
    let (a, b) = UnixStream::pair().expect("a pair");
    (Async::new(a).expect("non-blocking"), b)
}

pub(crate) fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let a = TcpStream::connect(listener.local_addr().expect("bound")).expect("connected");
    let (b, _) = listener.accept().expect("accepted");
    (a, b)
}

/// Ours waits in the runtime, theirs is a blocking one.
pub(crate) fn half_tcp() -> (Async<TcpStream>, TcpStream) {
    let (a, b) = tcp_pair();
    (Async::new(a).expect("non-blocking"), b)
}

/// Reads once, when there is something.
pub(crate) async fn read_some<T>(io: &Async<T>) -> io::Result<Vec<u8>>
where
    T: std::os::fd::AsFd + 'static,
    for<'a> &'a T: Read,
{
    let mut buffer = [0; 4096];
    let n = io.read_with(|mut io| io.read(&mut buffer)).await?;
    Ok(buffer[..n].to_vec())
}

pub(crate) async fn write_some<T>(io: &Async<T>, bytes: &[u8]) -> io::Result<usize>
where
    T: std::os::fd::AsFd + 'static,
    for<'a> &'a T: Write,
{
    io.write_with(|mut io| io.write(bytes)).await
}

/// Writes until it would block; returns how much went in.
pub(crate) fn fill<T>(io: &Async<T>) -> usize
where
    T: std::os::fd::AsFd + 'static,
    for<'a> &'a T: Write,
{
    let chunk = [7; 65536];
    let mut total = 0;
    loop {
        match io.try_write_with(|mut io| io.write(&chunk)) {
            Ok(n) => total += n,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return total,
            Err(error) => panic!("write: {error}"),
        }
    }
}

/// Reads until it would block or ends; returns how much came out.
pub(crate) fn drain<T>(io: &Async<T>) -> usize
where
    T: std::os::fd::AsFd + 'static,
    for<'a> &'a T: Read,
{
    let mut chunk = [0; 65536];
    let mut total = 0;
    loop {
        match io.try_read_with(|mut io| io.read(&mut chunk)) {
            Ok(0) => return total,
            Ok(n) => total += n,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return total,
            Err(error) => panic!("read: {error}"),
        }
    }
}

/// The selectors of this system.
pub(crate) const SELECTORS: &[Selector] = if cfg!(target_os = "linux") {
    &[
        Selector::Epoll,
        Selector::EpollLevel,
        Selector::EpollOneshot,
        Selector::Poll,
        Selector::Select,
    ]
} else {
    &[Selector::Kqueue, Selector::Poll, Selector::Select]
};

/// How many descriptors this process has open; for tests in a process of their own.
pub(crate) fn open_fds() -> usize {
    std::fs::read_dir("/dev/fd")
        .expect("a list of descriptors")
        .count()
}

/// Whether we are the child that [`in_own_process`] made for `test`; else makes it, with `limits`
/// as its shell's preparation (such as `ulimit -n 64`), and fails when it fails.
///
/// For tests that use up descriptors or count them: other tests of the same process would suffer,
/// or disturb.
pub(crate) fn in_own_process(test: &str, limits: &str) -> bool {
    if std::env::var_os("MYRT_TEST_CHILD").is_some_and(|name| name == test) {
        return true;
    }
    let output = child(test, limits);
    assert!(
        output.status.success(),
        "{test} failed in its own process\n{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.contains("1 passed"),
        "{test} is not the name of a test here\n{said}"
    );
    false
}

/// Runs `test` of this file in a process of its own.
pub(crate) fn child(test: &str, limits: &str) -> Output {
    let program = std::env::current_exe().expect("this test");
    let script = format!("{limits}\nexec \"$0\" \"$@\"");
    Command::new("sh")
        .args(["-c", &script])
        .arg(program)
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env("MYRT_TEST_CHILD", test)
        .output()
        .expect("sh runs")
}
