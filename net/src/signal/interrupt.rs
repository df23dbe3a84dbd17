//! Ctrl-C as an orderly end: the program's main future is cancelled, cleanups run, the process
//! exits with 130.
//!
//! Why: Ctrl-C is the most usual end of a program, and the cleanups that `finally` promises must
//! run then too.

use std::cell::Cell;
use std::future::Future;
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::process;
use std::rc::Rc;

use myrt_runtime::io::Async;
use myrt_runtime::os::{self, SIGINT};
use myrt_runtime::runtime::Builder;
use myrt_runtime::task::{self, TaskRef};

use super::registry::StandInGuard;

/// 128 and the signal's number: what shells say of a program that was interrupted.
const EXIT_CODE: i32 = 128 + SIGINT;

/// Runs `future` to its end on a runtime of its own, then ends all of its tasks, async cleanups
/// included.
///
/// **Ctrl-C** (SIGINT) meanwhile cancels `future` at its await point; its cleanups run, and those
/// of all tasks, within the grace ([`Builder::grace`]); then the process exits with 130. A second
/// Ctrl-C exits with 130 at once, also where the loop is stuck. A future that is ready at that very
/// moment has won: its output is returned.
///
/// A program that handles the signal itself is left alone: while any [`ctrl_c`](super::ctrl_c) or
/// [`signal`](super::unix::signal) of it listens to SIGINT, that alone is told; so it is if the
/// signal was handled or ignored in the process before. Of several `run`s at once, on several
/// threads, the first is the one that is cancelled.
///
/// asyncio's `run`, with its handling of SIGINT since 3.11.
///
/// # Panics
/// Inside of a runtime on the same thread; when the runtime cannot be made; with what `future`
/// panicked with; when `future` is cancelled by something else.
///
/// ```no_run
/// # use myrt_net::signal::run;
/// # use myrt_runtime::runtime::Builder;
/// # use myrt_runtime::time::{sleep, Duration};
/// run(Builder::new(), async {
///     let work = sleep(Duration::from_secs(3600));
///     myrt_runtime::finally(work, async || println!("the table is cleared")).await;
/// });
/// ```
#[track_caller]
pub fn run<F: Future>(builder: Builder, future: F) -> F::Output {
    myrt_runtime::__myrt_boxed_if_large!(future => run_main(builder, future))
}

#[track_caller]
fn run_main<F: Future>(builder: Builder, future: F) -> F::Output {
    os::refuse_nesting("run");
    // Lives longer than the runtime: the second signal is heard while cleanups run, too.
    let watch = Watch::new();
    let runtime = match builder.build() {
        Ok(runtime) => runtime,
        Err(error) => panic!("the runtime could not be made: {error}"),
    };
    // A program does not fail because nobody could hear its Ctrl-C: that then does what it does by
    // default.
    let Ok(Some(watch)) = watch else {
        return runtime.block_on(future);
    };
    let pressed = Rc::new(Cell::new(false));
    let ended = runtime.try_block_on(async {
        watch.cancel_when_pressed(task::current(), &pressed);
        future.await
    });
    let error = match ended {
        Ok(output) => return output,
        Err(error) => error,
    };
    assert!(
        pressed.get(),
        "the future given to run was cancelled: {error}"
    );
    drop(runtime);
    process::exit(EXIT_CODE)
}

/// Hears the signal.
struct Watch {
    // First in order, so first to go: no handler writes once the reading end is gone.
    _guard: StandInGuard,
    reader: UnixStream,
}

impl Watch {
    fn new() -> io::Result<Option<Self>> {
        let (reader, writer) = UnixStream::pair()?;
        let guard = StandInGuard::new(SIGINT, writer, EXIT_CODE)?;
        Ok(guard.map(|_guard| Self { reader, _guard }))
    }

    /// Starts the task that waits for the signal. Where it cannot wait, the second Ctrl-C still
    /// ends the process.
    fn cancel_when_pressed(&self, main: TaskRef, pressed: &Rc<Cell<bool>>) {
        let Ok(reader) = self.reader.try_clone().and_then(Async::new) else {
            return;
        };
        let (pressed, fd) = (Rc::clone(pressed), reader.get_ref().as_raw_fd());
        let wait = async move {
            if let Ok(1..) = reader.read_with(|mut reader| reader.read(&mut [0])).await {
                pressed.set(true);
                main.cancel_with("Ctrl-C");
            }
        };
        os::spawn_in_background(fd, wait);
    }
}
