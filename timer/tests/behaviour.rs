//! What the wheel promises, one promise a test, by its public face alone.
//!
//! Names that begin with r and a number belong to bugs that other runtimes had: r20 a far timer
//! that delays near ones (tokio #8334, #5536), r21 cancelled timers that stay in memory (uvloop #37),
//! r22 a timer touched from inside its own expiry (libuv #2416), r23 a deadline of exactly now left
//! pending (async-io #73), r55 counters that wrap around (tokio #8546).

use std::{collections::HashSet, rc::Rc};

use myrt_timer::{Key, Tick, Wheel};

/// Everything that has expired, in order.
fn drain<T>(wheel: &mut Wheel<T>) -> Vec<T> {
    std::iter::from_fn(|| wheel.pop_expired()).collect()
}

#[test]
fn expiry_is_by_deadline_then_by_arrival() {
    let mut wheel = Wheel::new();
    let deadlines = [70, 5, 4_097, 70, 5, 64, 63, 1 << 40, 70, 4_096];
    for (arrival, &deadline) in deadlines.iter().enumerate() {
        wheel.insert(deadline, (deadline, arrival));
    }
    wheel.advance(1 << 41);
    let expired = drain(&mut wheel);
    let mut sorted = expired.clone();
    sorted.sort_unstable();
    assert_eq!(expired, sorted);
    assert_eq!(expired.len(), deadlines.len());
}

#[test]
fn arrival_counts_although_entries_came_at_different_levels() {
    let mut wheel = Wheel::new();
    wheel.insert(5_000, 'a'); // at level 2
    wheel.advance(4_100);
    wheel.insert(5_000, 'b'); // at level 1
    wheel.advance(4_999);
    wheel.insert(5_000, 'c'); // at level 0
    wheel.advance(5_000);
    assert_eq!(drain(&mut wheel), ['a', 'b', 'c']);
}

#[test]
fn r23_a_deadline_of_now_expires_at_the_next_advance() {
    let mut wheel = Wheel::new_at(100);
    wheel.insert(100, "now");
    wheel.insert(3, "past");
    wheel.insert(0, "zero");
    assert_eq!(wheel.next_deadline(), Some(100));
    assert_eq!(wheel.pop_expired(), None, "not before the next advance");
    wheel.advance(100);
    // All three are due now, so they expire in the order in which they came.
    assert_eq!(drain(&mut wheel), ["now", "past", "zero"]);
    assert_eq!(wheel.next_deadline(), None);
}

#[test]
fn what_was_due_precedes_what_became_due() {
    let mut wheel = Wheel::new_at(10);
    wheel.insert(11, 2);
    wheel.insert(10, 1);
    wheel.advance(20);
    assert_eq!(drain(&mut wheel), [1, 2]);
}

#[test]
fn time_does_not_go_back() {
    let mut wheel = Wheel::new_at(1_000);
    wheel.insert(1_001, 'a');
    wheel.insert(7, 'b');
    wheel.advance(5);
    assert_eq!(wheel.now(), 1_000);
    assert_eq!(drain(&mut wheel), ['b'], "what is due expires nevertheless");
    wheel.advance(1_001);
    assert_eq!(drain(&mut wheel), ['a']);
}

#[test]
fn the_end_of_time_is_a_tick_like_any_other() {
    let mut wheel = Wheel::new();
    wheel.insert(Tick::MAX, "last");
    wheel.insert(Tick::MAX - 1, "last but one");
    wheel.advance(Tick::MAX - 2);
    assert_eq!(drain(&mut wheel), [""; 0]);
    assert_eq!(wheel.next_deadline(), Some(Tick::MAX - 1));
    wheel.advance(Tick::MAX - 1);
    assert_eq!(drain(&mut wheel), ["last but one"]);
    wheel.advance(Tick::MAX);
    assert_eq!(drain(&mut wheel), ["last"]);
    wheel.insert(Tick::MAX, "after the end");
    wheel.advance(Tick::MAX);
    assert_eq!(drain(&mut wheel), ["after the end"]);
}

#[test]
fn fifty_thousand_expire_in_one_tick() {
    const MANY: u32 = 50_000;
    for deadline in [0, 1, 63, 64, 100_000] {
        let mut wheel = Wheel::new();
        for value in 0..MANY {
            wheel.insert(deadline, value);
        }
        wheel.advance(deadline.saturating_sub(1));
        if deadline > 0 {
            assert_eq!(wheel.pop_expired(), None);
            wheel.advance(deadline);
        }
        assert!(drain(&mut wheel).into_iter().eq(0..MANY));
        assert!(wheel.is_empty());
    }
}

