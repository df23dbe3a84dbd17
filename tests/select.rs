//! `select!`: handlers in the caller's own function, every kind of pattern, who starts, what is
//! dropped.

use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn, ready};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;

use myrt::runtime::Builder;
use myrt::select;
use myrt::time::{Duration, Instant, sleep};

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

async fn after<T>(takes: u64, value: T) -> T {
    sleep(ms(takes)).await;
    value
}

#[myrt::test(start_paused)]
async fn the_first_that_is_ready_runs_its_handler() {
    let start = Instant::now();
    let got = select! {
        a = after(30, "a") => a,
        b = after(10, "b") => b,
        () = pending() => unreachable!(),
    };
    assert_eq!((got, start.elapsed()), ("b", ms(10)));
}

#[myrt::test(start_paused)]
async fn course_a_heartbeat_beats_until_it_is_told_to_end() {
    let start = Instant::now();
    let mut beats = Vec::new();
    let mut work = pin!(sleep(ms(350)));
    loop {
        select! {
            () = &mut work => break,
            () = sleep(ms(100)) => beats.push(start.elapsed().as_millis()),
        }
    }
    assert_eq!((beats, start.elapsed()), (vec![100, 200, 300], ms(350)));
}

// Control flow in handlers.

async fn find(wanted: u32) -> Option<u32> {
    let mut seen = 0;
    for n in 0.. {
        select! {
            n = ready(n) => {
                if n % 2 == 1 {
                    continue;
                }
                seen += 1;
                if n == wanted {
                    return Some(seen);
                }
                if seen > 100 {
                    break;
                }
            }
        }
    }
    None
}

async fn question(text: &str) -> Result<u32, std::num::ParseIntError> {
    let n = select! {
        text = ready(text) => text.parse::<u32>()?,
    };
    // In the future's expression too.
    select! {
        m = ready(text.parse::<u32>()?) => Ok(n + m),
    }
}

#[myrt::test]
async fn break_continue_return_and_question_mark_work_in_handlers() {
    assert_eq!(find(4).await, Some(3));
    assert_eq!(find(1).await, None);
    assert_eq!(question("4").await, Ok(8));
    assert!(question("x").await.is_err());
    #[expect(
        clippy::never_loop,
        reason = "that both loops can be left is the point"
    )]
    let value = 'outer: loop {
        loop {
            select! {
                n = ready(5) => break 'outer n,
                () = pending() => continue 'outer,
            }
        }
    };
    assert_eq!(value, 5);
    // A handler may await.
    let n = select! { n = ready(1) => after(1, n).await };
    assert_eq!(n, 1);
}

// Patterns.

#[derive(Debug, PartialEq)]
struct NoCopy {
    name: String,
    n: u32,
}

#[myrt::test]
async fn every_kind_of_pattern_binds() {
    select! { mut text = ready(String::from("a")) => { text.push('b'); assert_eq!(text, "ab"); } }
    select! { ref text = ready(String::from("a")) => assert_eq!(text, "a") }
    select! { (mut a, b) = ready((String::from("a"), 2)) => { a.push('!'); assert_eq!((a.as_str(), b), ("a!", 2)); } }
    select! { NoCopy { name, mut n } = ready(NoCopy { name: "x".into(), n: 1 }) => { n += 1; assert_eq!((name.len(), n), (1, 2)); } }
    select! { Ok(v) | Err(v) = ready(Ok::<_, String>(String::from("either"))) => assert_eq!(v, "either") }
    select! { whole @ NoCopy { .. } = ready(NoCopy { name: "x".into(), n: 1 }) => assert_eq!(whole.n, 1) }
    select! { [first, .., last] = ready([1, 2, 3]) => assert_eq!((first, last), (1, 3)) }
    select! { _ = ready(()) => () }
    select! { 1..=5 = ready(3) => (), else => unreachable!() }
    let text = String::from("borrowed");
    select! { t = ready(&text) => assert_eq!(t, "borrowed") }
    select! { mut iter = ready(vec![1, 2].into_iter()) => assert_eq!(iter.next(), Some(1)) }
}

