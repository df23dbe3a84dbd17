//! The waker: a number.
//!
//! It exists so that cloning, keeping and dropping a waker cost nothing: the data word of the
//! `RawWaker` *is* the key (runtime id 16 bits, generation 20, index 28), so clone copies it and
//! drop does nothing. Waking compares the key with what runs, then with the thread's runtime, and
//! only then asks the registry for another thread's. It must not know futures or the reactor.
//!
//! # Safety
//!
//! The vtable's functions never dereference the data word, so a waker may be used on any thread, at
//! any time, after the task and after the runtime: `Waker: Send + Sync` is honest although no task
//! ever is. There is one `static` vtable, so that its address tells our wakers from others and
//! `will_wake` is right.

use std::ptr;
use std::task::{RawWaker, RawWakerVTable, Waker};

use super::current;
use super::probe::{self, LeafNote};
use super::registry;

static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake, |_| ());

/// The runtime's own code copies the key instead: a waker that is cloned is one that other code
/// keeps.
fn clone(data: *const ()) -> RawWaker {
    current::with(current::Hot::waker_cloned);
    RawWaker::new(data, &VTABLE)
}

fn wake(data: *const ()) {
    wake_key(data.addr() as u64);
}

/// The same key with clones that are counted, for runtimes in debug mode and those that look for
/// misuse: so that a deadlock is told for certain, and that a future which wakes its own task is
/// noticed.
static COUNTED: RawWakerVTable = RawWakerVTable::new(
    |data| {
        count(data, 1);
        RawWaker::new(data, &COUNTED)
    },
    |data| {
        call(data);
        count(data, -1);
    },
    call,
    |data| count(data, -1),
);

#[cold]
fn call(data: *const ()) {
    probe::leaf(LeafNote::WakerCalled(data.addr() as u64));
    wake(data);
}

#[cold]
fn count(data: *const (), by: isize) {
    registry::count_wakers(data.addr() as u64, by);
}

/// The vtable of a runtime whose wakers are counted, or not.
pub(crate) fn vtable(counted: bool) -> &'static RawWakerVTable {
    if counted { &COUNTED } else { &VTABLE }
}

/// The waker of a key, for a runtime whose wakers have this vtable (see [`vtable`]).
#[inline]
pub(crate) fn waker_of(key: u64, vtable: &'static RawWakerVTable) -> Waker {
    let data = ptr::without_provenance(key as usize);
    // SAFETY: both vtables' functions keep the contract of `RawWakerVTable` for every data word:
    // they are thread-safe and never dereference it.
    unsafe { Waker::new(data, vtable) }
}

/// The key of a waker, when it is one of ours.
#[inline]
pub(crate) fn key_of(waker: &Waker) -> Option<u64> {
    let ours = ptr::eq(waker.vtable(), &raw const VTABLE) || is_counted(waker);
    ours.then(|| waker.data().addr() as u64)
}

#[cold]
fn is_counted(waker: &Waker) -> bool {
    let counted = ptr::eq(waker.vtable(), &raw const COUNTED);
    if counted {
        probe::leaf(LeafNote::WakerKept(waker.data().addr() as u64));
    }
    counted
}

/// Wakes the running task because it gives way, which is no misuse however often it does.
#[inline(never)]
pub(crate) fn give_way(waker: &Waker) {
    let vtable = waker.vtable();
    if ptr::eq(vtable, &raw const VTABLE) || ptr::eq(vtable, &raw const COUNTED) {
        wake_key(waker.data().addr() as u64);
    } else {
        if current::looks() {
            probe::leaf(LeafNote::GaveWay);
        }
        waker.wake_by_ref();
    }
}

/// The same for a yield, of which one wants many: the running task's own waker, uncounted, is seen
/// to at once.
#[inline]
pub(crate) fn yield_by(waker: &Waker) {
    let key = waker.data().addr() as u64;
    let plain = ptr::eq(waker.vtable(), &raw const VTABLE);
    current::with(|hot| {
        if plain && hot.running() == key {
            hot.note(current::WOKEN);
        } else {
            give_way(waker);
        }
    });
}

/// Wakes the task of a key, from wherever we are. A stale key is a no-op.
#[inline]
pub(crate) fn wake_key(key: u64) {
    current::with(|hot| {
        if hot.running() == key {
            hot.note(current::WOKEN);
        } else {
            wake_other(hot, key);
        }
    });
}

#[inline]
fn wake_other(hot: &current::Hot, key: u64) {
    match current::core(hot) {
        Some(core) => {
            if !core.tasks.wake(key) && !core.tasks.owns(key) {
                registry::wake(key);
            }
        }
        None => registry::wake(key),
    }
}