#[test]
fn r20_a_far_entry_delays_no_near_one_at_any_level_edge() {
    for level in 0..11 {
        let edge = 1_u64 << (6 * level);
        for start in [
            edge - 1,
            edge,
            edge.saturating_mul(63),
            edge.saturating_mul(64) - 1,
        ] {
            let mut wheel = Wheel::new_at(start);
            let far: Vec<Key> = [Tick::MAX, Tick::MAX - 1, 1 << 63]
                .map(|deadline| wheel.insert(deadline, deadline))
                .into();
            for step in [1, 2, 63, 64, 65, 4_095, 4_096, edge - 1, edge, edge + 1] {
                let deadline = wheel.now().saturating_add(step.max(1));
                if deadline >= 1 << 63 {
                    continue;
                }
                wheel.insert(deadline, deadline);
                wheel.advance(deadline - 1);
                assert_eq!(wheel.pop_expired(), None, "early: {start} + {step}");
                assert_eq!(
                    wheel.next_deadline(),
                    Some(deadline),
                    "one tick ahead is exact"
                );
                wheel.advance(deadline);
                assert_eq!(
                    wheel.pop_expired(),
                    Some(deadline),
                    "late: {start} + {step}"
                );
            }
            assert!(far.iter().all(|&key| wheel.contains(key)));
        }
    }
}

#[test]
fn r20_sleeping_by_next_deadline_meets_near_entries_beside_a_far_one() {
    for level in 0..10 {
        let deadline = (1_u64 << (6 * level)) + 17;
        let mut wheel = Wheel::new();
        wheel.insert(Tick::MAX, 0);
        wheel.insert(deadline, 1);
        let mut turns = 0;
        while wheel.pop_expired().is_none() {
            let next = wheel.next_deadline().expect("two entries wait");
            assert!(next > wheel.now() && next <= deadline);
            wheel.advance(next);
            turns += 1;
        }
        assert_eq!(wheel.now(), deadline);
        assert!(turns <= 11, "{turns} turns for one deadline");
    }
}

#[test]
fn r21_a_cancelled_entry_keeps_neither_value_nor_memory() {
    let mut wheel = Wheel::new();
    let value = Rc::new(());
    for round in 0..1_000_000_u64 {
        let key = wheel.insert(1 + round % 100_000, Rc::clone(&value));
        assert!(wheel.remove(key).is_some());
    }
    assert_eq!(Rc::strong_count(&value), 1);
    assert_eq!(wheel.statistics().places, 1, "one place served them all");
}

#[test]
fn r21_the_memory_of_a_crowd_can_be_given_back() {
    let mut wheel = Wheel::new();
    let keys: Vec<Key> = (0..1_000_000)
        .map(|deadline| wheel.insert(deadline, deadline))
        .collect();
    assert_eq!(wheel.statistics().places, keys.len());
    // The first entry of all stays, the others go.
    for &key in &keys[1..] {
        wheel.remove(key);
    }
    wheel.shrink_to_fit();
    assert_eq!(wheel.statistics().places, 1);
    // Keys of places that are gone, and come back, stay what they are: stale.
    let newer: HashSet<Key> = (0..1_000)
        .map(|deadline| wheel.insert(deadline, deadline))
        .collect();
    assert!(keys.iter().all(|key| !newer.contains(key)));
    assert!(keys[1..].iter().all(|&key| wheel.remove(key).is_none()));
    assert_eq!(wheel.remove(keys[0]), Some(0));
    assert_eq!(wheel.len(), newer.len());
}

#[test]
fn r22_inserting_while_draining_does_not_prolong_the_drain() {
    let mut wheel = Wheel::new();
    for value in 0..100 {
        wheel.insert(5, value);
    }
    wheel.advance(5);
    let mut popped = 0;
    while let Some(value) = wheel.pop_expired() {
        popped += 1;
        // Due at once, due in the past, and due at the last tick.
        for deadline in [5, 0, Tick::MAX] {
            wheel.insert(deadline, value);
        }
    }
    assert_eq!(popped, 100);
    assert_eq!(wheel.next_deadline(), Some(5));
    wheel.advance(5);
    assert_eq!(drain(&mut wheel).len(), 200);
    assert_eq!(wheel.len(), 100);
}

