//! First in, first out, checked against a model: random sequences of asking, polling, cancelling
//! and giving back, on one primitive, by hand.

mod support;

use std::task::Poll;

use myrt_runtime::sync::{
    Mutex, Queue, RwLock, RwLockReadGuard, RwLockWriteGuard, Semaphore, mpsc,
};
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, Strategy, any, prop_oneof};
use proptest::{prop_assert, prop_assert_eq, proptest};
use support::Manual;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// A new waiter that wants `n`, polled at once.
    Ask(u32),
    /// A waiter is polled, perhaps with another waker.
    Poll(usize, bool),
    /// A waiter is dropped, whatever it was granted.
    Cancel(usize),
    /// A holder gives back.
    Give(usize),
}

fn steps(most: u32) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (1..=most).prop_map(Step::Ask),
        3 => (any::<usize>(), any::<bool>()).prop_map(|(n, moved)| Step::Poll(n, moved)),
        2 => any::<usize>().prop_map(Step::Cancel),
        2 => any::<usize>().prop_map(Step::Give),
    ];
    vec(step, 1..80)
}

/// The model: waiters in order, what each wants; a grant goes to the front and to nobody else.
struct Model {
    free: u32,
    waiting: Vec<(usize, u32)>,
    granted: Vec<(usize, u32)>,
}

impl Model {
    fn ask(&mut self, who: usize, wanted: u32) -> bool {
        if self.waiting.is_empty() && self.free >= wanted {
            self.free -= wanted;
            return true;
        }
        self.waiting.push((who, wanted));
        false
    }

    fn give(&mut self, permits: u32) {
        self.free += permits;
        self.hand_out();
    }

    fn hand_out(&mut self) {
        while let Some(&(who, wanted)) = self.waiting.first() {
            if self.free < wanted {
                break;
            }
            self.free -= wanted;
            self.waiting.remove(0);
            self.granted.push((who, wanted));
        }
    }

    fn cancel(&mut self, who: usize) {
        if let Some(at) = self.granted.iter().position(|g| g.0 == who) {
            let (_, wanted) = self.granted.remove(at);
            self.give(wanted);
        } else {
            self.waiting.retain(|w| w.0 != who);
            self.hand_out();
        }
    }

    fn is_granted(&self, who: usize) -> bool {
        self.granted.iter().any(|g| g.0 == who)
    }
}

/// Plays the steps on a primitive of `total` permits; `ask` makes its futures.
fn play<F, G>(
    total: u32,
    steps: &[Step],
    ask: impl Fn(u32) -> F,
) -> Result<(), proptest::test_runner::TestCaseError>
where
    F: Future<Output = G>,
{
    let mut model = Model {
        free: total,
        waiting: Vec::new(),
        granted: Vec::new(),
    };
    let mut waiters: Vec<(usize, u32, Manual<F>)> = Vec::new();
    let mut holders: Vec<(u32, G)> = Vec::new();
    for (who, step) in steps.iter().enumerate() {
        match *step {
            Step::Ask(wanted) => {
                let mut waiter = Manual::new(ask(wanted));
                match waiter.poll() {
                    Poll::Ready(guard) => {
                        prop_assert!(model.ask(who, wanted), "overtook somebody");
                        holders.push((wanted, guard));
                    }
                    Poll::Pending => {
                        prop_assert!(!model.ask(who, wanted), "waits for nothing");
                        waiters.push((who, wanted, waiter));
                    }
                }
            }
            Step::Poll(n, moved) if !waiters.is_empty() => {
                let n = n % waiters.len();
                let (who, wanted, waiter) = &mut waiters[n];
                let (who, wanted) = (*who, *wanted);
                let result = if moved {
                    waiter.poll_moved()
                } else {
                    waiter.poll()
                };
                prop_assert_eq!(result.is_ready(), model.is_granted(who));
                if let Poll::Ready(guard) = result {
                    model.granted.retain(|g| g.0 != who);
                    holders.push((wanted, guard));
                    waiters.remove(n);
                }
            }
            Step::Cancel(n) if !waiters.is_empty() => {
                let n = n % waiters.len();
                let (who, _, waiter) = waiters.remove(n);
                let before: Vec<_> = model.granted.clone();
                drop(waiter);
                model.cancel(who);
                check_wakes(&model, &before, &waiters)?;
            }
            Step::Give(n) if !holders.is_empty() => {
                let n = n % holders.len();
                let (permits, guard) = holders.swap_remove(n);
                let before: Vec<_> = model.granted.clone();
                drop(guard);
                model.give(permits);
                check_wakes(&model, &before, &waiters)?;
            }
            _ => {}
        }
    }
    // Everybody who is left gets it in the end: nothing was lost on the way.
    for _ in 0..2 * (waiters.len() + 1) {
        holders.clear();
        let (ready, rest): (Vec<_>, Vec<_>) = waiters
            .into_iter()
            .map(|(who, wanted, mut w)| (w.poll(), (who, wanted, w)))
            .unzip_ready();
        holders.extend(ready.into_iter().map(|guard| (0, guard)));
        waiters = rest;
    }
    prop_assert!(waiters.is_empty(), "somebody was skipped");
    Ok(())
}

