//! The heap answers as the wheel does, whatever is inserted and cancelled.

use std::task::Waker;

use exercises_05::heap::Heap;
use step05::{Timers, Wheel};

#[test]
fn the_next_is_the_earliest_that_is_not_cancelled() {
    let mut heap = Heap::default();
    for (id, at) in [30, 10, 20].into_iter().enumerate() {
        heap.insert((at, id as u64), Waker::noop().clone());
    }
    assert_eq!(heap.next(), Some(10));
    heap.cancel((10, 1));
    assert_eq!(heap.next(), Some(20));
    assert_eq!(heap.expire(25).len(), 1);
    assert_eq!(heap.next(), Some(30));
}

#[test]
fn it_answers_as_the_wheel() {
    let (mut heap, mut wheel) = (Heap::default(), Wheel::default());
    let (mut seed, mut now, mut keys) = (7_u64, 0, Vec::new());
    let mut random = |below: u64| {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (seed >> 33) % below
    };
    for id in 0..3000 {
        let key = (now + 1 + random(700), id);
        heap.insert(key, Waker::noop().clone());
        wheel.insert(key, Waker::noop().clone());
        keys.push(key);
        if random(3) == 0 {
            let key = keys.swap_remove(random(keys.len() as u64) as usize);
            heap.cancel(key);
            wheel.cancel(key);
        }
        assert_eq!(heap.next(), wheel.next());
        if random(4) == 0 {
            now += random(20);
            assert_eq!(heap.expire(now).len(), wheel.expire(now).len());
        }
    }
}
