//! What edge triggering loses, what starves, and what mends both.

use std::io::{ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

use step07::{Direction, block_on, pause, ready, sleep, spawn, yield_now};

use self::edge::notifications;
use self::starve::{by_hand, with_budget};

#[path = "../src/demo/edge.rs"]
mod edge;
#[path = "../src/demo/starve.rs"]
#[allow(dead_code, reason = "its echo is for the measurement")]
mod starve;

#[test]
fn level_says_it_as_long_as_it_lasts_and_edge_once() {
    assert_eq!(notifications(false, 10), 10);
    assert_eq!(notifications(true, 10), 1);
}

#[test]
fn a_task_that_never_waits_starves_the_others_and_a_budget_mends_it() {
    assert_eq!(by_hand(1000), 0);
    assert_eq!(with_budget(1000), 31);
}

#[test]
fn tasks_that_yield_do_not_starve_a_socket() {
    let (here, mut there) = UnixStream::pair().unwrap();
    there.write_all(b"x").unwrap();
    block_on(async move {
        drop(spawn(async {
            loop {
                yield_now().await;
            }
        }));
        ready(&here, Direction::Read).await.unwrap();
    });
}

#[test]
fn tasks_that_yield_do_not_starve_a_timer() {
    block_on(async {
        drop(spawn(async {
            loop {
                yield_now().await;
            }
        }));
        sleep(Duration::from_millis(2)).await;
    });
}

#[test]
fn virtual_time_stands_while_a_task_is_ready() {
    block_on(async {
        pause();
        let sleeper = spawn(sleep(Duration::from_secs(1)));
        for _ in 0..1000 {
            yield_now().await;
        }
        assert_eq!(step07::now(), 0);
        sleeper.await.unwrap();
        assert_eq!(step07::now(), 1000);
    });
}

#[test]
fn two_tasks_cannot_wait_for_one_descriptor() {
    let (here, _there) = UnixStream::pair().unwrap();
    let here = Rc::new(here);
    let error = block_on(async {
        let first = Rc::clone(&here);
        drop(spawn(async move { ready(&*first, Direction::Read).await }));
        yield_now().await;
        ready(&*here, Direction::Read).await.unwrap_err()
    });
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
}

#[test]
fn a_regular_file_is_refused() {
    let file = std::fs::File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).unwrap();
    assert!(block_on(async { ready(&file, Direction::Read).await }).is_err());
}
