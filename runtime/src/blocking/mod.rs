//! The blocking pool: threads for what cannot be awaited.
//!
//! Why: file access, name resolution and other calls block. One pool serves the process; it grows
//! with the jobs that wait, shrinks when idle, and never keeps the process from exiting. Besides it
//! only the monitor, the workers and a recorded console start threads.

pub(crate) mod limiter;

use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use crate::core::Core;
use crate::executor::current;
use crate::executor::error::{drop_caught, drop_payload};
use crate::executor::join::JoinHandle;
use crate::executor::registry::{self, Home, Message};
use crate::executor::spawn::spawn_in;
use crate::executor::wait::{Wait, note_wait};
use crate::sys::per_process::PerProcess;
use crate::sys::stderr::complain;

/// The most threads at once; further jobs wait.
const MOST_THREADS: usize = 512;
/// How long a thread waits for another job before it ends.
const IDLE: Duration = Duration::from_secs(10);

type Job = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Pool {
    state: Mutex<State>,
    work: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
}

/// The child of a fork has none of its parent's threads, and a pool of its own.
static POOL: PerProcess<Pool> = PerProcess::new();

impl Pool {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a job and sees to it that a thread will take it.
    fn submit(&'static self, job: Job) {
        let mut state = self.lock();
        state.jobs.push_back(job);
        if state.idle >= state.jobs.len() {
            self.work.notify_one();
            return;
        }
        if state.threads >= MOST_THREADS {
            return; // a busy thread will take it
        }
        state.threads += 1;
        drop(state);
        if let Err(error) = thread::Builder::new()
            .name("myrt-blocking".into())
            .spawn(|| self.serve())
        {
            let mut state = self.lock();
            state.threads -= 1;
            // With other threads there the job waits for one of them; with none nobody would ever
            // run it.
            let stranded = if state.threads == 0 {
                state.jobs.pop_back()
            } else {
                None
            };
            drop(state);
            if let Some(job) = stranded {
                complain(format_args!(
                    "myrt: no thread for a blocking job ({error}); it runs on the loop's thread"
                ));
                job();
            }
        }
    }

    /// What a thread does: jobs, until none comes for a while.
    fn serve(&self) {
        // A pinned worker's threads would crowd on its core.
        crate::sys::affinity::unpin();
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                drop(state);
                // It has reported what it could; a destructor of its closure may panic still. The
                // thread goes on.
                if let Err(panic) = catch_unwind(AssertUnwindSafe(job)) {
                    drop_payload(panic);
                }
                state = self.lock();
                continue;
            }
            state.idle += 1;
            let (woken, timeout) = self
                .work
                .wait_timeout(state, IDLE)
                .unwrap_or_else(PoisonError::into_inner);
            state = woken;
            state.idle -= 1;
            if timeout.timed_out() && state.jobs.is_empty() {
                state.threads -= 1;
                return;
            }
        }
    }
}

/// What the blocking pool holds now. One pool serves the whole process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PoolStatistics {
    /// Threads that there are, at most 512.
    pub threads: usize,
    /// Those of them that wait for a job; after ten seconds they end.
    pub idle_threads: usize,
    /// Jobs that no thread has taken yet.
    pub queued_jobs: usize,
}

/// Threads and waiting jobs of this process's blocking pool, on which [`spawn_blocking`], files and
/// name look-ups run.
///
/// tokio's `num_blocking_threads`, `num_idle_blocking_threads` and `blocking_queue_depth`; trio's
/// `current_default_thread_limiter().statistics()`.
///
/// ```
/// myrt::run(async {
///     myrt::spawn_blocking(|| ()).await.unwrap();
///     assert!(myrt::task::blocking_pool().threads >= 1);
/// });
/// ```
#[must_use]
pub fn blocking_pool() -> PoolStatistics {
    let state = POOL.get().lock();
    PoolStatistics {
        threads: state.threads,
        idle_threads: state.idle,
        queued_jobs: state.jobs.len(),
    }
}

/// Runs `work` on a thread of the blocking pool; the handle gives its result.
///
/// Cancelling the task (or dropping the runtime) does not stop work that has begun, which nothing
/// can; its result is dropped. Work that has not begun is not started any more. A panic in `work`
/// reaches the task that joins. Under a paused clock, time stands still while it runs.
///
/// asyncio's `to_thread`, tokio's `spawn_blocking`.
///
/// # Panics
/// Outside of a runtime.
///
/// ```
/// myrt::run(async {
///     let n = myrt::spawn_blocking(|| (1..=10).sum::<u32>()).await.unwrap();
///     assert_eq!(n, 55);
/// });
/// ```
#[doc(alias = "to_thread")]
#[doc(alias = "run_in_executor")]
#[track_caller]
pub fn spawn_blocking<T, W>(work: W) -> JoinHandle<T>
where
    T: Send + 'static,
    W: FnOnce() -> T + Send + 'static,
{
    let at = Location::caller();
    let handle = current::with_core(|core| {
        let core = core?;
        let shared = Arc::new(Shared {
            state: Mutex::new(Progress::Waiting(None)),
        });
        let job = job(Arc::clone(&shared), work, ExternalWork::begin(core));
        submit(core, job, at);
        let handle = spawn_in(core, Result { shared, at }, at);
        if core.probe.looks {
            // The job runs, whether or not its task is polled to hear of the end: that counts as a
            // poll.
            if let Some(slot) = core.tasks.find(handle.id().identity()) {
                slot.set_wait(Wait::Blocking.pack(), at);
                slot.polled(current::ONE_NOTE);
            }
        }
        Some(handle)
    });
    match handle {
        Some(handle) => handle,
        None => registry::refuse("spawn_blocking was called", 0),
    }
}

