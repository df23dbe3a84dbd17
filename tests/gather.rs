//! Gathers: the course's timelines, order, what is dropped when. Who is polled, and how often, is
//! `gather_polls.rs`.

mod support;

use std::cell::RefCell;
use std::future::{Future, pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use myrt::time::{Instant, sleep, timeout};
use myrt::{as_completed, first_ok, gather, join, race, try_gather, try_join, yield_now};
use support::gate::{Gate, gates};
use support::timeline::{at, ms};

type Log = Rc<RefCell<Vec<(u64, String)>>>;

async fn fetch(what: &'static str, takes: u64) -> &'static str {
    sleep(ms(takes)).await;
    what
}

/// Says that it was dropped.
struct Told<'a>(&'a RefCell<Vec<u32>>, u32);

impl Drop for Told<'_> {
    fn drop(&mut self) {
        self.0.borrow_mut().push(self.1);
    }
}

// The course, chapter 8.7 and the visual guide.

#[myrt::test(start_paused)]
async fn course_three_requests_in_sequence_take_300_ms_and_gathered_100() {
    let start = Instant::now();
    for what in ["user", "orders", "cart"] {
        assert_eq!(fetch(what, 100).await, what);
    }
    assert_eq!(at(start), 300);
    let start = Instant::now();
    let all = gather(["user", "orders", "cart"].map(|what| fetch(what, 100))).await;
    assert_eq!((all, at(start)), (vec!["user", "orders", "cart"], 100));
}

#[myrt::test(start_paused)]
async fn course_three_seconds_in_sequence_become_one_with_every_way_of_gathering() {
    let start = Instant::now();
    assert_eq!(
        myrt::gather!(fetch("a", 1000), fetch("b", 1000), fetch("c", 1000)).await,
        ("a", "b", "c")
    );
    assert_eq!(at(start), 1000);
    assert_eq!(
        join!(fetch("a", 1000), fetch("b", 1000), fetch("c", 1000)),
        ("a", "b", "c")
    );
    assert_eq!(at(start), 2000);
    let tasks = ["a", "b", "c"].map(|what| myrt::spawn(fetch(what, 1000)));
    let all: Vec<_> = gather(tasks)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert_eq!((all, at(start)), (vec!["a", "b", "c"], 3000));
}

#[myrt::test(start_paused)]
async fn course_three_fetches_are_done_after_100_120_and_150_ms() {
    let log = Log::default();
    let start = Instant::now();
    gather([(1, 150), (2, 100), (3, 120)].map(|(n, takes)| {
        let log = log.clone();
        async move {
            log.borrow_mut().push((at(start), format!("{n} starts")));
            sleep(ms(takes)).await;
            log.borrow_mut().push((at(start), format!("{n} done")));
        }
    }))
    .await;
    let log = log.take();
    let timeline: Vec<_> = log.iter().map(|(at, what)| (*at, what.as_str())).collect();
    assert_eq!(
        timeline,
        [
            (0, "1 starts"),
            (0, "2 starts"),
            (0, "3 starts"),
            (100, "2 done"),
            (120, "3 done"),
            (150, "1 done")
        ]
    );
    assert_eq!(at(start), 150);
}

async fn may_fail(n: u32, takes: u64) -> Result<u32, String> {
    sleep(ms(takes)).await;
    if n == 2 {
        Err(format!("task {n} failed"))
    } else {
        Ok(n)
    }
}

#[myrt::test(start_paused)]
async fn course_gather_with_return_exceptions_hears_everybody() {
    let start = Instant::now();
    let all = gather([may_fail(1, 100), may_fail(2, 50), may_fail(3, 200)]).await;
    assert_eq!(all, [Ok(1), Err("task 2 failed".to_owned()), Ok(3)]);
    assert_eq!(at(start), 200);
}

