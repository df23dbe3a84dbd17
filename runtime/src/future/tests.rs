//! Async cleanups that dropped branches leave: who waits for them. (What users see of combinators
//! is tested through the facade; here the cleanups are left by hand.)

use std::cell::RefCell;
use std::future::{pending, ready};
use std::rc::Rc;
use std::time::Duration;

use crate::builder::Builder;
use crate::executor::extra::cleanup::{self, Boxed};
use crate::executor::yield_now;
use crate::future::{first_ok, race, try_gather};
use crate::time::sleep;

type Log = Rc<RefCell<Vec<String>>>;

/// Leaves a cleanup when dropped.
struct Guard(Log, u32);

impl Drop for Guard {
    fn drop(&mut self) {
        let (log, n) = (self.0.clone(), self.1);
        cleanup::leave(Box::pin(async move {
            log.borrow_mut().push(format!("cleaning {n}"));
            sleep(Duration::from_millis(10)).await;
            log.borrow_mut().push(format!("cleaned {n}"));
        }) as Boxed);
    }
}

fn paused<F: Future>(future: F) -> F::Output {
    let runtime = Builder::new()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(future)
}

async fn hangs<T>(guard: Guard) -> T {
    let _guard = guard;
    pending().await
}

#[test]
fn r51_the_cleanups_of_cancelled_siblings_are_awaited_before_the_error_is_told() {
    type Fallible = std::pin::Pin<Box<dyn Future<Output = Result<(), &'static str>>>>;
    // Side by side.
    let all = ["cleaning 0", "cleaning 1", "cleaned 0", "cleaned 1"];
    let log = Log::default();
    paused(async {
        let children: [Fallible; 3] = [
            Box::pin(hangs(Guard(log.clone(), 0))),
            Box::pin(async {
                yield_now().await;
                Err("failed")
            }),
            Box::pin(hangs(Guard(log.clone(), 1))),
        ];
        assert_eq!(try_gather(children).await, Err("failed"));
        assert_eq!(log.take(), all);

        let tuple = crate::try_gather!(
            hangs::<Result<u8, ()>>(Guard(log.clone(), 0)),
            hangs::<Result<u16, ()>>(Guard(log.clone(), 1)),
            async {
                yield_now().await;
                Err::<u32, ()>(())
            },
        );
        assert_eq!(tuple.await, Err(()));
        assert_eq!(log.take(), all);

        // Local variables are dropped from the last to the first.
        let joined: Result<_, ()> = crate::try_join!(
            hangs::<Result<u8, ()>>(Guard(log.clone(), 1)),
            hangs::<Result<u16, ()>>(Guard(log.clone(), 0)),
            async {
                yield_now().await;
                Err::<u32, ()>(())
            },
        );
        assert_eq!(joined, Err(()));
        assert_eq!(log.take(), all);
    });
}

#[test]
fn winners_wait_for_the_cleanups_of_the_losers() {
    let log = Log::default();
    paused(async {
        let racers: [std::pin::Pin<Box<dyn Future<Output = u32>>>; 2] = [
            Box::pin(hangs(Guard(log.clone(), 0))),
            Box::pin(async {
                yield_now().await;
                7
            }),
        ];
        assert_eq!(race(racers).await, 7);
        assert_eq!(log.take(), ["cleaning 0", "cleaned 0"]);
        type Mirror = std::pin::Pin<Box<dyn Future<Output = Result<u32, ()>>>>;
        let mirrors: [Mirror; 3] = [
            Box::pin(ready(Err(()))),
            Box::pin(hangs(Guard(log.clone(), 0))),
            Box::pin(async {
                yield_now().await;
                Ok(8)
            }),
        ];
        assert_eq!(first_ok(mirrors).await, Ok(8));
        assert_eq!(log.take(), ["cleaning 0", "cleaned 0"]);
    });
}

#[test]
fn select_goes_on_at_once_and_the_task_ends_after_the_cleanups() {
    let log = Log::default();
    let seen = log.clone();
    paused(async move {
        let task = crate::executor::spawn(async move {
            crate::select! {
                () = hangs(Guard(log.clone(), 0)) => unreachable!(),
                () = yield_now() => log.borrow_mut().push("handler".into()),
            }
        });
        task.await.expect("no panic");
    });
    assert_eq!(*seen.borrow(), ["handler", "cleaning 0", "cleaned 0"]);
}

#[test]
fn a_child_that_leaves_a_cleanup_half_way_does_not_hold_up_its_siblings() {
    let log = Log::default();
    let seen = log.clone();
    paused(async move {
        crate::gather!(
            async {
                drop(Guard(log.clone(), 0));
                yield_now().await;
                log.borrow_mut().push("first".into());
            },
            async {
                sleep(Duration::from_millis(5)).await;
                log.borrow_mut().push("second".into());
            },
        )
        .await;
    });
    let log = seen.take();
    assert!(log.contains(&"cleaned 0".to_owned()), "{log:?}");
    let place = |what: &str| log.iter().position(|said| said == what);
    assert!(place("second") < place("cleaned 0"), "{log:?}");
}
