//! What the chapter shows of step 11: its run, its figure, its measurement.

mod wrong;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use draw::{Kind, Log};
use step11::{Mutex, Semaphore, block_on, gather, now, pause, sleep, spawn, yield_now};
use sys::count::{allocations, instructions_each, table};

use wrong::{ask_the_bank, polls_of_the_herd, two_withdrawals};

pub fn run() {
    println!("two withdrawals of 10 from 100: {} left", two_withdrawals());
    let locked = block_on(async {
        let balance = Rc::new(Mutex::new(100));
        let tasks = [(), ()].map(|()| {
            let balance = Rc::clone(&balance);
            spawn(async move {
                let mut balance = balance.lock().await;
                ask_the_bank().await;
                *balance -= 10;
            })
        });
        for task in tasks {
            task.await.expect("it does not panic");
        }
        *balance.lock().await
    });
    println!("the same with a mutex:          {locked} left");
    println!("polls for 100 tasks that wait for one permit:");
    println!("  all are woken:     {}", polls_of_the_herd(100));
    println!("  one is handed it:  {}", polls_of_the_line(100));
}

/// The same as `polls_of_the_herd`, with a semaphore.
fn polls_of_the_line(count: usize) -> u32 {
    block_on(async {
        let semaphore = Semaphore::new(1);
        let polls = RefCell::new(0);
        let task = async || {
            let mut acquire = Box::pin(semaphore.acquire());
            let _permit = std::future::poll_fn(|cx| {
                *polls.borrow_mut() += 1;
                acquire.as_mut().poll(cx)
            })
            .await;
            yield_now().await;
        };
        gather((0..count).map(|_| task())).await;
        polls.take()
    })
}

/// Five fetches of 500 ms, two at a time: when each began to wait, to run, and ended.
fn fetches() -> Vec<[f64; 3]> {
    block_on(async {
        pause();
        let two = Semaphore::new(2);
        let fetch = async || {
            let waits = ms();
            let _permit = two.acquire().await;
            let runs = ms();
            sleep(Duration::from_millis(500)).await;
            [waits, runs, ms()]
        };
        gather((0..5).map(|_| fetch())).await
    })
}

fn ms() -> f64 {
    now() as f64
}

pub fn figure() -> String {
    let mut log = Log::new("ms");
    for (n, [waits, runs, ends]) in fetches().into_iter().enumerate() {
        let lane = format!("fetch {}", n + 1);
        if runs > waits {
            log.span(&lane, waits, runs, Kind::Wait, "in the line");
        }
        log.span(&lane, runs, ends, Kind::Run, "has a permit");
    }
    log.svg("Five fetches share two permits: never more than two run")
}

fn free_locks(times: u64) {
    block_on(async {
        let mutex = Mutex::new(0_u64);
        for _ in 0..times {
            *mutex.lock().await += 1;
        }
    });
}

/// Two tasks that hold the lock across an await, so that the other one always waits.
fn contended_locks(times: u64) {
    block_on(async {
        let mutex = Mutex::new(0_u64);
        let side = async || {
            for _ in 0..times.div_ceil(2) {
                let mut value = mutex.lock().await;
                *value += 1;
                yield_now().await;
            }
        };
        gather([side(), side()]).await;
    });
}

/// Allocations of one repetition.
fn each(f: fn(u64)) -> Option<u64> {
    Some((allocations(|| f(1024)) - allocations(|| f(24))) / 1000)
}

pub fn measure() -> String {
    table(
        &["instructions", "allocations"],
        &[
            ("lock and unlock, free", vec![instructions_each(20, free_locks), each(free_locks)]),
            (
                "lock and unlock, another task waits, with a yield",
                vec![instructions_each(20, contended_locks), each(contended_locks)],
            ),
        ],
    )
}
