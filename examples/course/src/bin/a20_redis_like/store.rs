//! The keys: bytes to bytes, some with a deadline. No locks: one thread has them.
//!
//! A key whose deadline has passed is not there, whether it was taken out yet or not; a task of
//! `main.rs` takes it out when its time has come. It knows no protocol.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use myrt::time::Instant;

pub(crate) struct Entry {
    pub(crate) value: Vec<u8>,
    deadline: Option<Instant>,
}

impl Entry {
    /// The time is asked for only where it matters: most keys stay.
    fn is_over(&self) -> bool {
        self.deadline
            .is_some_and(|deadline| deadline <= Instant::now())
    }
}

#[derive(Default)]
pub(crate) struct Store {
    entries: HashMap<Box<[u8]>, Entry>,
    /// The keys with a deadline, the next first.
    deadlines: BTreeSet<(Instant, Box<[u8]>)>,
    pub(crate) expired: u64,
    pub(crate) hits: u64,
    pub(crate) misses: u64,
}

impl Store {
    /// Reads a key, as commands that count hits and misses do.
    pub(crate) fn read(&mut self, key: &[u8]) -> Option<&[u8]> {
        match self.entries.get(key) {
            Some(entry) if !entry.is_over() => {
                self.hits += 1;
                Some(&entry.value)
            }
            _ => {
                self.misses += 1;
                None
            }
        }
    }

    pub(crate) fn contains(&self, key: &[u8]) -> bool {
        self.entries.get(key).is_some_and(|entry| !entry.is_over())
    }

    /// The value, to be changed; its deadline stays.
    pub(crate) fn value_mut(&mut self, key: &[u8]) -> Option<&mut Vec<u8>> {
        let entry = self.entries.get_mut(key)?;
        if entry.is_over() {
            None
        } else {
            Some(&mut entry.value)
        }
    }

    /// Puts a value where one may be; the deadline it had is gone.
    pub(crate) fn set(&mut self, key: &[u8], value: &[u8]) {
        match self.entries.get_mut(key) {
            Some(entry) => {
                // The old buffer is kept unless it is far too large.
                if entry.value.capacity() > 64 + 2 * value.len() {
                    entry.value = value.to_vec();
                } else {
                    entry.value.clear();
                    entry.value.extend_from_slice(value);
                }
                if let Some(deadline) = entry.deadline.take() {
                    self.deadlines.remove(&(deadline, key.into()));
                }
            }
            None => {
                let value = value.to_vec();
                self.entries.insert(
                    key.into(),
                    Entry {
                        value,
                        deadline: None,
                    },
                );
            }
        }
    }

    pub(crate) fn remove(&mut self, key: &[u8]) -> bool {
        let Some(entry) = self.entries.remove(key) else {
            return false;
        };
        let was_there = !entry.is_over();
        if let Some(deadline) = entry.deadline {
            self.deadlines.remove(&(deadline, key.into()));
        }
        was_there
    }

    /// Gives a key a deadline, or takes it away. Whether the key is there, and had another before.
    pub(crate) fn set_deadline(&mut self, key: &[u8], deadline: Option<Instant>) -> Option<bool> {
        let entry = self.entries.get_mut(key)?;
        if entry.is_over() {
            return None;
        }
        let old = std::mem::replace(&mut entry.deadline, deadline);
        if let Some(old) = old {
            self.deadlines.remove(&(old, key.into()));
        }
        if let Some(deadline) = deadline {
            self.deadlines.insert((deadline, key.into()));
        }
        Some(old.is_some())
    }

    /// How long a key has: not there, no deadline, or so long.
    pub(crate) fn time_left(&self, key: &[u8]) -> Option<Option<Duration>> {
        let entry = self.entries.get(key).filter(|entry| !entry.is_over())?;
        let now = Instant::now();
        Some(
            entry
                .deadline
                .map(|deadline| deadline.saturating_duration_since(now)),
        )
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &[u8]> {
        let there = self.entries.iter().filter(|(_, entry)| !entry.is_over());
        there.map(|(key, _)| &**key)
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many keys have a deadline.
    pub(crate) fn mortal(&self) -> usize {
        self.deadlines.len()
    }

    pub(crate) fn clear(&mut self) {
        self.entries = HashMap::new();
        self.deadlines = BTreeSet::new();
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// Takes out at most `most` keys whose time has come, and says how many.
    pub(crate) fn expire(&mut self, now: Instant, most: usize) -> usize {
        for count in 0..most {
            match self.deadlines.first() {
                Some((deadline, _)) if *deadline <= now => {}
                _ => return count,
            }
            if let Some((_, key)) = self.deadlines.pop_first() {
                self.entries.remove(&key);
                self.expired += 1;
            }
        }
        most
    }
}
