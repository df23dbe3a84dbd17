//! Every runtime of the process by its id: how a waker on another thread finds its way home.
//!
//! It exists because a waker holds no pointer. The lock is held for a look-up and never during the
//! push or the write that wakes the loop. Ids are reused oldest first, so that a stale key meets
//! its number again as late as possible. It must not know tasks beyond the one bit that keeps the
//! queue short.

use std::collections::{HashMap, VecDeque};
use std::fmt::{self, Write};
use std::sync::atomic::{AtomicIsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};

use super::current;
use super::remote_queue::RemoteQueue;
use super::slot::index_of;
use super::waker_table::Table;
use crate::core::Core;
use crate::sys::Notifier;
use crate::time::Instant;
use crate::time::clock::Clock;

/// What another thread may ask of a loop.
pub(crate) enum Message {
    /// Wake the task of this key.
    Wake(u64),
    /// Call this on the loop's thread, where the runtime is entered.
    Call(Box<dyn FnOnce() + Send>),
}

impl Message {
    /// A call that needs the runtime's tables.
    pub(crate) fn call(call: impl FnOnce(&Core) + Send + 'static) -> Self {
        Self::Call(Box::new(move || {
            current::with_core(|core| {
                call(core.expect("messages are handled inside of the runtime"));
            });
        }))
    }
}

/// A runtime, as other threads see it.
pub(crate) struct Home {
    pub(crate) id: u16,
    /// Never reused in this process.
    pub(crate) serial: u64,
    pub(crate) queue: RemoteQueue<Message>,
    pub(crate) notifier: Notifier,
    pub(crate) table: Arc<Table>,
    /// The loop's thread, as the system numbers it; 0 where it does not.
    pub(crate) thread: u32,
    /// The same thread, for messages.
    pub(crate) owner: Thread,
    /// The same thread, by [`current::thread_number`].
    pub(crate) number: u64,
    /// The runtime's clock when it began.
    pub(crate) started: Instant,
    pub(crate) clock: Arc<Clock>,
    /// In debug mode: clones of wakers that are alive.
    pub(crate) wakers: AtomicIsize,
    /// Where misuse is looked for: the same by key.
    pub(crate) wakers_of: Option<Mutex<HashMap<u64, isize>>>,
    /// Called when the runtime ends.
    pub(crate) at_end: Mutex<Vec<Box<dyn FnOnce() + Send>>>,
}

impl Home {
    /// Puts a message on the loop's queue and wakes the loop if it sleeps. Gives the message back
    /// when the runtime has ended.
    pub(crate) fn send(&self, message: Message) -> Result<(), Message> {
        if self.queue.push(message)? {
            self.notifier.notify();
        }
        Ok(())
    }

    /// Has `call` called when the runtime ends, on its thread.
    pub(crate) fn at_end(&self, call: Box<dyn FnOnce() + Send>) {
        self.at_end
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(call);
    }

    /// Calls what was to be called at the end.
    pub(crate) fn end(&self) {
        let calls =
            std::mem::take(&mut *self.at_end.lock().unwrap_or_else(PoisonError::into_inner));
        calls.into_iter().for_each(|call| call());
    }

    /// Whether a clone of the waker of this key is alive, where that is known.
    pub(crate) fn has_waker(&self, key: u64) -> bool {
        let Some(wakers_of) = &self.wakers_of else {
            return true;
        };
        let wakers_of = wakers_of.lock().unwrap_or_else(PoisonError::into_inner);
        wakers_of.contains_key(&key)
    }

    fn count_waker(&self, key: u64, by: isize) {
        self.wakers.fetch_add(by, Ordering::AcqRel);
        let Some(wakers_of) = &self.wakers_of else {
            return;
        };
        let mut wakers_of = wakers_of.lock().unwrap_or_else(PoisonError::into_inner);
        let count = wakers_of.entry(key).or_default();
        *count += by;
        if *count == 0 {
            wakers_of.remove(&key);
        }
    }

    fn wake(&self, key: u64) {
        let Some(slot) = self.table.look(index_of(key)) else {
            return;
        };
        if slot.key() != key {
            return; // a stale key
        }
        if !slot.remote.set() {
            // Refused means that the runtime has ended, and its tasks with it.
            let _ = self.send(Message::Wake(key));
        }
    }
}

struct Registry {
    homes: Vec<Option<Arc<Home>>>,
    free: VecDeque<u16>,
    next_serial: u64,
}

static REGISTRY: Mutex<Registry> = Mutex::new(Registry {
    homes: Vec::new(),
    free: VecDeque::new(),
    next_serial: 1,
});

fn lock() -> MutexGuard<'static, Registry> {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A fresh id and serial, or none when 65,535 runtimes are alive.
pub(crate) fn reserve() -> Option<(u16, u64)> {
    let mut registry = lock();
    if registry.homes.is_empty() {
        registry.homes.push(None); // id 0 means none
    }
    let fresh = registry.homes.len();
    // Fresh ids first, then the one that has been free for longest.
    let id = match u16::try_from(fresh) {
        Ok(id) => {
            registry.homes.push(None);
            id
        }
        Err(_) => registry.free.pop_front()?,
    };
    let serial = registry.next_serial;
    registry.next_serial += 1;
    Some((id, serial))
}

