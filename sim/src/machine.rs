//! A host from inside of its world: its runtime, its clock, how it starts, is turned and ends.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use myrt_runtime::runtime::{Builder, Runtime, Selector};
use myrt_runtime::simulated as door;

use crate::failure::FailureKind;
use crate::kernel::HostSelector;
use crate::link::HostId;
use crate::panics;
use crate::shell;
use crate::tape::{Purpose, split_mix};
use crate::world::{SECOND, START, Shared, WALL, nanos};

/// Polls between two looks at a host's sockets and timers, as the runtime's own loop has it.
const INTERVAL: u64 = 61;
/// How long an orderly end may take.
const GRACE: u64 = 5 * SECOND;

pub(crate) type Main = Pin<Box<dyn Future<Output = Option<String>>>>;
pub(crate) type Factory = Box<dyn FnMut() -> Main>;

/// What a world keeps of a host.
pub(crate) struct Machine {
    pub(crate) runtime: Option<Rc<Runtime>>,
    pub(crate) factory: Option<Factory>,
    pub(crate) is_client: bool,
    /// Its main future has ended.
    pub(crate) ended: bool,
    pub(crate) paused_until: u64,
    pub(crate) stopping: Option<u64>,
    pub(crate) turns: u64,
    pub(crate) skew: Skew,
}

/// How a host's clock differs from the world's.
#[derive(Clone, Copy, Default)]
pub(crate) struct Skew {
    pub(crate) ppm: i32,
    pub(crate) offset: u64,
    /// Since when the rate is that, and what it had gained until then.
    pub(crate) since: u64,
}

impl Skew {
    fn there(self, now: u64) -> u64 {
        let run = now.saturating_sub(self.since);
        let gained = i128::from(run) * i128::from(self.ppm) / 1_000_000;
        let there = i128::from(now) + gained + i128::from(self.offset);
        u64::try_from(there).unwrap_or(1)
    }

    /// The world's time at which the host's clock says `there`, or a little later.
    fn here(self, there: u64) -> u64 {
        if self.ppm == 0 {
            return there.saturating_sub(self.offset);
        }
        let rate = 1_000_000 + i128::from(self.ppm).max(-999_000);
        let run = i128::from(there) - i128::from(self.offset) - i128::from(self.since);
        let here = i128::from(self.since) + (run * 1_000_000).div_euclid(rate) + 1;
        u64::try_from(here).unwrap_or(0)
    }
}

/// What a main future's output says went wrong.
pub(crate) async fn outcome<F: Future<Output: 'static>>(future: F) -> Option<String> {
    use std::error::Error;
    use std::io;
    fn of<E: fmt::Debug + 'static>(output: &dyn Any) -> Option<String> {
        let result = output.downcast_ref::<Result<(), E>>()?;
        result
            .as_ref()
            .err()
            .map(|error| format!("main returned {error:?}"))
    }
    let output = future.await;
    let output: &dyn Any = &output;
    let known = [
        of::<io::Error>,
        of::<Box<dyn Error>>,
        of::<Box<dyn Error + Send + Sync>>,
        of::<String>,
        of::<&'static str>,
    ];
    known.iter().find_map(|of| of(output))
}

impl Shared {
    pub(crate) fn crash(&self, id: HostId) {
        self.kernel.cut_power(id);
        let runtime = {
            let machine = &mut self.machines.borrow_mut()[id];
            machine.stopping = None;
            machine.ended |= machine.is_client && machine.runtime.is_some();
            machine.runtime.take()
        };
        // Its destructors find every door shut.
        self.kernel.state.borrow_mut().current = None;
        self.bury(runtime);
        self.kernel.reap();
    }

    fn bury(&self, runtime: Option<Rc<Runtime>>) {
        if let Some(runtime) = runtime.and_then(Rc::into_inner) {
            // What a destructor has to say is lost with the power.
            let _ = panics::quietly(|| catch_unwind(AssertUnwindSafe(|| runtime.abandon())));
        }
    }

