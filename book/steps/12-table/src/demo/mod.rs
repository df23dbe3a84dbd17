//! What the chapter shows of step 12: its run, its figure, its measurement.

mod wrong;

use std::future::poll_fn;
use std::hint::black_box;
use std::sync::Arc;
use std::task::{Poll, Wake, Waker};

use draw::{Kind, Log};
use step12::{block_on, spawn, yield_now};
use sys::count::{allocations, instructions_each, table};

/// The key in a waker: generation and place.
fn parts(waker: &Waker) -> (usize, u32) {
    let key = waker.data().addr();
    (key >> 32, key as u32)
}

async fn own_waker() -> Waker {
    poll_fn(|cx| Poll::Ready(cx.waker().clone())).await
}

/// The wakers of three tasks, one after the other.
fn wakers() -> Vec<Waker> {
    block_on(async {
        let mut wakers = Vec::new();
        for _ in 0..3 {
            wakers.push(spawn(own_waker()).await.expect("it does not panic"));
        }
        wakers
    })
}

pub fn run() {
    println!("a waker has {} bytes: a function table and a word", size_of::<Waker>());
    for waker in wakers() {
        let (generation, place) = parts(&waker);
        println!("word {:#013x}: place {place}, generation {generation}", waker.data().addr());
        waker.wake(); // its task has ended: nothing happens
    }
    println!("a name without a generation would wake {:?}", wrong::woken_by_a_stale_place());
}

pub fn figure() -> String {
    let mut log = Log::new("task");
    for (n, waker) in wakers().iter().enumerate() {
        let ((generation, place), at) = (parts(waker), n as f64);
        let lane = format!("place {place}");
        log.span(&lane, at, at + 0.9, Kind::Run, format!("generation {generation}"));
        log.point("stale wakers", at + 1.1, Kind::Lost, format!("of {generation}"));
    }
    log.svg("Three tasks use one place after the other; a waker that is kept finds none of the later ones")
}

/// What a waker was before: a counted pointer.
struct Counted;

impl Wake for Counted {
    fn wake(self: Arc<Self>) {}
}

fn clones(waker: &Waker, times: u64) {
    for _ in 0..times {
        drop(black_box(waker.clone()));
    }
}

fn spawn_and_join(tasks: u64) {
    block_on(async {
        for _ in 0..tasks {
            spawn(async {}).await.expect("it does not panic");
        }
    });
}

fn yields(times: u64) {
    block_on(async {
        for _ in 0..times {
            yield_now().await;
        }
    });
}

/// Allocations of one repetition.
fn each(f: impl Fn(u64)) -> Option<u64> {
    Some((allocations(|| f(1024)) - allocations(|| f(24))) / 1000)
}

pub fn measure() -> String {
    let (counted, number) = (Waker::from(Arc::new(Counted)), block_on(own_waker()));
    let row = |f: &dyn Fn(u64)| vec![instructions_each(20, f), each(f)];
    table(
        &["instructions", "allocations"],
        &[
            ("clone and drop a counted waker", row(&|times| clones(&counted, times))),
            ("clone and drop a waker that is a number", row(&|times| clones(&number, times))),
            ("spawn a task and await its handle", row(&spawn_and_join)),
            ("yield: wake, queue, poll", row(&yields)),
        ],
    )
}
