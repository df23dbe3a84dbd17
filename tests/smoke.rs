//! The first things that anyone tries.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use myrt::io::Async;
use myrt::runtime::Runtime;
use myrt::task::{State, Wait};
use myrt::time::{Instant, sleep, timeout};

#[test]
fn a_task_gives_its_output() {
    myrt::run(async {
        let handle = myrt::spawn(async { 6 * 7 });
        assert_eq!(handle.await.unwrap(), 42);
    });
}

#[test]
fn tasks_run_in_order_and_interleave() {
    let log = Rc::new(RefCell::new(Vec::new()));
    let seen = log.clone();
    myrt::run(async move {
        let tasks: Vec<_> = (0..3)
            .map(|n| {
                let log = log.clone();
                myrt::spawn(async move {
                    for turn in 0..2 {
                        log.borrow_mut().push((turn, n));
                        myrt::yield_now().await;
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    assert_eq!(
        *seen.borrow(),
        [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
    );
}

#[test]
fn ten_thousand_tasks() {
    let count = Rc::new(Cell::new(0));
    let total = count.clone();
    myrt::run(async move {
        let tasks: Vec<_> = (0..10_000)
            .map(|_| {
                let count = count.clone();
                myrt::spawn(async move {
                    myrt::yield_now().await;
                    count.set(count.get() + 1);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    assert_eq!(total.get(), 10_000);
}

#[test]
fn sleeping_takes_virtual_time() {
    let runtime = myrt::runtime::Builder::new()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let start = Instant::now();
        sleep(Duration::from_secs(3600)).await;
        assert_eq!(start.elapsed(), Duration::from_secs(3600));
        assert!(
            timeout(Duration::from_millis(50), sleep(Duration::from_secs(1)))
                .await
                .is_err()
        );
        assert_eq!(start.elapsed(), Duration::from_millis(3_600_050));
    });
}

#[test]
fn a_panic_reaches_the_joiner_and_no_one_else() {
    myrt::run(async {
        let bad = myrt::spawn(async { panic!("oops") });
        let good = myrt::spawn(async { 1 });
        let error = bad.await.map(|(): ()| ()).unwrap_err();
        assert!(error.is_panic());
        assert_eq!(error.reason(), Some("oops"));
        assert_eq!(good.await.unwrap(), 1);
    });
}

#[test]
fn cancelling_drops_the_future_at_once() {
    struct Flag(Rc<Cell<bool>>);
    impl Drop for Flag {
        fn drop(&mut self) {
            self.0.set(true);
        }
    }
    myrt::run(async {
        let dropped = Rc::new(Cell::new(false));
        let flag = Flag(dropped.clone());
        let task = myrt::spawn(async move {
            let _flag = flag;
            sleep(Duration::MAX).await;
        });
        myrt::yield_now().await;
        task.cancel();
        assert!(dropped.get());
        assert!(task.await.unwrap_err().is_cancelled());
    });
}

#[test]
fn bytes_cross_a_socket_pair() {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;
    myrt::run(async {
        let (a, b) = UnixStream::pair().unwrap();
        let (a, b) = (Async::new(a).unwrap(), Async::new(b).unwrap());
        let echo = myrt::spawn(async move {
            let mut buf = [0; 16];
            for _ in 0..100 {
                let n = b.read_with(|mut io| io.read(&mut buf)).await.unwrap();
                b.write_with(|mut io| io.write(&buf[..n])).await.unwrap();
            }
        });
        for _ in 0..100 {
            a.write_with(|mut io| io.write(b"hello")).await.unwrap();
            let mut buf = [0; 16];
            let n = a.read_with(|mut io| io.read(&mut buf)).await.unwrap();
            assert_eq!(&buf[..n], b"hello");
        }
        echo.await.unwrap();
    });
}

#[test]
fn other_threads_wake_and_spawn() {
    let runtime = Runtime::new().unwrap();
    let remote = runtime.remote();
    let (tx, rx) = std::sync::mpsc::channel();
    #[expect(
        clippy::disallowed_methods,
        reason = "the thread that wakes is what this tests"
    )]
    let thread = std::thread::spawn(move || {
        let sum: i32 = (0..100)
            .map(|n| remote.spawn(move || async move { n }).join().unwrap())
            .sum();
        tx.send(sum).unwrap();
    });
    let sum = runtime.block_on(async {
        myrt::spawn_blocking(move || rx.recv().unwrap())
            .await
            .unwrap()
    });
    thread.join().unwrap();
    assert_eq!(sum, 4950);
}

#[myrt::test]
async fn a_name_that_is_given_later_is_told_by_the_task_and_by_the_graph() {
    let me = myrt::task::current();
    me.set_name("late");
    assert_eq!(me.name().as_deref(), Some("late"));
    let graph = myrt::task::graph();
    let names: Vec<_> = graph.tasks().iter().map(|task| task.name.clone()).collect();
    assert!(names.contains(&Some("late".into())), "{graph}");
}

#[myrt::test]
async fn a_task_that_was_not_polled_yet_does_not_wait_for_what_the_last_one_in_its_place_did() {
    let first = myrt::spawn(std::future::pending::<()>());
    let waits = myrt::spawn(async move { first.await.ok() });
    let place = waits.id();
    myrt::yield_now().await;
    let row = |id| {
        let graph = myrt::task::graph();
        let row = graph.tasks().iter().find(|task| task.id == id).cloned();
        row.unwrap_or_else(|| panic!("{graph}"))
    };
    assert!(matches!(row(place).waits_for, Wait::Join(_)));
    assert_eq!(row(place).polls, 1);
    waits.cancel().await;
    drop(waits);

    let second = myrt::spawn(async { myrt::yield_now().await });
    let fresh = row(second.id());
    assert_eq!((fresh.waits_for, fresh.polls), (Wait::Unknown, 0));
    assert!(fresh.waits_at.is_none());
    myrt::yield_now().await;
    let again = row(second.id());
    assert_eq!((again.waits_for, again.polls), (Wait::Unknown, 1));
    let me = row(myrt::task::current().id());
    assert_eq!((me.waits_for, me.state), (Wait::Unknown, State::Running));
    second.await.unwrap();
}
