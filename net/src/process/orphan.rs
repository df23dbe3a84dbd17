//! Children whose `Child` was dropped before its end was seen: somebody has to ask for each, or it
//! stays as a zombie.
//!
//! Inside of a runtime a task of its own waits for it, visible like any other. What ends without
//! that (outside of a runtime, or because the runtime ended) is put on the program's list, which is
//! looked through whenever a child is started or dropped. It knows nothing of pipes.

use std::io;
use std::process;
use std::sync::{Mutex, PoisonError};

use myrt_runtime::io::Async;
use myrt_runtime::os::{self, PerProcess};
use myrt_runtime::task::{self, ExternalWork};

use super::wait::{WaitState, Watch};

/// The child of a fork has none of its parent's children.
static LIST: PerProcess<Mutex<Vec<process::Child>>> = PerProcess::new();

/// Passes the duty to wait for `child` on.
pub(super) fn leave(mut child: process::Child) {
    sweep();
    if !matches!(child.try_wait(), Ok(None)) {
        return;
    }
    // Watched again: its old watch may belong to another runtime.
    let duty = Duty {
        child: Some(child),
        watch: Watch::default(),
    };
    if task::runtime_serial().is_some() {
        let named = task::Builder::new().name("myrt: a dropped child");
        drop(named.spawn(duty.done()));
    }
}

/// A child to wait for; on the list if that is cut short.
struct Duty {
    child: Option<process::Child>,
    watch: Watch,
}

impl Duty {
    #[track_caller]
    fn done(mut self) -> impl Future<Output = ()> {
        let at = std::panic::Location::caller();
        let mut state = WaitState::default();
        std::future::poll_fn(move |cx| {
            let Some(child) = &mut self.child else {
                return std::task::Poll::Ready(());
            };
            let ended = self.watch.poll(child, cx, &mut state, at);
            if matches!(ended, std::task::Poll::Ready(Ok(_))) {
                self.child = None;
            }
            ended.map(drop)
        })
    }
}

impl Drop for Duty {
    fn drop(&mut self) {
        if let Some(child) = self.child.take() {
            list().push(child);
        }
    }
}

/// Asks for everyone on the list.
pub(super) fn sweep() {
    list().retain_mut(|child| matches!(child.try_wait(), Ok(None)));
}

fn list() -> std::sync::MutexGuard<'static, Vec<process::Child>> {
    LIST.get().lock().unwrap_or_else(PoisonError::into_inner)
}

/// Under a virtual clock, time would stand until somebody asks for a child that has long ended: a
/// task of its own watches it, and takes the count with it. Where processes have no descriptors,
/// the count stays with the `Child`.
pub(super) fn let_time_go_on(outside: &mut Option<ExternalWork>, pid: u32) {
    let Ok(pidfd) = os::pidfd_open(pid) else {
        return;
    };
    let outside = outside.take();
    let named = task::Builder::new().name("myrt: time waits for a child");
    drop(named.spawn(async move {
        let ended: io::Result<()> = Async::new_nonblocking(pidfd).readable().await;
        drop((ended, outside));
    }));
}