#[myrt::test(start_paused)]
async fn course_gather_without_return_exceptions_ends_at_the_first_error() {
    let start = Instant::now();
    let gone = RefCell::new(Vec::new());
    let child = |n: u32, takes: u64| {
        let gone = &gone;
        async move {
            let _told = Told(gone, n);
            may_fail(n, takes).await
        }
    };
    let all = try_gather([child(1, 100), child(2, 50), child(3, 200)]).await;
    assert_eq!(all, Err("task 2 failed".to_owned()));
    // Unlike asyncio, which leaves the siblings running: dropped, in order, before the error is
    // told.
    assert_eq!((at(start), gone.take()), (50, vec![2, 1, 3]));
}

#[myrt::test(start_paused)]
async fn course_fallback_returns_at_the_first_success_not_at_the_slowest() {
    let start = Instant::now();
    let mirrors = [(1, 5), (2, 10), (3, 1000)].map(|(n, takes)| async move {
        sleep(ms(takes)).await;
        if n == 1 {
            Err(format!("mirror {n} is down"))
        } else {
            Ok(n)
        }
    });
    assert_eq!(first_ok(mirrors).await, Ok(2));
    assert_eq!(at(start), 10);
    let errors = first_ok([2, 1].map(|n| async move {
        sleep(ms(n)).await;
        Err::<(), _>(n)
    }));
    assert_eq!(
        errors.await,
        Err(vec![2, 1]),
        "errors are in the order of the futures"
    );
    assert_eq!(
        first_ok(Vec::<std::future::Ready<Result<(), ()>>>::new()).await,
        Err(vec![])
    );
}

// Each of them.

#[myrt::test(start_paused)]
async fn as_completed_gives_outputs_as_they_come_with_their_numbers() {
    let start = Instant::now();
    let mut stream = as_completed([30, 10, 20, 10].map(|n| async move {
        sleep(ms(n)).await;
        n
    }));
    let mut seen = Vec::new();
    assert_eq!(stream.len(), 4);
    while let Some((number, _)) = stream.next().await {
        seen.push((at(start), number));
    }
    assert_eq!(seen, [(10, 1), (10, 3), (20, 2), (30, 0)]);
    assert!(stream.is_empty());
    assert_eq!(stream.next().await, None);
}

#[myrt::test(start_paused)]
async fn race_drops_the_losers_before_it_returns() {
    let gone = RefCell::new(Vec::new());
    let winner = race([3, 1, 2].map(|n| {
        let told = Told(&gone, n);
        async move {
            let _told = told;
            sleep(ms(u64::from(n))).await;
            n
        }
    }));
    assert_eq!(winner.await, 1);
    assert_eq!(gone.take(), [1, 3, 2]);
}

#[myrt::test]
async fn of_several_that_are_ready_the_first_given_wins() {
    assert_eq!(race([ready(1), ready(2)]).await, 1);
    assert_eq!(
        first_ok([ready(Err(1)), ready(Ok(2)), ready(Ok(3))]).await,
        Ok(2)
    );
    assert_eq!(
        try_gather([ready(Ok(1)), ready(Err(2)), ready(Err(3))]).await,
        Err(2)
    );
}

#[test]
#[should_panic(expected = "a race without futures would never end")]
fn a_race_of_nobody_is_refused() {
    drop(race(Vec::<std::future::Ready<()>>::new()));
}

#[test]
fn nothing_is_gathered_at_once_and_a_gather_may_be_built_outside() {
    let outside = gather(Vec::<std::future::Ready<u8>>::new());
    assert_eq!(myrt::run(outside), Vec::<u8>::new());
    assert_eq!(
        myrt::run(gather((0..3).map(|n| async move { n }))),
        [0, 1, 2]
    );
    myrt::run(async { myrt::gather!().await });
}

#[myrt::test(start_paused)]
async fn try_gather_macro_takes_different_values_and_one_error() {
    let start = Instant::now();
    let good = myrt::try_gather!(async { Ok::<_, String>(1) }, async {
        fetch("two", 10).await.pipe(Ok)
    })
    .await;
    assert_eq!(good, Ok((1, "two")));
    let bad = myrt::try_gather!(
        pending::<Result<u8, String>>(),
        async { may_fail(2, 10).await },
        async { Ok("x") }
    );
    assert_eq!(
        timeout(ms(1000), bad).await,
        Ok(Err("task 2 failed".to_owned()))
    );
    assert_eq!(at(start), 20);
}

