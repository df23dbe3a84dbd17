//! The waker: a number. To clone it is to copy it, to drop it is nothing.
#![allow(unsafe_code, reason = "a RawWaker is made here, and nowhere else")]

use std::ptr;
use std::task::{RawWaker, RawWakerVTable, Waker};

use crate::table;

// ANCHOR: waker
static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake, |_| ());

fn clone(data: *const ()) -> RawWaker {
    RawWaker::new(data, &VTABLE)
}

fn wake(data: *const ()) {
    table::wake(data.addr() as u64);
}

/// The waker of the task that `key` names. A key needs 64 bits, and so does this.
pub(crate) fn waker_of(key: u64) -> Waker {
    let data = ptr::without_provenance(key as usize);
    // SAFETY: The four functions keep the contract of `RawWakerVTable` for every `data`, on every
    // thread and at any time: none reads what it points to, and `table::wake` is safe.
    unsafe { Waker::new(data, &VTABLE) }
}
// ANCHOR_END: waker

const _: () = assert!(usize::BITS == 64);