#[test]
fn r22_an_expired_entry_can_be_removed_while_draining() {
    let mut wheel = Wheel::new();
    let keys: Vec<Key> = (0..9).map(|value| wheel.insert(5, value)).collect();
    wheel.advance(64);
    assert_eq!(wheel.pop_expired(), Some(0));
    assert_eq!(wheel.remove(keys[0]), None, "popped is gone");
    // The next, one from the middle, and the last.
    for which in [1, 4, 8] {
        assert_eq!(wheel.remove(keys[which]), Some(which));
    }
    assert_eq!(drain(&mut wheel), [2, 3, 5, 6, 7]);
    assert!(wheel.is_empty());
}

#[test]
fn r22_an_expired_entry_can_be_rescheduled_while_draining() {
    let mut wheel = Wheel::new();
    let keys: Vec<Key> = (0..4).map(|value| wheel.insert(5, value)).collect();
    wheel.advance(5);
    assert_eq!(wheel.pop_expired(), Some(0));
    assert!(!wheel.reschedule(keys[0], 6), "popped is gone");
    assert!(wheel.reschedule(keys[1], 70));
    assert!(
        wheel.reschedule(keys[2], 5),
        "due again, at the next advance"
    );
    assert_eq!(drain(&mut wheel), [3]);
    wheel.advance(5);
    assert_eq!(drain(&mut wheel), [2]);
    wheel.advance(69);
    assert_eq!(drain(&mut wheel), [0; 0]);
    wheel.advance(70);
    assert_eq!(drain(&mut wheel), [1]);
}

#[test]
fn r55_no_key_comes_twice_and_stale_ones_are_harmless() {
    let mut wheel = Wheel::new();
    let mut seen = HashSet::new();
    let mut living = Vec::new();
    for round in 0..10_000_u64 {
        let key = wheel.insert(round * 7 % 1_000, round);
        assert!(seen.insert(key.to_bits()), "a key came twice");
        living.push((key, round));
        if round % 3 != 0 {
            let (key, value) = living.swap_remove(round as usize * 31 % living.len());
            assert_eq!(wheel.remove(key), Some(value));
            assert_eq!(wheel.remove(key), None);
            assert!(!wheel.reschedule(key, 0));
            assert!(!wheel.contains(key));
        }
    }
    assert_eq!(wheel.len(), living.len());
    assert!(living.iter().all(|&(key, _)| wheel.contains(key)));
}

#[test]
fn a_forged_key_finds_nothing() {
    let mut wheel = Wheel::new();
    wheel.insert(1, ());
    for bits in [
        1,
        1 << 32,
        (1 << 32) | 704,
        (1 << 32) | 705,
        u64::MAX,
        u64::MAX << 32,
    ] {
        if let Some(key) = Key::from_bits(bits) {
            assert!(!wheel.contains(key));
            assert_eq!(wheel.remove(key), None);
            assert!(!wheel.reschedule(key, 9));
        }
    }
    assert_eq!(wheel.len(), 1);
}

#[test]
fn a_value_can_be_changed_in_place() {
    let mut wheel = Wheel::new();
    let key = wheel.insert(1, String::from("a"));
    wheel.get_mut(key).expect("it waits").push('b');
    wheel.advance(1);
    wheel
        .get_mut(key)
        .expect("it has expired, but was not popped")
        .push('c');
    assert_eq!(wheel.pop_expired().as_deref(), Some("abc"));
    assert_eq!(wheel.get_mut(key), None);
}

#[test]
fn dropping_the_wheel_drops_every_value_once() {
    let value = Rc::new(());
    let mut wheel = Wheel::new();
    for deadline in 0..1_000 {
        wheel.insert(deadline * deadline, Rc::clone(&value));
    }
    wheel.advance(10_000);
    wheel.pop_expired();
    assert_eq!(Rc::strong_count(&value), 1_000);
    drop(wheel);
    assert_eq!(Rc::strong_count(&value), 1);
}

#[test]
fn an_entry_is_moved_at_most_once_a_level() {
    let mut wheel = Wheel::new();
    for value in 0..1_000_u64 {
        wheel.insert(value.wrapping_mul(0x9E37_79B9_7F4A_7C15), value);
    }
    wheel.advance(Tick::MAX);
    assert_eq!(drain(&mut wheel).len(), 1_000);
    assert!(wheel.statistics().cascaded <= 10 * 1_000);
}