trait Pipe: Sized {
    fn pipe<R>(self, f: impl FnOnce(Self) -> R) -> R {
        f(self)
    }
}

impl<T> Pipe for T {}

#[myrt::test]
async fn a_gather_borrows_and_may_hold_what_is_not_send() {
    let words = [Rc::new("a".to_owned()), Rc::new("bc".to_owned())];
    let lengths = gather(words.iter().map(|word| async { word.len() })).await;
    assert_eq!(lengths, [1, 2]);
}

#[myrt::test]
async fn children_have_ids_and_end_with_the_gather() {
    let before = myrt::task::all().len();
    let ids = gather((0..3).map(|_| async {
        yield_now().await;
        (myrt::task::current().id(), myrt::task::all().len())
    }))
    .await;
    assert!(ids.windows(2).all(|pair| pair[0].0 != pair[1].0));
    assert!(ids.iter().all(|(_, there)| *there > before));
    assert_eq!(myrt::task::all().len(), before);
}

#[myrt::test(start_paused)]
async fn a_child_that_cancels_itself_cancels_the_gathering_task() {
    let task = myrt::spawn(async {
        gather((0..3).map(|n| async move {
            sleep(ms(n)).await;
            myrt::task::current().cancel();
            pending::<()>().await;
        }))
        .await
    });
    assert!(
        timeout(ms(100), task)
            .await
            .unwrap()
            .unwrap_err()
            .is_cancelled()
    );
}

// Ends.

#[test]
fn a_childs_panic_goes_on_after_the_others_were_dropped() {
    let gone = RefCell::new(Vec::new());
    let caught = catch_unwind(AssertUnwindSafe(|| {
        myrt::run(async {
            let mut all = pin!(gather((0..4).map(|n| {
                let told = Told(&gone, n);
                async move {
                    let _told = told;
                    yield_now().await;
                    assert!(n != 1, "child one");
                    pending::<()>().await;
                }
            })));
            poll_fn(|cx| {
                let poll = catch_unwind(AssertUnwindSafe(|| all.as_mut().poll(cx)));
                match poll {
                    Ok(poll) => poll.map(drop),
                    Err(panic) => {
                        assert_eq!(
                            gone.borrow_mut().drain(..).collect::<Vec<_>>(),
                            [1, 0, 2, 3]
                        );
                        std::panic::resume_unwind(panic)
                    }
                }
            })
            .await;
        });
    }));
    let panic = caught.unwrap_err();
    assert!(panic.downcast_ref::<&str>().unwrap().contains("child one"));
}

/// Panics when dropped.
struct Bad<'a>(Told<'a>);

impl Drop for Bad<'_> {
    fn drop(&mut self) {
        panic!("destructor {}", self.0.1);
    }
}

#[test]
fn a_panicking_destructor_does_not_spare_the_others() {
    let gone = RefCell::new(Vec::new());
    let told = &gone;
    let caught = catch_unwind(AssertUnwindSafe(|| {
        let runtime = myrt::runtime::Builder::new()
            .on_unhandled(|_| ())
            .build()
            .unwrap();
        runtime.block_on(async {
            let _ = try_gather((0..4).map(|n| async move {
                let _bad = (n == 1 || n == 2).then(|| Bad(Told(told, n)));
                let _good = Told(told, n + 10);
                yield_now().await;
                if n == 3 {
                    Err(())
                } else {
                    pending::<Result<(), ()>>().await
                }
            }))
            .await;
        });
    }));
    let panic = caught.unwrap_err();
    assert_eq!(
        panic.downcast_ref::<String>().unwrap(),
        "destructor 1",
        "the first one goes on"
    );
    assert_eq!(gone.take(), [13, 10, 11, 1, 12, 2]);
}

