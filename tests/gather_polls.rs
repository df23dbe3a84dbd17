//! Gathers: who is polled. One wake polls one of ten thousand, and nobody who is always ready
//! starves the others. What gathers return is `gather.rs`.

mod support;

use std::cell::Cell;
use std::future::{poll_fn, ready};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use futures_util::stream::{FuturesUnordered, StreamExt};
use myrt::{gather, join, try_join, yield_now};
use support::gate::{gates, polls};

#[myrt::test]
async fn waking_one_of_10_000_polls_one() {
    let gates = gates(10_000);
    let all = gates.clone();
    let task = myrt::spawn(async move {
        gather(all.iter().map(|gate| poll_fn(|cx| gate.poll(cx))))
            .await
            .len()
    });
    for _ in 0..200 {
        yield_now().await;
    }
    assert_eq!(polls(&gates), 10_000);
    gates[7_777].open();
    for _ in 0..10 {
        yield_now().await;
    }
    assert_eq!(polls(&gates), 10_001);
    for gate in gates.iter() {
        gate.open();
    }
    assert_eq!(task.await.unwrap(), 10_000);
    assert_eq!(polls(&gates), 20_000);
}

#[myrt::test]
async fn waking_one_of_a_tuple_polls_one() {
    let gates = gates(3);
    let all = gates.clone();
    let task = myrt::spawn(async move {
        let [a, b, c] = [0, 1, 2].map(|n| {
            poll_fn({
                let all = all.clone();
                move |cx| all[n].poll(cx)
            })
        });
        myrt::gather!(a, b, c).await
    });
    yield_now().await;
    gates[1].open();
    yield_now().await;
    assert_eq!(
        gates
            .iter()
            .map(|gate| gate.polls.get())
            .collect::<Vec<_>>(),
        [1, 2, 1]
    );
    gates[0].open();
    gates[2].open();
    task.await.unwrap();
    assert_eq!(polls(&gates), 6);
}

// Fairness.

async fn always_ready() {
    poll_fn(myrt::task::poll_budget).await;
}

#[myrt::test(start_paused)]
async fn r32_a_thousand_always_ready_children_do_not_starve_a_timer_or_a_task() {
    let stop = Cell::new(false);
    let turns = Rc::new(Cell::new(0));
    let counter = turns.clone();
    let other = myrt::spawn(async move {
        for _ in 0..20 {
            yield_now().await;
            counter.set(counter.get() + 1);
        }
    });
    let busy = gather((0..1000).map(|_| async {
        while !stop.get() {
            always_ready().await;
        }
    }));
    join!(busy, async {
        other.await.unwrap();
        stop.set(true);
    });
    assert_eq!(turns.get(), 20);
    // A gather of a gather has no more than one share either.
    let polled = Cell::new(0);
    let nested = gather((0..100).map(|_| {
        gather((0..100).map(|_| {
            poll_fn(|_| {
                polled.set(polled.get() + 1);
                Poll::Ready(())
            })
        }))
    }));
    let mut nested = pin!(nested);
    poll_fn(|cx| {
        assert!(nested.as_mut().poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
    assert!(polled.get() <= 128, "{polled:?}");
}

#[myrt::test]
async fn r33_join_starts_with_another_branch_each_time() {
    // The first branch uses up the whole share at each poll; the second needs a little of it.
    let done = Cell::new(false);
    let greedy = async {
        while !done.get() {
            always_ready().await;
        }
    };
    let modest = async {
        for _ in 0..10 {
            always_ready().await;
        }
        done.set(true);
    };
    join!(greedy, modest);
    assert!(done.get());

    let done = Cell::new(false);
    let greedy = async {
        while !done.get() {
            always_ready().await;
        }
        Ok::<_, ()>(())
    };
    let modest = async {
        always_ready().await;
        done.set(true);
        Ok(())
    };
    assert_eq!(try_join!(greedy, modest), Ok(((), ())));
}

#[myrt::test]
async fn r34_futures_unordered_of_yields_and_gathers_makes_progress() {
    let mut yields: FuturesUnordered<_> = (0..1000)
        .map(|n| async move {
            for _ in 0..3 {
                yield_now().await;
            }
            n
        })
        .collect();
    let mut sum = 0;
    while let Some(n) = yields.next().await {
        sum += n;
    }
    assert_eq!(sum, 499_500);

    // A gather inside of it: the gather's owner is a foreign waker.
    let gathers: FuturesUnordered<_> = (0..10)
        .map(|_| gather((0..300).map(|_| async { always_ready().await })))
        .collect();
    assert_eq!(
        gathers
            .map(|all| all.len())
            .fold(0, |a, b| ready(a + b))
            .await,
        3000
    );

    // And inside of a gather, with the share used up again and again.
    let inner = gather((0..10).map(|_| async {
        let mut inner: FuturesUnordered<_> = (0..300).map(|_| always_ready()).collect();
        let mut count = 0;
        while inner.next().await.is_some() {
            count += 1;
        }
        count
    }));
    assert_eq!(inner.await, [300; 10]);
    assert_eq!(
        futures_util::future::join_all((0..500).map(|_| yield_now()))
            .await
            .len(),
        500
    );
}
