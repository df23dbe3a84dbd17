//! An event loop in a page: a ready queue, a map of who waits, a selector, a step. Without myrt,
//! and without unsafe.
//!
//! The course's pseudo-code as a program that runs: the names are its names. What myrt adds to it
//! is what the other chapters are about: sockets that are registered once, a timer wheel,
//! cancellation, and not to look at every task.
//!
//! Course: 8.7, "Qu'est-ce qu'un event loop" (C5), running the two tasks of "Exemple concret" (C6).
//!
//! ```text
//! cargo run --release -p course --bin mini_loop
//! ```

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// The tasks that can go on, by number. Wakers may go to other threads, so this is behind a lock.
type ReadyQueue = Arc<Mutex<VecDeque<usize>>>;

/// Puts its task into the ready queue: that is all that waking is.
struct TaskWaker {
    task: usize,
    ready_queue: ReadyQueue,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.ready_queue
            .lock()
            .expect("nobody panics with it")
            .push_back(self.task);
    }
}

/// Who waits for what.
#[derive(Default)]
struct Waiting {
    timers: Vec<(Instant, Waker)>,
    readers: Vec<(Rc<UnixStream>, Waker)>,
}

#[derive(Default)]
struct EventLoop {
    tasks: RefCell<Vec<Option<Task>>>,
    ready_queue: ReadyQueue,
    waiting: RefCell<Waiting>,
}

impl EventLoop {
    fn create_task(&self, task: impl Future<Output = ()> + 'static) {
        let mut tasks = self.tasks.borrow_mut();
        tasks.push(Some(Box::pin(task)));
        self.ready_queue
            .lock()
            .expect("nobody panics with it")
            .push_back(tasks.len() - 1);
    }

    fn run_until_complete(&self) -> io::Result<()> {
        while self.tasks.borrow().iter().any(Option::is_some) {
            while let Some(task) = self.next_ready() {
                self.step(task);
            }
            if self.tasks.borrow().iter().any(Option::is_some) {
                self.select()?;
            }
        }
        Ok(())
    }

    fn next_ready(&self) -> Option<usize> {
        self.ready_queue
            .lock()
            .expect("nobody panics with it")
            .pop_front()
    }

    /// Runs one task to its next await.
    fn step(&self, number: usize) {
        // It is taken out, so that it may create tasks itself.
        let Some(mut task) = self.tasks.borrow_mut()[number].take() else {
            return; // woken after its end
        };
        let waker = Waker::from(Arc::new(TaskWaker {
            task: number,
            ready_queue: Arc::clone(&self.ready_queue),
        }));
        if task
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
        {
            self.tasks.borrow_mut()[number] = Some(task);
        }
    }

    /// Sleeps until a descriptor is readable or the next timer is due, and wakes who waited for it.
    fn select(&self) -> io::Result<()> {
        let mut waiting = self.waiting.borrow_mut();
        let next = waiting.timers.iter().map(|(at, _)| *at).min();
        let timeout = next.map(|at| at.saturating_duration_since(now()));
        let timeout = timeout.and_then(|left| Timespec::try_from(left).ok());
        let events: Vec<bool> = {
            let mut fds: Vec<_> = waiting
                .readers
                .iter()
                .map(|(fd, _)| PollFd::new(&**fd, PollFlags::IN))
                .collect();
            poll(&mut fds, timeout.as_ref())?;
            fds.iter().map(|fd| !fd.revents().is_empty()).collect()
        };
        let mut event = events.iter();
        waiting.readers.retain(|(_, waker)| {
            let ready = event.next() == Some(&true);
            if ready {
                waker.wake_by_ref();
            }
            !ready
        });
        let now = now();
        waiting.timers.retain(|(at, waker)| {
            let due = *at <= now;
            if due {
                waker.wake_by_ref();
            }
            !due
        });
        Ok(())
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> {
        let deadline = now() + duration;
        poll_fn(move |cx| {
            if now() >= deadline {
                return Poll::Ready(());
            }
            self.waiting
                .borrow_mut()
                .timers
                .push((deadline, cx.waker().clone()));
            Poll::Pending
        })
    }

    /// Waits until the descriptor is readable.
    fn readable(&self, fd: Rc<UnixStream>) -> impl Future<Output = ()> {
        let mut asked = false;
        poll_fn(move |cx| {
            if std::mem::replace(&mut asked, true) {
                return Poll::Ready(());
            }
            self.waiting
                .borrow_mut()
                .readers
                .push((Rc::clone(&fd), cx.waker().clone()));
            Poll::Pending
        })
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "there is no runtime here whose clock one could ask"
)]
fn now() -> Instant {
    Instant::now()
}

fn main() -> io::Result<()> {
    // Lives as long as the program, so that tasks may refer to it.
    let event_loop: &'static EventLoop = Box::leak(Box::default());
    let start = now();
    let tell = move |what: &str| println!("{:>4} ms  {what}", start.elapsed().as_millis());
    let (reader, mut writer) = UnixStream::pair()?;
    event_loop.create_task(async move {
        tell("task 1: start");
        event_loop.sleep(Duration::from_millis(100)).await;
        tell("task 1: goes on");
        event_loop.sleep(Duration::from_millis(100)).await;
        tell("task 1: end");
    });
    event_loop.create_task(async move {
        tell("task 2: start");
        event_loop.sleep(Duration::from_millis(150)).await;
        tell("task 2: end");
        writer.write_all(b"!").expect("task 3 reads it");
    });
    event_loop.create_task(async move {
        let reader = Rc::new(reader);
        event_loop.readable(Rc::clone(&reader)).await;
        (&*reader).read_exact(&mut [0]).expect("it is readable");
        tell("task 3: has heard from task 2");
    });
    event_loop.run_until_complete()
}