#[myrt::test(start_paused)]
async fn an_output_that_does_not_match_disables_its_branch() {
    let start = Instant::now();
    let got = select! {
        Some(n) = after(5, None::<u32>) => n,
        Ok(n) = after(10, Err::<u32, ()>(())) => n,
        n = after(20, 7) => n,
    };
    assert_eq!((got, start.elapsed()), (7, ms(20)));
    let got = select! {
        Some(n) = after(5, None::<u32>) => n,
        Some(n) = ready(None) => n,
        else => 9,
    };
    assert_eq!(got, 9);
}

#[myrt::test]
async fn conditions_disable_branches() {
    let polled = Cell::new(0);
    let count = || {
        poll_fn(|_| {
            polled.set(polled.get() + 1);
            Poll::Ready(1)
        })
    };
    for on in [true, false] {
        let got = select! {
            n = count(), if on => n,
            n = ready(2), if !on => { n }
        };
        assert_eq!(got, if on { 1 } else { 2 });
    }
    assert_eq!(polled.get(), 1);
    let off = false;
    let got = select! { n = pending(), if off => n, else => 3 };
    assert_eq!(got, 3);
    let got = select! { else => 4 };
    assert_eq!(got, 4);
}

#[test]
#[should_panic(expected = "all branches of a select! are disabled and there is no else branch")]
fn nothing_left_and_no_else_panics() {
    myrt::run(async {
        select! {
            Some(()) = ready(None) => (),
            () = pending(), if false => (),
        }
    });
}

#[myrt::test]
async fn commas_may_be_left_out_after_blocks() {
    let got = select! {
        biased;
        () = pending() => { 0 }
        n = ready(1), if true => { n }
        n = ready(2) => n,
        else => { 3 }
    };
    assert_eq!(got, 1);
}

// Order.

fn starts(seed: u64) -> Vec<u32> {
    let runtime = Builder::new().seed(seed).build().unwrap();
    runtime.block_on(async {
        let mut counts = vec![0; 3];
        for _ in 0..3000 {
            let n: usize = select! { _ = ready(()) => 0, _ = ready(()) => 1, _ = ready(()) => 2 };
            counts[n] += 1;
        }
        counts
    })
}

#[test]
fn it_starts_with_a_random_branch_and_a_seed_repeats_it() {
    let counts = starts(1);
    assert!(
        counts.iter().all(|count| (800..1200).contains(count)),
        "{counts:?}"
    );
    assert_eq!(counts, starts(1));
    assert_ne!(counts, starts(2));
}

#[myrt::test]
async fn biased_starts_from_the_top() {
    for _ in 0..100 {
        let n = select! { biased; n = ready(1) => n, n = ready(2) => n };
        assert_eq!(n, 1);
    }
}

#[myrt::test(start_paused)]
async fn r32_a_loop_around_branches_that_are_always_ready_lets_others_run() {
    let stop = Rc::new(Cell::new(false));
    let flag = stop.clone();
    let other = myrt::spawn(async move { flag.set(true) });
    while !stop.get() {
        select! {
            biased;
            () = poll_fn(myrt::task::poll_budget) => (),
            () = ready(()) => (), // ready always, but not asked when the share is used up
        }
    }
    other.await.unwrap();
}

// Ownership.

#[myrt::test]
async fn futures_are_dropped_before_the_handler_runs_and_not_before() {
    struct Told<'a>(&'a RefCell<Vec<u32>>, u32);
    impl Drop for Told<'_> {
        fn drop(&mut self) {
            self.0.borrow_mut().push(self.1);
        }
    }
    let gone = RefCell::new(Vec::new());
    let child = |n: u32, done: bool| {
        let told = Told(&gone, n);
        async move {
            let _told = told;
            if !done {
                pending::<()>().await;
            }
        }
    };
    let order = select! {
        () = child(0, false) => unreachable!(),
        () = child(1, true) => gone.take(),
        () = child(2, false) => unreachable!(),
    };
    // The winner ended first; the others are dropped from the last to the first.
    assert_eq!(order, [1, 2, 0]);
}

