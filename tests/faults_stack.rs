//! Large futures: however a task is started, its future is on the stack three times at most, and a
//! future that is made of others holds each of them once.
//!
//! In a build that is not optimised each function that hands a future on copies it. Looked at for
//! the same kind: `spawn`, `spawn_eager`, `task::Builder`, `Runtime::spawn`, `Remote::spawn`,
//! `JoinSet`, the children of scopes, `block_on`, `try_block_on`, `run` and `#[myrt::main]`, the
//! work of a worker; and, for what they hold, scopes, `Deadline::run`, `Worker::until_stopped`,
//! timeouts, gathers, `join!`, `select!`, `race`, `finally`, `bracket`, `shield`,
//! `run_until_cancelled`, `unconstrained`, task locals. Not mended: an array that is given to
//! `gather` by value, which std's iterators copy, and outputs: what is large there wants a box.

mod support;

use std::future::Future;
use std::thread;

use myrt::task::{Builder, JoinSet};
use myrt::time::{Deadline, Duration, timeout};
use support::{careless, runtime};

const LARGE: usize = 1 << 20;

/// A future of a mebibyte.
async fn large() -> u8 {
    let bytes = [7; LARGE];
    myrt::yield_now().await;
    bytes[LARGE / 2]
}

/// Calls `test` on a thread whose stack has room for three of them and a little more. With a fourth
/// it ends the process.
fn with_room_for_three(test: fn()) {
    let thread = thread::Builder::new().stack_size(3 * LARGE + LARGE / 2);
    thread.spawn(test).unwrap().join().unwrap();
}

#[test]
fn b_8_tasks_are_started_without_many_copies() {
    with_room_for_three(|| {
        careless().block_on(async { assert_eq!(myrt::spawn(large()).await.unwrap(), 7) });
    });
    with_room_for_three(|| {
        careless().block_on(async { assert_eq!(myrt::spawn_eager(large()).await.unwrap(), 7) });
    });
    with_room_for_three(|| {
        let start = || Builder::new().name("large").spawn(large());
        careless().block_on(async { assert_eq!(start().await.unwrap(), 7) });
    });
    with_room_for_three(|| {
        let start = || Builder::new().name("large").spawn_eager(large());
        careless().block_on(async { assert_eq!(start().await.unwrap(), 7) });
    });
    with_room_for_three(|| {
        careless().block_on(async {
            let mut set = JoinSet::new();
            set.spawn(large());
            assert_eq!(set.join_next().await.unwrap().unwrap(), 7);
        });
    });
    with_room_for_three(|| {
        let runtime = careless();
        let task = runtime.spawn(large());
        assert_eq!(runtime.block_on(task).unwrap(), 7);
    });
    with_room_for_three(|| {
        let runtime = careless();
        let task = runtime.remote().spawn(large);
        assert_eq!(runtime.block_on(task).unwrap(), 7);
    });
}

#[test]
fn b_8_children_of_scopes_are_started_without_many_copies() {
    with_room_for_three(|| {
        myrt::run(async {
            let child = myrt::scope(async |s| s.spawn(large()).await).await;
            assert_eq!(child.unwrap().unwrap(), 7);
        });
    });
    with_room_for_three(|| {
        myrt::run(async {
            let child = myrt::scope(async |s| s.named("large").spawn(large()).await).await;
            assert_eq!(child.unwrap().unwrap(), 7);
        });
    });
    with_room_for_three(|| {
        myrt::run(async {
            myrt::try_scope(async |s| {
                s.try_spawn(async {
                    assert_eq!(large().await, 7);
                    Ok::<_, ()>(())
                });
                Ok(())
            })
            .await
            .unwrap();
        });
    });
}

#[test]
fn b_8_main_futures_are_run_without_many_copies() {
    with_room_for_three(|| assert_eq!(myrt::run(large()), 7));
    with_room_for_three(|| assert_eq!(runtime().block_on(large()), 7));
    with_room_for_three(|| assert_eq!(runtime().try_block_on(large()).unwrap(), 7));
    with_room_for_three(|| {
        let builder = myrt::runtime::Builder::new();
        assert_eq!(myrt::__private::main(builder, large()), 7);
    });
}

/// Fails if a future takes more room than one large future and a little.
fn holds_one(name: &str, future: impl Future) {
    let bytes = size_of_val(&future);
    assert!(
        (LARGE..LARGE + 8192).contains(&bytes),
        "{name}: {bytes} bytes"
    );
}

#[test]
fn b_8_what_is_made_of_a_large_future_holds_it_once() {
    let sizes = || {
        holds_one("scope", myrt::scope(async |_| large().await));
        holds_one(
            "try_scope",
            myrt::try_scope(async |_| Ok::<_, ()>(large().await)),
        );
        let deadline = Deadline::after(Duration::from_secs(1));
        holds_one("Deadline::run", deadline.run(large()));
        holds_one("timeout", timeout(Duration::from_secs(1), large()));
        holds_one("gather!", myrt::gather!(large()));
        holds_one("join!", async { myrt::join!(large()) });
        holds_one("select!", async {
            myrt::select! { byte = large() => byte }
        });
        holds_one("finally", myrt::finally(large(), async || ()));
        let body = async |_: &mut ()| large().await;
        holds_one("bracket", myrt::bracket((), body, async |()| ()));
        let token = myrt::CancelToken::new();
        holds_one("run_until_cancelled", token.run_until_cancelled(large()));
    };
    let thread = thread::Builder::new().stack_size(128 * LARGE);
    thread
        .spawn(move || runtime().block_on(async { sizes() }))
        .unwrap()
        .join()
        .unwrap();
}
