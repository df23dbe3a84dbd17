//! The yardstick: an executor with nothing that one thread does not need.
//!
//! Tasks are counted without atomics, wakers are pointers with a count, no other thread may wake a
//! task, there is no I/O, and nothing protects a user from misuse. It shows how much room is left;
//! it is not for use.

mod timers;

use std::cell::{Cell, UnsafeCell};
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::mem::ManuallyDrop;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};
use std::time::Duration;

use futures_util::FutureExt;

use self::timers::{Sleep, Timers};
use super::neutral::Neutral;
use crate::peer::{Peer, Unavailable};

/// A handle to the thread's only executor, leaked at start.
#[derive(Clone, Copy)]
pub struct Bare(&'static Executor);

struct Executor {
    ready: UnsafeCell<VecDeque<Rc<dyn Run>>>,
    main_woken: Cell<bool>,
    timers: Timers,
}

impl Executor {
    fn push(&self, task: Rc<dyn Run>) {
        // SAFETY: one thread, and nothing of the user's runs while the reference lives.
        unsafe { &mut *self.ready.get() }.push_back(task);
    }

    fn pop(&self) -> Option<Rc<dyn Run>> {
        // SAFETY: as in `push`.
        unsafe { &mut *self.ready.get() }.pop_front()
    }

    fn ready_tasks(&self) -> usize {
        // SAFETY: as in `push`.
        unsafe { &*self.ready.get() }.len()
    }

    fn block_on<F: Future>(&'static self, future: F) -> F::Output {
        let mut future = pin!(future);
        let waker = self.main_waker();
        let mut context = Context::from_waker(&waker);
        let mut turns = 0u32;
        loop {
            if self.main_woken.replace(false)
                && let Poll::Ready(output) = future.as_mut().poll(&mut context)
            {
                return output;
            }
            for _ in 0..self.ready_tasks() {
                if let Some(task) = self.pop() {
                    task.run();
                }
            }
            let idle = self.ready_tasks() == 0 && !self.main_woken.get();
            turns = turns.wrapping_add(1);
            if idle || turns.is_multiple_of(64) {
                self.timers.turn(idle);
            }
        }
    }

    fn main_waker(&'static self) -> Waker {
        static VTABLE: RawWakerVTable = RawWakerVTable::new(
            |data| RawWaker::new(data, &VTABLE),
            wake_main,
            wake_main,
            |_| {},
        );
        fn wake_main(data: *const ()) {
            // SAFETY: the data is the leaked executor of this thread.
            unsafe { &*data.cast::<Executor>() }.main_woken.set(true);
        }
        let data = std::ptr::from_ref(self).cast();
        // SAFETY: the executor lives for ever and the four functions keep no count.
        unsafe { Waker::new(data, &VTABLE) }
    }
}

trait Run {
    fn run(self: Rc<Self>);
}

trait Join<T> {
    fn poll_join(&self, context: &mut Context<'_>) -> Poll<T>;
}

struct Task<F: Future> {
    executor: &'static Executor,
    queued: Cell<bool>,
    stage: UnsafeCell<Stage<F>>,
    waiter: Cell<Option<Waker>>,
}

enum Stage<F: Future> {
    Running(F),
    Done(F::Output),
    Taken,
}

impl<F: Future + 'static> Task<F> {
    const VTABLE: RawWakerVTable = RawWakerVTable::new(
        Self::clone_waker,
        Self::wake,
        Self::wake_by_ref,
        Self::drop_waker,
    );

    fn schedule(self: Rc<Self>) {
        if !self.queued.replace(true) {
            let executor = self.executor;
            executor.push(self);
        }
    }

    unsafe fn clone_waker(data: *const ()) -> RawWaker {
        // SAFETY: the data came from `Rc::as_ptr` or `Rc::into_raw` of a live task.
        unsafe { Rc::increment_strong_count(data.cast::<Self>()) };
        RawWaker::new(data, &Self::VTABLE)
    }

    unsafe fn wake(data: *const ()) {
        // SAFETY: the waker owned one count, which becomes this `Rc`.
        unsafe { Rc::from_raw(data.cast::<Self>()) }.schedule();
    }

    unsafe fn wake_by_ref(data: *const ()) {
        // SAFETY: the count stays with the waker, so the `Rc` made here must not drop it.
        let task = ManuallyDrop::new(unsafe { Rc::from_raw(data.cast::<Self>()) });
        if !task.queued.replace(true) {
            task.executor.push(Rc::clone(&*task) as Rc<dyn Run>);
        }
    }

    unsafe fn drop_waker(data: *const ()) {
        // SAFETY: the waker owned one count.
        unsafe { Rc::decrement_strong_count(data.cast::<Self>()) };
    }
}

impl<F: Future + 'static> Run for Task<F> {
    fn run(self: Rc<Self>) {
        self.queued.set(false);
        // SAFETY: the waker borrows the count held by `self` and is never dropped.
        let waker =
            ManuallyDrop::new(unsafe { Waker::new(Rc::as_ptr(&self).cast(), &Self::VTABLE) });
        // SAFETY: only `run` and `poll_join` touch the stage, never one inside the other for the
        // same task, since a task that awaited its own handle would never be `Done`.
        let stage = unsafe { &mut *self.stage.get() };
        let Stage::Running(future) = stage else {
            return;
        };
        // SAFETY: the future lies inside an `Rc` and is dropped in place below.
        let future = unsafe { Pin::new_unchecked(future) };
        if let Poll::Ready(output) = future.poll(&mut Context::from_waker(&waker)) {
            *stage = Stage::Done(output);
            if let Some(waiter) = self.waiter.take() {
                waiter.wake();
            }
        }
    }
}

