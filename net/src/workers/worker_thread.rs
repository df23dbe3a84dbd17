//! The life of one worker's thread: a runtime, the work, and again if that dies.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use myrt_runtime::os;
use myrt_runtime::os::complain;
use myrt_runtime::runtime::Runtime;
use myrt_runtime::time::{Instant, sleep};

use super::control::Until;
use super::{Builder, Worker};

/// A worker that lived for less than this is not started again at once.
const SHORT: Duration = Duration::from_secs(1);
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// See the module's head.
pub(super) struct WorkerThread<'a> {
    worker: Worker,
    builder: &'a Builder<'a>,
    pause: Duration,
}

/// Tells of the end however it comes.
struct Ended<'a> {
    worker: &'a Worker,
    started: bool,
}

impl<'a> WorkerThread<'a> {
    pub(super) fn new(worker: Worker, builder: &'a Builder<'a>) -> Self {
        Self {
            worker,
            builder,
            pause: FIRST_PAUSE,
        }
    }

    /// Runs the work until it has returned, or all are to stop.
    pub(super) fn live<F, T>(mut self, work: &F) -> io::Result<Option<T>>
    where
        F: AsyncFn(Worker) -> T,
    {
        if self.builder.pin {
            pin(self.worker.id());
        }
        let worker = self.worker.clone();
        let mut ended = Ended {
            worker: &worker,
            started: false,
        };
        loop {
            let runtime = match (self.builder.runtime)().build() {
                Ok(runtime) => runtime,
                Err(error) => {
                    worker.control().stop();
                    return Err(error);
                }
            };
            if ended.started {
                worker
                    .control()
                    .set_remote(worker.id(), Some(runtime.remote()));
            } else {
                worker.control().start(worker.id(), runtime.remote());
                ended.started = true;
            }
            let began = Instant::now();
            let result = catch_unwind(AssertUnwindSafe(|| self.serve(&runtime, work)));
            worker.control().set_remote(worker.id(), None);
            // Cancels what it had spawned; a destructor may panic, too.
            let cleared = catch_unwind(AssertUnwindSafe(|| drop(runtime)));
            match (result, cleared) {
                (Ok(output), Ok(())) => return Ok(output),
                (Ok(output), Err(panic)) => {
                    complain(format_args!(
                        "myrt: worker {} ended with a panic: {}",
                        worker.id(),
                        message(panic.as_ref())
                    ));
                    return Ok(output);
                }
                (Err(panic), _) => {
                    if !self.go_on(began.elapsed(), panic.as_ref()) {
                        return Ok(None);
                    }
                }
            }
        }
    }

    fn serve<F, T>(&self, runtime: &Runtime, work: &F) -> Option<T>
    where
        F: AsyncFn(Worker) -> T,
    {
        let (worker, grace) = (&self.worker, self.builder.grace);
        let cut = async {
            worker.control().wait(Until::Stopping).await;
            sleep(grace).await;
            None
        };
        // In a box: a thread's stack has no room for copies of a large one.
        let work = Box::pin(async { Some(work(worker.clone()).await) });
        runtime.block_on(futures_lite::future::or(work, cut))
    }

    /// After a panic: whether it is to be started again, after a pause if it died young.
    fn go_on(&mut self, lived: Duration, panic: &(dyn Any + Send)) -> bool {
        if self.worker.control().is_stopping() {
            return false;
        }
        (self.builder.on_panic)(self.worker.id(), message(panic));
        self.worker.count_restart();
        if lived >= SHORT {
            self.pause = FIRST_PAUSE;
            return true;
        }
        let pause = self.pause;
        self.pause = (2 * pause).min(LONGEST_PAUSE);
        self.worker.control().pause(pause)
    }
}

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.worker.control().end(self.worker.id(), self.started);
    }
}

/// Binds this thread to the core of a worker, if the system lets it.
fn pin(id: usize) {
    let allowed = os::allowed().unwrap_or_default();
    if !allowed.is_empty() {
        // Refused (the set has shrunk meanwhile): it runs unbound, which costs speed at most.
        let _ = os::pin(allowed[id % allowed.len()]);
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(a value that is not a text)")
}