#[myrt::test]
async fn dropping_a_gather_drops_its_futures_in_order_and_stale_wakes_do_nothing() {
    let gone = RefCell::new(Vec::new());
    let gates = gates(3);
    let mut all = Box::pin(gather((0..3).map(|n| {
        let told = Told(&gone, n);
        let gates = &gates;
        async move {
            let _told = told;
            poll_fn(|cx| gates[n as usize].poll(cx)).await;
        }
    })));
    poll_fn(|cx| {
        assert!(all.as_mut().poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
    drop(all);
    assert_eq!(gone.take(), [0, 1, 2]);
    gates.iter().for_each(Gate::open);
    yield_now().await;
}

#[myrt::test(lints = "off")]
async fn a_child_may_wake_spawn_cancel_and_gather_from_its_destructor() {
    struct Busy;
    impl Drop for Busy {
        fn drop(&mut self) {
            drop(myrt::spawn(async {}));
            myrt::spawn(pending::<()>()).cancel();
            let mut nested = pin!(gather([ready(()), ready(())]));
            let _ = nested
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()));
        }
    }
    let outcome = try_gather((0..100).map(|n| async move {
        let _busy = Busy;
        yield_now().await;
        if n == 50 { Err(n) } else { pending().await }
    }));
    assert_eq!(outcome.await, Err::<Vec<()>, _>(50));
}

#[myrt::test]
async fn a_gather_that_moves_to_another_task_wakes_that_one() {
    let gates = gates(2);
    let all = gates.clone();
    let mut gathered =
        Box::pin(async move { gather(all.iter().map(|gate| poll_fn(|cx| gate.poll(cx)))).await });
    poll_fn(|cx| {
        assert!(gathered.as_mut().poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
    let task = myrt::spawn(gathered);
    yield_now().await;
    gates.iter().for_each(Gate::open);
    assert_eq!(task.await.unwrap().len(), 2);
}

#[test]
fn a_gather_that_is_dropped_on_another_thread_frees_its_places() {
    struct Sent<F>(F);
    // SAFETY is not at stake: what is gathered here is Send by itself.
    fn send<F: Send>(future: F) -> Sent<F> {
        Sent(future)
    }
    myrt::run(async {
        let before = myrt::task::all().len();
        let mut all = Box::pin(gather((0..3).map(|_| pending::<()>())));
        poll_fn(|cx| {
            assert!(all.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        let all = send(all);
        myrt::spawn_blocking(move || drop(all.0)).await.unwrap();
        sleep(ms(1)).await; // the loop reads what the thread sent
        assert_eq!(myrt::task::all().len(), before);
    });
}

#[myrt::test(start_paused)]
async fn try_join_gives_the_first_error_and_drops_the_rest() {
    let start = Instant::now();
    let gone = RefCell::new(Vec::new());
    let slow = |n| {
        let told = Told(&gone, n);
        async move {
            let _told = told;
            sleep(ms(500)).await;
            Ok::<_, String>(n)
        }
    };
    let result = try_join!(slow(0), may_fail(2, 30), slow(1));
    assert_eq!(result, Err("task 2 failed".to_owned()));
    assert_eq!((at(start), gone.take()), (30, vec![1, 0]));
    assert_eq!(try_join!(may_fail(1, 5), async { Ok("b") }), Ok((1, "b")));
    assert_eq!(join!(), ());
    assert_eq!(join!(biased; ready(1),), (1,));
}

#[myrt::test]
async fn join_takes_64_futures_that_are_pinned_and_borrow() {
    let text = String::from("x");
    let mut unpinned = Box::pin(async { text.len() });
    let borrowed = async { &text };
    let (a, b) = join!(unpinned.as_mut(), borrowed);
    assert_eq!((a, b), (1, &text));
    let r = || ready(1u32);
    let all = join!(
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
        r(),
    );
    assert_eq!(all.63, 1);
    fn is_named<F: Future>(_: &F) {}
    let named: Pin<Box<myrt::future::Gather<std::future::Ready<u8>>>> =
        Box::pin(gather([ready(1)]));
    is_named(&named);
}
