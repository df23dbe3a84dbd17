//! The same protocols with the decisive operation left out. Each must be caught, or the models see
//! nothing.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::thread;

use crate::bell::Bell;

/// Pending and parked as two locations without a fence: each side may miss what the other one
/// wrote.
#[test]
#[should_panic(expected = "deadlock")]
fn two_flags_without_a_fence_lose_a_wake() {
    loom::model(|| {
        let pending = Arc::new(AtomicBool::new(false));
        let parked = Arc::new(AtomicBool::new(false));
        let bell = Arc::new(Bell::new());
        let pusher = {
            let (pending, parked, bell) = (pending.clone(), parked.clone(), bell.clone());
            thread::spawn(move || {
                pending.store(true, Ordering::Release);
                if parked.load(Ordering::Acquire) {
                    bell.ring();
                }
            })
        };
        parked.store(true, Ordering::Release);
        if !pending.load(Ordering::Acquire) {
            bell.wait();
        }
        pusher.join().unwrap();
    });
}

/// A waker that looks at the bit before it writes: its data may be missing in the poll that it
/// relies on.
#[test]
#[should_panic(expected = "the poll missed a wake")]
fn a_bit_that_is_only_looked_at_loses_data() {
    loom::model(|| {
        let bit = Arc::new(AtomicBool::new(false));
        let data = Arc::new(AtomicUsize::new(0));
        // Somebody else's entry is queued already.
        bit.store(true, Ordering::Release);
        let waker = {
            let (bit, data) = (bit.clone(), data.clone());
            thread::spawn(move || {
                data.store(1, Ordering::Relaxed);
                bit.load(Ordering::Acquire) || bit.swap(true, Ordering::AcqRel)
            })
        };
        bit.swap(false, Ordering::AcqRel);
        let seen = data.load(Ordering::Relaxed);
        let leaned_on_us = waker.join().unwrap();
        assert!(!leaned_on_us || seen == 1, "the poll missed a wake");
    });
}
