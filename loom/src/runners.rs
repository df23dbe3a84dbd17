//! Models of `runner.rs`: a reader on another thread, and the loop's thread that leaves the runtime
//! meanwhile.
//!
//! Why: the word that is read belongs to the thread that leaves: read after it left,
//! it is anybody's memory. So the word changes its value there, as reused memory would.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};
use loom::thread;

use crate::runner::Runner;

/// What stands in the memory once it is somebody else's.
const REUSED: u64 = 99;

#[test]
fn who_leaves_waits_for_readers() {
    loom::model(|| {
        let runner = Arc::new(Runner::new());
        let word = Arc::new(AtomicU64::new(0));
        let reader = {
            // It keeps the word's memory, not its meaning.
            let (runner, _word) = (runner.clone(), word.clone());
            thread::spawn(move || runner.key())
        };
        runner.open(&word);
        word.store(7, Ordering::Relaxed);
        runner.close(0);
        word.store(REUSED, Ordering::Relaxed);
        let seen = reader.join().unwrap();
        assert!(seen == 0 || seen == 7, "read {seen} after the thread left");
    });
}

#[test]
fn what_was_set_aside_is_told_where_nobody_runs() {
    loom::model(|| {
        let runner = Arc::new(Runner::new());
        let word = Arc::new(AtomicU64::new(0));
        runner.open(&word);
        assert_eq!(runner.set_aside(5), 0);
        let reader = {
            let (runner, _word) = (runner.clone(), word.clone());
            thread::spawn(move || runner.key())
        };
        runner.close(5);
        word.store(REUSED, Ordering::Relaxed);
        assert_eq!(reader.join().unwrap(), 5);
        runner.open(&word);
        assert_eq!(runner.key(), REUSED);
        runner.close(0);
        assert_eq!(runner.key(), 0);
    });
}

/// The same without the fences: neither side need see what the other one wrote.
#[test]
#[should_panic(expected = "after the thread left")]
fn without_a_fence_a_reader_is_missed() {
    loom::model(|| {
        let word = Arc::new(AtomicU64::new(7));
        let place = Arc::new(AtomicPtr::new((&raw const *word).cast_mut()));
        let readers = Arc::new(AtomicU32::new(0));
        let reader = {
            let (word, place, readers) = (word.clone(), place.clone(), readers.clone());
            thread::spawn(move || {
                readers.fetch_add(1, Ordering::Relaxed);
                let there = !place.load(Ordering::Acquire).is_null();
                let seen = if there {
                    word.load(Ordering::Relaxed)
                } else {
                    0
                };
                readers.fetch_sub(1, Ordering::Release);
                seen
            })
        };
        place.store(std::ptr::null_mut(), Ordering::Relaxed);
        while readers.load(Ordering::Acquire) != 0 {
            thread::yield_now();
        }
        word.store(REUSED, Ordering::Relaxed);
        let seen = reader.join().unwrap();
        assert!(seen == 0 || seen == 7, "read {seen} after the thread left");
    });
}
