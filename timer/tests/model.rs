//! The wheel against a model that cannot be wrong: a `BTreeMap` ordered by deadline, then arrival.
//!
//! Random programs of operations run on both, and after each operation everything that can be asked
//! is asked of both. Deadlines and steps are drawn from where wheels break: near now, at the edges
//! of levels, at the far end of time.

use std::collections::{BTreeMap, VecDeque};

use myrt_timer::{Key, Tick, Wheel};
use proptest::{
    collection::vec,
    prelude::{Just, ProptestConfig, Strategy, any, prop_oneof},
    proptest,
};

/// A tick, described relative to now.
#[derive(Clone, Copy, Debug)]
enum When {
    Ago(u64),
    In(u64),
    /// The next multiple of 64^level, a few ticks before or after.
    Edge {
        level: u32,
        off: i64,
    },
    At(Tick),
}

#[derive(Clone, Debug)]
enum Operation {
    Insert(When),
    /// Many at the same tick.
    InsertMany(When, usize),
    Remove(usize),
    Reschedule(usize, When),
    Advance(When),
    /// To what `next_deadline` says.
    AdvanceToNext,
    Pop(usize),
    /// Everything that ever had a key is asked for by that key.
    TryStaleKeys,
    Shrink,
}

fn when() -> impl Strategy<Value = When> {
    prop_oneof![
        1 => Just(When::In(0)),
        4 => (0..200_u64).prop_map(When::In),
        2 => (0..64_u32, any::<u64>()).prop_map(|(bits, any)| When::In(any >> bits)),
        1 => (0..64_u32, any::<u64>()).prop_map(|(bits, any)| When::Ago(any >> bits)),
        3 => (0..11_u32, -2..=2_i64).prop_map(|(level, off)| When::Edge { level, off }),
        1 => prop_oneof![Just(0), Just(Tick::MAX), Just(Tick::MAX - 1), any::<u64>()]
            .prop_map(When::At),
    ]
}

/// Steps that leave some of time over, so that a program does not end at once.
fn step() -> impl Strategy<Value = When> {
    prop_oneof![
        6 => (0..300_u64).prop_map(When::In),
        4 => (0..5_u32, -2..=2_i64).prop_map(|(level, off)| When::Edge { level, off }),
        2 => (20..64_u32, any::<u64>()).prop_map(|(bits, any)| When::In(any >> bits)),
        1 => when(),
    ]
}

fn operation() -> impl Strategy<Value = Operation> {
    let which = 0..usize::MAX;
    prop_oneof![
        10 => when().prop_map(Operation::Insert),
        1 => (when(), 2..100_usize).prop_map(|(when, many)| Operation::InsertMany(when, many)),
        4 => which.clone().prop_map(Operation::Remove),
        4 => (which, when()).prop_map(|(which, when)| Operation::Reschedule(which, when)),
        6 => step().prop_map(Operation::Advance),
        4 => Just(Operation::AdvanceToNext),
        6 => (1..20_usize).prop_map(Operation::Pop),
        1 => Just(Operation::TryStaleKeys),
        1 => Just(Operation::Shrink),
    ]
}

/// A deadline and an arrival: what the model sorts by.
type Place = (Tick, u64);

/// What is known of a value that is in the wheel.
struct Living {
    key: Key,
    /// As it was given.
    deadline: Tick,
    /// Where it waits; `None` once it has expired.
    place: Option<Place>,
}

/// The wheel, and beside it the model.
struct Pair {
    wheel: Wheel<u64>,
    now: Tick,
    /// What waits: by deadline (now, if that had passed already), then by arrival.
    waiting: BTreeMap<Place, u64>,
    /// What has expired, in order.
    expired: VecDeque<u64>,
    living: BTreeMap<u64, Living>,
    gone: Vec<Key>,
    arrivals: u64,
}

impl Pair {
    fn new(now: Tick) -> Self {
        Self {
            wheel: Wheel::new_at(now),
            now,
            waiting: BTreeMap::new(),
            expired: VecDeque::new(),
            living: BTreeMap::new(),
            gone: Vec::new(),
            arrivals: 0,
        }
    }

    fn tick(&self, when: When) -> Tick {
        match when {
            When::Ago(ticks) => self.now.saturating_sub(ticks),
            When::In(ticks) => self.now.saturating_add(ticks),
            When::Edge { level, off } => {
                let width = 1_u64 << (6 * level);
                let edge = (self.now | (width - 1)).saturating_add(1);
                edge.saturating_add_signed(off)
            }
            When::At(tick) => tick,
        }
    }

    fn wait(&mut self, value: u64, deadline: Tick) -> Place {
        self.arrivals += 1;
        let place = (deadline.max(self.now), self.arrivals);
        self.waiting.insert(place, value);
        place
    }

    fn unwait(&mut self, value: u64, place: Option<Place>) {
        match place {
            Some(place) => assert_eq!(self.waiting.remove(&place), Some(value)),
            None => self.expired.retain(|&expired| expired != value),
        }
    }

    fn insert(&mut self, when: When) {
        let deadline = self.tick(when);
        let place = self.wait(self.arrivals, deadline);
        let value = self.waiting[&place];
        let key = self.wheel.insert(deadline, value);
        assert_eq!(Key::from_bits(key.to_bits()), Some(key));
        assert!(self.living.values().all(|other| other.key != key));
        self.living.insert(
            value,
            Living {
                key,
                deadline,
                place: Some(place),
            },
        );
    }