/// The waiter that the model has just granted something was woken.
fn check_wakes<F: Future>(
    model: &Model,
    before: &[(usize, u32)],
    waiters: &[(usize, u32, Manual<F>)],
) -> Result<(), proptest::test_runner::TestCaseError> {
    for (who, _, waiter) in waiters {
        let new = model.is_granted(*who) && !before.iter().any(|g| g.0 == *who);
        prop_assert_eq!(waiter.woken() > 0, new, "woken if and only if granted");
    }
    Ok(())
}

trait UnzipReady<T, W> {
    fn unzip_ready(self) -> (Vec<T>, Vec<W>);
}

impl<T, W, I: Iterator<Item = (Poll<T>, W)>> UnzipReady<T, W> for I {
    fn unzip_ready(self) -> (Vec<T>, Vec<W>) {
        let (mut ready, mut rest) = (Vec::new(), Vec::new());
        for (poll, waiter) in self {
            match poll {
                Poll::Ready(value) => ready.push(value),
                Poll::Pending => rest.push(waiter),
            }
        }
        (ready, rest)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn semaphore(steps in steps(4), total in 4_u32..7) {
        let semaphore = Semaphore::new(total as usize);
        play(total, &steps, |wanted| semaphore.acquire_many(wanted))?;
        prop_assert_eq!(semaphore.available_permits(), total as usize);
    }

    #[test]
    fn mutex(steps in steps(1)) {
        let mutex = Mutex::new(());
        play(1, &steps, |_| mutex.lock())?;
        prop_assert!(mutex.try_lock().is_ok());
    }

    #[test]
    fn writers(steps in steps(1)) {
        let lock = RwLock::new(());
        play(1, &steps, |_| lock.write())?;
        prop_assert!(lock.try_write().is_ok());
    }

    /// A reader wants one permit of as many as there can be readers, a writer all of them.
    #[test]
    fn readers_and_writers(steps in steps(2)) {
        const ALL: u32 = 1_000;
        let lock = RwLock::new(());
        let steps: Vec<_> = steps.into_iter().map(|step| match step {
            Step::Ask(2) => Step::Ask(ALL),
            step => step,
        }).collect();
        play(ALL, &steps, |wanted| either(&lock, wanted == ALL))?;
        prop_assert!(lock.try_write().is_ok());
    }

    #[test]
    fn places_of_a_channel(steps in steps(1), capacity in 1_u32..4) {
        let (sender, receiver) = mpsc::channel::<()>(capacity as usize);
        play(capacity, &steps, |_| sender.reserve())?;
        prop_assert_eq!(sender.capacity(), capacity as usize);
        drop(receiver);
    }

    /// Items stay in the order in which they were put, whichever task is cancelled.
    #[test]
    fn queue(steps in steps(1)) {
        let queue = Queue::new(0);
        let mut getters: Vec<Manual<_>> = Vec::new();
        let mut put = 0;
        let mut got = Vec::new();
        for step in steps {
            match step {
                Step::Ask(_) => {
                    let mut getter = Manual::new(queue.get());
                    match getter.poll() {
                        Poll::Ready(item) => got.push(item.expect("open")),
                        Poll::Pending => getters.push(getter),
                    }
                }
                Step::Give(_) => {
                    queue.put_nowait(put).expect("no bound");
                    put += 1;
                }
                Step::Poll(n, _) if !getters.is_empty() => {
                    let n = n % getters.len();
                    if let Poll::Ready(item) = getters[n].poll() {
                        got.push(item.expect("open"));
                        getters.remove(n);
                    }
                }
                Step::Cancel(n) if !getters.is_empty() => drop(getters.remove(n % getters.len())),
                _ => {}
            }
        }
        drop(getters);
        while let Ok(item) = queue.get_nowait() {
            got.push(item);
        }
        prop_assert_eq!(got, (0..put).collect::<Vec<_>>());
    }
}

/// A guard of either kind.
enum Either<R, W> {
    Read(R),
    Write(W),
}

async fn either(
    lock: &RwLock<()>,
    write: bool,
) -> Either<RwLockReadGuard<'_, ()>, RwLockWriteGuard<'_, ()>> {
    if write {
        Either::Write(lock.write().await)
    } else {
        Either::Read(lock.read().await)
    }
}
