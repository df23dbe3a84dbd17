//! The waker: a number.
//!
//! It exists so that cloning, keeping and dropping a waker cost nothing: the data word of the `RawWaker` *is* the
//! key (runtime id 16 bits, generation 20, index 28), so clone copies it and drop does nothing. Waking compares
//! the key with what runs, then with the thread's runtime, and only then asks the registry for another
//! thread's. It must not know futures or the reactor.
//!
//! # Safety
//!
//! The vtable's functions never dereference the data word, so a waker may be used on any thread, at any time, after
//! the task and after the runtime: `Waker: Send + Sync` is honest although no task ever is. There is one
//! `static` vtable, so that its address tells our wakers from others and `will_wake` is right.

use std::ptr;
use std::task::{RawWaker, RawWakerVTable, Waker};

use super::hot;
use super::registry;

static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake, |_| ());

fn clone(data: *const ()) -> RawWaker {
    RawWaker::new(data, &VTABLE)
}

fn wake(data: *const ()) {
    wake_key(data.addr() as u64);
}

/// The waker of a key.
#[inline]
pub(crate) fn waker_of(key: u64) -> Waker {
    let data = ptr::without_provenance(key as usize);
    // SAFETY: the vtable's functions keep the contract of `RawWakerVTable` for every data word: they are
    // thread-safe and never dereference it.
    unsafe { Waker::new(data, &VTABLE) }
}

/// The key of a waker, when it is one of ours.
#[inline]
pub(crate) fn key_of(waker: &Waker) -> Option<u64> {
    ptr::eq(waker.vtable(), &raw const VTABLE).then(|| waker.data().addr() as u64)
}

/// Wakes the task of a key, from wherever we are. A stale key is a no-op.
#[inline]
pub(crate) fn wake_key(key: u64) {
    hot::with(|hot| {
        if hot.running.get() == key {
            hot.note(hot::WOKEN);
        } else {
            wake_other(hot, key);
        }
    });
}

#[inline]
fn wake_other(hot: &hot::Hot, key: u64) {
    match hot::core(hot) {
        Some(core) => {
            if !core.tasks.wake(key) && !core.tasks.owns(key) {
                registry::wake(key);
            }
        }
        None => registry::wake(key),
    }
}