/// Makes a runtime known under its id.
pub(crate) fn publish(home: &Arc<Home>) {
    lock().homes[usize::from(home.id)] = Some(Arc::clone(home));
}

/// The threads of all runtimes.
pub(crate) fn owners() -> Vec<Thread> {
    let registry = lock();
    let homes = registry.homes.iter().flatten();
    homes.map(|home| home.owner.clone()).collect()
}

/// Forgets a runtime.
pub(crate) fn retire(id: u16) {
    let home = {
        let mut registry = lock();
        registry.free.push_back(id);
        registry.homes[usize::from(id)].take()
    };
    drop(home);
}

/// Gives back an id that was never published.
pub(crate) fn unreserve(id: u16) {
    lock().free.push_back(id);
}

/// Wakes a task of another thread's runtime, or of one that this thread is not inside of. Gone:
/// nothing.
#[cold]
pub(crate) fn wake(key: u64) {
    let home = lock().homes.get((key >> 48) as usize).cloned().flatten();
    if let Some(home) = home {
        home.wake(key);
    }
}

/// Counts a waker of a key's runtime that somebody outside of its tables keeps, or no longer keeps.
pub(crate) fn count_wakers(key: u64, by: isize) {
    if let Some(home) = lock()
        .homes
        .get((key >> 48) as usize)
        .and_then(Option::as_ref)
    {
        home.count_waker(key, by);
    }
}

/// The runtime of a serial, for handles that were carried to another thread.
pub(crate) fn by_serial(serial: u64) -> Option<Arc<Home>> {
    lock()
        .homes
        .iter()
        .flatten()
        .find(|home| home.serial == serial)
        .cloned()
}

/// A runtime of a thread, by [`current::thread_number`].
pub(crate) fn on_thread(number: u64) -> Option<Arc<Home>> {
    lock()
        .homes
        .iter()
        .flatten()
        .find(|home| home.number == number)
        .cloned()
}

/// Calls `call` on the thread of a runtime, soon. Nothing happens if the runtime has ended.
#[cold]
pub(crate) fn call_in(runtime: u64, call: impl FnOnce(&Core) + Send + 'static) {
    if let Some(home) = by_serial(runtime) {
        let _ = home.send(Message::call(call));
    }
}

/// A value on its way to the thread of its runtime, although it may not be `Send`.
struct Carried<T>(T);

// SAFETY: `carry_home` alone makes one, around what was a field of a value that is dropped: the
// descriptor of an `Async`, the future of a `Shield`, the cleanup of a `Ward`. It is used or
// dropped on another thread than the one that made it only if that value was carried here from its
// own thread, which the compiler allows only when `T: Send` (none has an `unsafe impl`).
unsafe impl<T> Send for Carried<T> {}

/// Calls `call` with `value` on the thread of a runtime. If the runtime has ended, `value` is
/// dropped here.
///
/// Only for drops, of the three types in the safety comment above.
#[cold]
pub(crate) fn carry_home<T: 'static>(
    runtime: u64,
    value: T,
    call: impl FnOnce(&Core, T) + Send + 'static,
) {
    let carried = Carried(value);
    call_in(runtime, move |core| {
        let carried = carried; // the whole value is captured, not its field, which is not Send
        call(core, carried.0);
    });
}

/// Panics at the caller's line: `what` ("a sleep was polled") happened outside of a runtime, or in
/// another one than its own, whose serial is `home`; 0, or one that no runtime has, if it belongs
/// to none yet.
#[cold]
#[track_caller]
pub(crate) fn refuse(what: impl fmt::Display, home: u64) -> ! {
    panic!("{what} {}", explain(home))
}

fn explain(home: u64) -> String {
    let inside = current::with_core(|core| core.is_some());
    let here = thread::current();
    let own = by_serial(home).map(|home| home.owner.clone());
    match own {
        Some(own) if own.id() != here.id() => format!(
            "on thread {}, and it belongs to the runtime of thread {}. What belongs to a runtime of myrt stays on its thread: did \
             tokio::spawn, or another executor with several threads, take it here? Await it in a task of its runtime, or \
             use Remote::spawn, whose handle may be awaited anywhere",
            name_of(&here),
            name_of(&own)
        ),
        Some(_) if inside => "in another runtime while its own lives: await it in its own, or make a new one \
                              here (a descriptor can be taken out with into_inner)"
            .into(),
        Some(_) => "outside of its runtime, which is one of this thread: await it inside of block_on or turn"
            .into(),
        None if inside => "in another runtime than before: make a new one there".into(),
        None => nowhere(&here),
    }
}

/// There is no runtime on this thread, and it belongs to none.
fn nowhere(here: &Thread) -> String {
    let mut text = "outside of a myrt runtime: use #[myrt::main] or myrt::run".to_owned();
    let others = owners();
    let mut others = others.iter().filter(|owner| owner.id() != here.id());
    if let Some(other) = others.next() {
        let _ = write!(
            text,
            ". This is thread {}; there is a runtime on thread {}: did tokio::spawn, or another executor with several threads, \
             take it here? Then use Remote::spawn",
            name_of(here),
            name_of(other)
        );
    }
    text
}

/// `"main" (ThreadId(1))`.
pub(crate) fn name_of(thread: &Thread) -> String {
    match thread.name() {
        Some(name) => format!("{name:?} ({:?})", thread.id()),
        None => format!("{:?}", thread.id()),
    }
}