    /// One of the living, any.
    fn pick(&self, which: usize) -> Option<u64> {
        let nth = which.checked_rem(self.living.len())?;
        self.living.keys().nth(nth).copied()
    }

    fn remove(&mut self, which: usize) {
        let Some(value) = self.pick(which) else {
            return;
        };
        let Living { key, place, .. } = self.living.remove(&value).expect("it was picked there");
        self.unwait(value, place);
        assert_eq!(self.wheel.remove(key), Some(value));
        self.gone.push(key);
    }

    fn reschedule(&mut self, which: usize, when: When) {
        let Some(value) = self.pick(which) else {
            return;
        };
        let Living { key, place, .. } = self.living[&value];
        self.unwait(value, place);
        let deadline = self.tick(when);
        let place = self.wait(value, deadline);
        self.living.insert(
            value,
            Living {
                key,
                deadline,
                place: Some(place),
            },
        );
        assert!(self.wheel.reschedule(key, deadline));
    }

    fn advance(&mut self, now: Tick) {
        self.wheel.advance(now);
        self.now = self.now.max(now);
        while let Some(first) = self.waiting.first_entry() {
            if first.key().0 > self.now {
                break;
            }
            let value = first.remove();
            self.living
                .get_mut(&value)
                .expect("what waits is alive")
                .place = None;
            self.expired.push_back(value);
        }
    }

    fn pop(&mut self) {
        let value = self.expired.pop_front();
        assert_eq!(self.wheel.pop_expired(), value);
        if let Some(value) = value {
            let living = self
                .living
                .remove(&value)
                .expect("what has expired is alive");
            self.gone.push(living.key);
        }
    }

    fn run(&mut self, operation: &Operation) {
        match *operation {
            Operation::Insert(when) => self.insert(when),
            Operation::InsertMany(when, many) => (0..many).for_each(|_| self.insert(when)),
            Operation::Remove(which) => self.remove(which),
            Operation::Reschedule(which, when) => self.reschedule(which, when),
            Operation::Advance(when) => self.advance(self.tick(when)),
            Operation::AdvanceToNext => {
                if let Some(next) = self.wheel.next_deadline() {
                    self.advance(next);
                }
            }
            Operation::Pop(many) => (0..many).for_each(|_| self.pop()),
            Operation::TryStaleKeys => {
                for &key in &self.gone {
                    assert!(!self.wheel.contains(key));
                    assert_eq!(self.wheel.deadline(key), None);
                    assert_eq!(self.wheel.get_mut(key), None);
                    assert!(!self.wheel.reschedule(key, 0));
                    assert_eq!(self.wheel.remove(key), None);
                }
            }
            Operation::Shrink => self.wheel.shrink_to_fit(),
        }
    }

    /// Everything that both can be asked.
    fn compare(&mut self) {
        assert_eq!(self.wheel.now(), self.now);
        assert_eq!(self.wheel.len(), self.living.len());
        assert_eq!(self.wheel.is_empty(), self.living.is_empty());
        assert_eq!(self.wheel.statistics().entries, self.living.len());
        for (&value, &Living { key, deadline, .. }) in &self.living {
            assert_eq!(self.wheel.get_mut(key).copied(), Some(value));
            assert_eq!(self.wheel.deadline(key), Some(deadline));
        }
        let said = self.wheel.next_deadline();
        let earliest = self.waiting.keys().next().map(|&(deadline, _)| deadline);
        match earliest {
            _ if !self.expired.is_empty() => assert_eq!(said, Some(self.now)),
            None => assert_eq!(said, None),
            Some(earliest) if earliest ^ self.now < 64 => assert_eq!(said, Some(earliest)),
            Some(earliest) => {
                let said = said.expect("something waits");
                assert!(
                    self.now < said && said <= earliest,
                    "{} {said} {earliest}",
                    self.now
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    #[test]
    fn the_wheel_does_what_the_model_does(
        start in prop_oneof![Just(0), Just(Tick::MAX - 5_000), any::<u64>(), 0..10_000_000_u64],
        program in vec(operation(), 1..120),
    ) {
        let mut pair = Pair::new(start);
        for operation in &program {
            pair.run(operation);
            pair.compare();
        }
        // To the end of time: everything comes out, in order.
        pair.advance(Tick::MAX);
        pair.compare();
        while !pair.living.is_empty() {
            pair.pop();
        }
        pair.pop();
        assert_eq!(pair.wheel.statistics().occupied, [0; 11]);
    }

    /// A loop that sleeps until `next_deadline` again and again meets every deadline exactly, and
    /// is woken in vain at most once a level.
    #[test]
    fn following_the_next_deadline_meets_every_deadline(
        start in prop_oneof![Just(0), any::<u64>(), 0..10_000_000_u64],
        deadlines in vec(when(), 1..40),
    ) {
        let mut pair = Pair::new(start);
        for &when in &deadlines {
            pair.insert(when);
        }
        let mut in_vain = 0;
        while let Some(next) = pair.wheel.next_deadline() {
            let due = pair.waiting.keys().next().map(|&(deadline, _)| deadline);
            pair.advance(next);
            in_vain = if pair.expired.is_empty() { in_vain + 1 } else { 0 };
            assert!(in_vain <= 10, "{in_vain} times in vain");
            while !pair.expired.is_empty() {
                assert_eq!(Some(pair.now), due, "late or early");
                pair.pop();
            }
        }
        assert!(pair.living.is_empty());
    }
}