#[myrt::test]
async fn a_handler_may_use_what_the_futures_borrowed() {
    let mut buffer = vec![1, 2, 3];
    let mut other = String::new();
    select! {
        n = async { buffer.push(4); buffer.len() } => { buffer.push(5); assert_eq!((n, buffer.len()), (4, 5)); }
        () = async { other.push('x'); pending().await } => { other.clear(); }
    }
}

#[myrt::test(start_paused)]
async fn a_future_given_by_reference_survives() {
    let mut work = pin!(after(25, "done"));
    let mut boxed: Pin<Box<dyn Future<Output = ()>>> = Box::pin(sleep(ms(60)));
    let mut rounds = 0;
    let got = loop {
        select! {
            got = &mut work => break got,
            () = &mut boxed => unreachable!(),
            () = sleep(ms(10)) => rounds += 1,
        }
    };
    assert_eq!((got, rounds), ("done", 2));
}

#[myrt::test]
async fn it_nests_and_takes_into_futures() {
    struct Later(u32);
    impl IntoFuture for Later {
        type Output = u32;
        type IntoFuture = std::future::Ready<u32>;
        fn into_future(self) -> Self::IntoFuture {
            ready(self.0)
        }
    }
    let n = select! {
        a = Later(1) => select! { b = Later(2) => a + b },
    };
    assert_eq!(n, 3);
}

#[test]
fn it_runs_under_another_executor() {
    let n = futures_lite::future::block_on(async {
        select! { n = ready(1) => n, n = ready(1) => n, () = pending() => 0 }
    });
    assert_eq!(n, 1);
    let pair = futures_lite::future::block_on(async { myrt::join!(ready(1), ready(2)) });
    assert_eq!(pair, (1, 2));
}

#[myrt::test]
async fn sixty_four_branches() {
    let p = pending::<u32>;
    let n = select! {
        n = p() => n, n = p() => n, n = p() => n, n = p() => n, n = p() => n, n = p() => n, n = p() => n, n = p() => n,
        n = p() => n, n = p() => n, n = p() => n, n = p() => n, n = p() => n, n = p() => n, n = p() => n, n = p() => n,
        n = p() => n, n = p() => n, n = p() => n, n = p() => n, n = p() => n, n = p() => n, n = p() => n, n = p() => n,
        n = p() => n, n = p() => n, n = p() => n, n = p() => n, n = p() => n, n = p() => n, n = p() => n, n = p() => n,
        n = p() => n, n = p() => n, n = p() => n, n = p() => n, n = p() => n, n = p() => n, n = p() => n, n = p() => n,
        n = p() => n, n = p() => n, n = p() => n, n = p() => n, n = p() => n, n = p() => n, n = p() => n, n = p() => n,
        n = p() => n, n = p() => n, n = p() => n, n = p() => n, n = p() => n, n = p() => n, n = p() => n, n = p() => n,
        n = p() => n, n = p() => n, n = p() => n, n = p() => n, n = p() => n, n = p() => n, n = p() => n, n = ready(64) => n,
    };
    assert_eq!(n, 64);
}

#[myrt::test]
async fn names_of_the_caller_are_the_callers() {
    const COUNT: u32 = 7;
    #[derive(Debug, PartialEq)]
    enum Selected {
        V0(u32),
    }
    let (f0, output, pending, branch, disabled, matched) = (1, 2, 3, 4, 5, 6);
    let got = select! {
        Selected::V0(n) = async { Selected::V0(f0 + output + pending + branch + disabled + matched) } => Selected::V0(n + COUNT),
    };
    assert_eq!(got, Selected::V0(28));
    let (f0, rotation, cx) = (1, 2, 3);
    assert_eq!(myrt::join!(async { f0 + rotation }, async { cx }), (3, 3));
}