    pub(crate) fn start(self: &Rc<Self>, id: HostId) {
        self.kernel.power_on(id);
        self.inside(id, || {
            let selector = HostSelector {
                kernel: Rc::clone(&self.kernel),
                host: id,
            };
            door::provide(Rc::new(selector));
            let mut seed = self.kernel.tapes.seed() ^ (id as u64) << 32;
            let hook = {
                let shared = Rc::downgrade(self);
                move |report: &myrt_runtime::runtime::Unhandled<'_>| {
                    if let Some(shared) = shared.upgrade() {
                        shared.unhandled(id, report);
                    }
                }
            };
            let built = Builder::new()
                .selector(Selector::Sim)
                .seed(split_mix(&mut seed) | 1)
                .on_unhandled(hook)
                .build();
            let runtime = match built {
                Ok(runtime) => Rc::new(runtime),
                Err(error) => {
                    let told = format!("the host's runtime could not be made: {error}");
                    return self.fail(FailureKind::Panic, told);
                }
            };
            let factory = self.machines.borrow_mut()[id].factory.take();
            let made = factory.map(|mut factory| {
                let made = catch_unwind(AssertUnwindSafe(&mut factory));
                (factory, made)
            });
            let Some((factory, made)) = made else { return };
            match made {
                Ok(main) => {
                    let shared = Rc::downgrade(self);
                    let ended = move |wrong: Option<String>| {
                        if let Some(shared) = shared.upgrade() {
                            shared.main_ended(id, wrong);
                        }
                    };
                    drop(runtime.spawn(MainFuture {
                        main,
                        ended: Some(ended),
                    }));
                }
                Err(panic) => self.fail(FailureKind::Panic, panics::message(&*panic)),
            }
            let machine = &mut self.machines.borrow_mut()[id];
            machine.factory = Some(factory);
            machine.runtime = Some(runtime);
            machine.ended = false;
            machine.paused_until = 0;
        });
    }

    fn unhandled(&self, id: HostId, report: &myrt_runtime::runtime::Unhandled<'_>) {
        let dying = self.machines.borrow()[id].runtime.is_none();
        if !dying && self.turned.get() == Some(id) {
            self.fail(FailureKind::Panic, panics::with_place(report.message));
        }
    }

    fn main_ended(&self, id: HostId, wrong: Option<String>) {
        self.machines.borrow_mut()[id].ended = true;
        if let Some(message) = wrong {
            self.fail(FailureKind::Panic, message);
        }
    }

    pub(crate) fn stop(&self, id: HostId) {
        let Some(runtime) = self.runtime(id) else {
            return;
        };
        self.machines.borrow_mut()[id].stopping = Some(self.kernel.now.get() + GRACE);
        self.inside(id, || runtime.begin_end());
    }

    fn runtime(&self, id: HostId) -> Option<Rc<Runtime>> {
        self.machines.borrow()[id].runtime.clone()
    }

    /// Runs `f` as the host: its clock, its sockets.
    fn inside<R>(&self, id: HostId, f: impl FnOnce() -> R) -> R {
        let there = self.machines.borrow()[id].skew.there(self.kernel.now.get());
        self.kernel.state.borrow_mut().current = Some(id);
        self.turned.set(Some(id));
        shell::set_clocks(there, WALL.wrapping_sub(START));
        let result = f();
        shell::set_clocks(0, 0);
        self.kernel.state.borrow_mut().current = None;
        result
    }

    /// Turns a host that has something to do. False: none has.
    pub(crate) fn step(&self) -> bool {
        let now = self.kernel.now.get();
        let ready: Vec<HostId> = {
            let machines = self.machines.borrow();
            let has = |(id, machine): &(usize, &Machine)| {
                machine.paused_until <= now && self.due(*id, machine).is_some_and(|at| at <= now)
            };
            machines
                .iter()
                .enumerate()
                .filter(has)
                .map(|(id, _)| id)
                .collect()
        };
        if ready.is_empty() {
            return false;
        }
        let tapes = &self.kernel.tapes;
        let which = tapes.draw(Purpose::Schedule, "which host", ready.len() as u64, now);
        let id = ready[which as usize];
        let Some(runtime) = self.runtime(id) else {
            return false;
        };
        let turns = {
            let machine = &mut self.machines.borrow_mut()[id];
            machine.turns += 1;
            machine.turns
        };
        let count = runtime.ready_count();
        let first = tapes.draw(Purpose::Schedule, "which task", count as u64, now);
        let turned = self.inside(id, || {
            runtime.begin_step(first as usize);
            match turns % INTERVAL {
                0 => runtime.turn(Some(Duration::ZERO)).map(drop),
                _ => runtime.step().map(drop),
            }
        });
        if let Err(error) = turned {
            self.fail(
                FailureKind::Panic,
                format!("the host's loop failed: {error}"),
            );
        }
        self.steps.set(self.steps.get() + 1);
        self.kernel
            .state
            .borrow_mut()
            .note(&self.kernel, [id as u64, count as u64, 4]);
        self.end_if_stopped(id, &runtime);
        drop(runtime);
        self.kernel.reap();
        true
    }

    /// When a host has something to do.
    pub(crate) fn due(&self, id: HostId, machine: &Machine) -> Option<u64> {
        let runtime = machine.runtime.as_ref()?;
        let now = self.kernel.now.get();
        if self.kernel.has_changes(id) || runtime.ready_count() > 0 {
            return Some(now);
        }
        // By the host's own clock.
        shell::set_clocks(machine.skew.there(now), WALL.wrapping_sub(START));
        let next = runtime.next_deadline();
        let here = next.map(|at| at.saturating_duration_since(runtime.now()));
        shell::set_clocks(0, 0);
        let timer = here.map(|rest| {
            let there = machine.skew.there(now).saturating_add(nanos(rest));
            machine.skew.here(there).max(now)
        });
        timer.into_iter().chain(machine.stopping).min()
    }

    fn end_if_stopped(&self, id: HostId, runtime: &Rc<Runtime>) {
        let until = self.machines.borrow()[id].stopping;
        let over = until.is_some_and(|at| runtime.has_ended() || self.kernel.now.get() >= at);
        if over {
            let machine = &mut self.machines.borrow_mut()[id];
            machine.stopping = None;
            machine.ended = true;
            let taken = machine.runtime.take();
            drop(taken); // the caller has the last one
        }
    }
}

/// A host's main future, whose end the world is told.
struct MainFuture<E: FnOnce(Option<String>)> {
    main: Main,
    ended: Option<E>,
}

impl<E: FnOnce(Option<String>) + Unpin> Future for MainFuture<E> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let polled = catch_unwind(AssertUnwindSafe(|| this.main.as_mut().poll(cx)));
        let wrong = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(wrong)) => wrong,
            Err(panic) => Some(panics::message(&*panic)),
        };
        if let Some(ended) = this.ended.take() {
            ended(wrong);
        }
        Poll::Ready(())
    }
}