impl<F: Future + 'static> Join<F::Output> for Task<F> {
    fn poll_join(&self, context: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: see `run`.
        let stage = unsafe { &mut *self.stage.get() };
        if matches!(stage, Stage::Done(_))
            && let Stage::Done(output) = std::mem::replace(stage, Stage::Taken)
        {
            return Poll::Ready(output);
        }
        self.waiter.set(Some(context.waker().clone()));
        Poll::Pending
    }
}

/// The handle of a task: dropping it detaches.
pub struct JoinHandle<T>(Rc<dyn Join<T>>);

impl<T> Future for JoinHandle<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        self.0.poll_join(context)
    }
}

impl Peer for Bare {
    const HAS_SYNC: bool = false;

    type Join<T: 'static> = JoinHandle<T>;
    type Sync = Neutral;

    fn block_on<F: Future>(main: impl FnOnce(Self) -> F) -> Result<F::Output, Unavailable> {
        let executor: &'static Executor = Box::leak(Box::new(Executor {
            ready: UnsafeCell::new(VecDeque::with_capacity(1024)),
            main_woken: Cell::new(true),
            timers: Timers::new(),
        }));
        Ok(executor.block_on(main(Self(executor))))
    }

    fn spawn<F>(self, future: F) -> Self::Join<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let task = Rc::new(Task {
            executor: self.0,
            queued: Cell::new(true),
            stage: UnsafeCell::new(Stage::Running(future)),
            waiter: Cell::new(None),
        });
        self.0.push(task.clone());
        JoinHandle(task)
    }

    fn detach<T: 'static>(self, join: Self::Join<T>) {
        drop(join);
    }

    fn yield_now(self) -> impl Future<Output = ()> {
        let mut yielded = false;
        poll_fn(move |context| {
            if yielded {
                return Poll::Ready(());
            }
            yielded = true;
            context.waker().wake_by_ref();
            Poll::Pending
        })
    }

    fn sleep(self, duration: Duration) -> impl Future {
        Sleep::new(&self.0.timers, duration)
    }

    fn timeout<F: Future>(self, limit: Duration, future: F) -> impl Future {
        async move {
            let mut future = pin!(future);
            let mut sleep = pin!(Sleep::new(&self.0.timers, limit));
            poll_fn(|context| match future.as_mut().poll(context) {
                Poll::Ready(output) => Poll::Ready(Some(output)),
                Poll::Pending => sleep.as_mut().poll(context).map(|()| None),
            })
            .await
        }
    }

    fn gather<F: Future + 'static>(self, futures: Vec<F>) -> impl Future<Output = Vec<F::Output>>
    where
        F::Output: 'static,
    {
        futures_util::future::join_all(futures)
    }

    async fn select<A, B>(self, first: A, second: B) -> u64
    where
        A: Future<Output = u64>,
        B: Future<Output = u64>,
    {
        let mut first = pin!(first.fuse());
        let mut second = pin!(second.fuse());
        futures_util::select! {
            value = first => value,
            value = second => value,
        }
    }
}