/// Gives a job to the pool. In a simulated world, which has one thread, a task runs it.
#[cfg_attr(not(feature = "sim"), allow(unused_variables, reason = "for the task"))]
fn submit(core: &Core, job: Job, at: &'static Location<'static>) {
    #[cfg(feature = "sim")]
    if crate::sys::simulated::is_entered() {
        drop(spawn_in(core, async move { job() }, at));
        return;
    }
    POOL.get().submit(job);
}

fn job<T: Send + 'static>(
    shared: Arc<Shared<T>>,
    work: impl FnOnce() -> T + Send + 'static,
    counted: ExternalWork,
) -> Job {
    Box::new(move || {
        // Dropped last: its message follows the wake, so virtual time does not run on between the
        // job's end and the task's poll.
        let counted = counted;
        let ended = catch_unwind(AssertUnwindSafe(|| {
            if shared.is_given_up() {
                return drop(work);
            }
            shared.settle(catch_unwind(AssertUnwindSafe(work)));
        }));
        // Of a destructor: of the closure that was given up, or of the result that nobody waits
        // for.
        if let Err(panic) = ended {
            counted.report(panic);
        }
    })
}

/// Counts as work of a runtime outside of its thread until it is dropped, on any thread: a job, a
/// name, a file, a child. While there is any, virtual time stands still, and a loop that waits for
/// it is not in a deadlock.
#[doc(hidden)]
pub struct ExternalWork {
    home: Arc<Home>,
    is_virtual: bool,
}

impl ExternalWork {
    fn begin(core: &Core) -> Self {
        core.outside.set(core.outside.get() + 1);
        Self {
            home: Arc::clone(&core.home),
            is_virtual: core.timers.clock.is_paused(),
        }
    }

    /// As part of the runtime that this thread is inside of, if any.
    #[must_use]
    pub fn begin_here() -> Option<Self> {
        current::with_core(|core| core.map(Self::begin))
    }

    /// Whether the clock was a virtual one when this began.
    #[must_use]
    pub fn is_virtual(&self) -> bool {
        self.is_virtual
    }

    /// Has the loop report a panic that reached no task.
    fn report(&self, panic: Box<dyn Any + Send>) {
        let call = |core: &Core| core.unhandled("a blocking job", 0, panic);
        if let Err(message) = self.home.send(Message::call(call)) {
            drop_caught("a blocking job", message); // the runtime has ended
        }
    }
}

impl Drop for ExternalWork {
    fn drop(&mut self) {
        let one_less = |core: &Core| core.outside.set(core.outside.get() - 1);
        let here = current::with_core(|core| {
            let core = core.filter(|core| core.serial == self.home.serial);
            core.map(one_less).is_some()
        });
        if !here {
            // The loop may sleep without a deadline because of this count. Refused: the runtime has
            // ended.
            let _ = self.home.send(Message::call(one_less));
        }
    }
}

impl fmt::Debug for ExternalWork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExternalWork")
            .field("runtime", &self.home.serial)
            .finish_non_exhaustive()
    }
}

/// What both sides see of a job.
struct Shared<T> {
    state: Mutex<Progress<T>>,
}

enum Progress<T> {
    Waiting(Option<Waker>),
    Ended(thread::Result<T>),
    /// Nobody waits for the result any more.
    GivenUp,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, Progress<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_given_up(&self) -> bool {
        matches!(*self.lock(), Progress::GivenUp)
    }

    fn settle(&self, result: thread::Result<T>) {
        let mut state = self.lock();
        let before = match &*state {
            Progress::GivenUp => return drop_outside_of_lock(state, result),
            _ => std::mem::replace(&mut *state, Progress::Ended(result)),
        };
        drop(state);
        if let Progress::Waiting(Some(waker)) = before {
            waker.wake();
        }
    }
}

fn drop_outside_of_lock<T, X: ?Sized>(state: MutexGuard<'_, X>, result: thread::Result<T>) {
    drop(state);
    drop(result);
}

/// The task's side of a job.
struct Result<T> {
    shared: Arc<Shared<T>>,
    at: &'static Location<'static>,
}

impl<T> Future for Result<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let waker = cx.waker().clone();
        let mut state = self.shared.lock();
        if let Progress::Ended(_) = &*state {
            let ended = std::mem::replace(&mut *state, Progress::GivenUp);
            drop(state);
            return match ended {
                Progress::Ended(Ok(value)) => Poll::Ready(value),
                Progress::Ended(Err(panic)) => go_on_with(panic),
                _ => unreachable!("it was Ended a line ago, under the same lock"),
            };
        }
        let old = std::mem::replace(&mut *state, Progress::Waiting(Some(waker)));
        drop(state);
        drop(old);
        note_wait(Wait::Blocking, self.at);
        Poll::Pending
    }
}

/// The job's panic becomes the task's.
fn go_on_with(panic: Box<dyn Any + Send>) -> ! {
    resume_unwind(panic)
}

impl<T> Drop for Result<T> {
    fn drop(&mut self) {
        let before = std::mem::replace(&mut *self.shared.lock(), Progress::GivenUp);
        drop(before);
    }
}
