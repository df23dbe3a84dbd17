//! The entries' memory: one vector, its vacant places, and the lists that run through it.
//!
//! The first places are the heads of the lists, so that a list is a ring through its head and
//! linking and unlinking have no special case for a first or a last entry: unlinking is two stores,
//! whichever list it is. What pays for that is 32 bytes a list, 22 KiB a wheel.

use std::num::NonZeroU32;

use crate::{
    entry::{Body, Entry, Key, Links},
    level::LISTS,
    tick::Tick,
};

/// Entries, and lists of them.
///
/// **Invariant:** every occupied place is in exactly one list; every vacant one is on the chain of
/// vacant places exactly once, unless its generations are used up.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    /// The heads of the lists, then the places.
    entries: Vec<Entry<T>>,
    /// The first vacant place, or [`NONE`]. Last in, first out: what was used last is in the cache.
    vacant: u32,
    /// The generation in which a new place begins.
    first_generation: NonZeroU32,
    occupied: usize,
    retired: usize,
}

impl<T> Slab<T> {
    pub(crate) fn new() -> Self {
        let head = |list| Entry {
            links: Links {
                previous: list,
                next: list,
            },
            body: Body::Vacant(None),
        };
        Self {
            entries: (0..LISTS as u32).map(head).collect(),
            vacant: NONE,
            first_generation: NonZeroU32::MIN,
            occupied: 0,
            retired: 0,
        }
    }

    pub(crate) fn occupied(&self) -> usize {
        self.occupied
    }

    pub(crate) fn retired(&self) -> usize {
        self.retired
    }

    /// How many places there are, occupied, vacant and retired.
    pub(crate) fn places(&self) -> usize {
        self.entries.len() - LISTS
    }

    /// Makes an entry at the end of a list.
    #[inline]
    pub(crate) fn insert(&mut self, list: usize, deadline: Tick, value: T) -> Key {
        let index = self.vacant;
        if index == NONE {
            return self.grow_and_insert(list, deadline, value);
        }
        let entry = &mut self.entries[index as usize];
        let Body::Vacant(Some(generation)) = entry.body else {
            unreachable!("what is chained as vacant is vacant and has generations left")
        };
        self.vacant = entry.links.next;
        entry.body = Body::Occupied {
            generation,
            deadline,
            value,
        };
        self.occupied += 1;
        self.push_back(list, index);
        Key { index, generation }
    }

    /// Ends an entry, and tells the list that is empty now, if one is.
    #[inline]
    pub(crate) fn remove(&mut self, key: Key, emptied: impl FnOnce(usize)) -> Option<T> {
        match self.entries.get(key.index as usize)?.body {
            Body::Occupied { generation, .. } if generation == key.generation => {
                self.end(key.index, emptied)
            }
            _ => None,
        }
    }

    /// Ends a list's first entry, and tells the list if that is empty now.
    #[inline]
    pub(crate) fn pop_front(&mut self, list: usize, emptied: impl FnOnce(usize)) -> Option<T> {
        // An empty list's head is its own neighbour, and holds nothing that could end.
        self.end(self.entries[list].links.next, emptied)
    }

    /// Ends what a place holds.
    #[inline]
    fn end(&mut self, index: u32, emptied: impl FnOnce(usize)) -> Option<T> {
        let entry = &mut self.entries[index as usize];
        let Body::Occupied { generation, .. } = entry.body else {
            return None;
        };
        let links = entry.links;
        let following = generation.checked_add(1);
        let body = std::mem::replace(&mut entry.body, Body::Vacant(following));
        if following.is_some() {
            entry.links.next = std::mem::replace(&mut self.vacant, index);
        } else {
            self.retired += 1;
        }
        self.occupied -= 1;
        self.join(links, emptied);
        match body {
            Body::Occupied { value, .. } => Some(value),
            Body::Vacant(_) => None,
        }
    }

    /// Deadline and value of each entry, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Tick, &T)> {
        self.entries.iter().filter_map(|entry| match &entry.body {
            Body::Occupied {
                deadline, value, ..
            } => Some((*deadline, value)),
            Body::Vacant(_) => None,
        })
    }

    /// An entry's deadline and value.
    #[inline]
    pub(crate) fn entry(&self, key: Key) -> Option<(Tick, &T)> {
        match &self.entries.get(key.index as usize)?.body {
            Body::Occupied {
                generation,
                deadline,
                value,
            } if *generation == key.generation => Some((*deadline, value)),
            _ => None,
        }
    }

    /// The same, to be changed. A changed deadline is the caller's to follow with a move.
    #[inline]
    pub(crate) fn entry_mut(&mut self, key: Key) -> Option<(&mut Tick, &mut T)> {
        match &mut self.entries.get_mut(key.index as usize)?.body {
            Body::Occupied {
                generation,
                deadline,
                value,
            } if *generation == key.generation => Some((deadline, value)),
            _ => None,
        }
    }

    /// Puts an entry at the end of a list. It must be in none.
    #[inline]
    pub(crate) fn push_back(&mut self, list: usize, index: u32) {
        let head = &mut self.entries[list].links;
        let last = std::mem::replace(&mut head.previous, index);
        self.entries[last as usize].links.next = index;
        self.entries[index as usize].links = Links {
            previous: last,
            next: list as u32,
        };
    }

    /// Takes an entry out of its list, and tells the list if that is empty now. The entry's own
    /// links keep their values.
    #[inline]
    pub(crate) fn unlink(&mut self, index: u32, emptied: impl FnOnce(usize)) {
        self.join(self.entries[index as usize].links, emptied);
    }

    /// Makes two places neighbours that had one between them.
    #[inline]
    fn join(&mut self, Links { previous, next }: Links, emptied: impl FnOnce(usize)) {
        self.entries[previous as usize].links.next = next;
        self.entries[next as usize].links.previous = previous;
        // Both are one and the same only where that is the head of a list of one.
        if previous == next {
            emptied(next as usize);
        }
    }

    /// Moves all of a list to the end of another, in order, without touching what is between the
    /// first and the last entry. Returns whether there was anything.
    pub(crate) fn append(&mut self, from: usize, to: usize) -> bool {
        let Links {
            previous: last,
            next: first,
        } = self.empty_out(from);
        debug_assert!(
            first as usize != from,
            "an empty list has nothing to append"
        );
        let end = std::mem::replace(&mut self.entries[to].links.previous, last);
        self.entries[end as usize].links.next = first;
        self.entries[first as usize].links.previous = end;
        self.entries[last as usize].links.next = to as u32;
        true
    }

    /// Moves each entry of a list, in order, to the list that `to` finds for its deadline: another.
    /// Returns how many there were.
    pub(crate) fn distribute(&mut self, from: usize, mut to: impl FnMut(Tick) -> usize) -> u64 {
        let mut index = self.empty_out(from).next;
        let mut count = 0;
        while index as usize != from {
            let entry = &self.entries[index as usize];
            let next = entry.links.next;
            let Body::Occupied { deadline, .. } = entry.body else {
                unreachable!("only a head is in a list without being occupied")
            };
            self.push_back(to(deadline), index);
            index = next;
            count += 1;
        }
        count
    }

    /// Gives memory back: the vacant places at the end go, as far as that costs few generations.
    ///
    /// A place that comes back later must not repeat a key, so new places begin in the highest
    /// generation of those that went. Where that would use up half of all generations, places stay.
    pub(crate) fn shrink(&mut self) {
        while let [
            ..,
            Entry {
                body: Body::Vacant(Some(generation)),
                ..
            },
        ] = self.entries[..]
        {
            if generation > LAST_GIVEN_BACK {
                break;
            }
            self.first_generation = self.first_generation.max(generation);
            self.entries.pop();
        }
        self.entries.shrink_to_fit();
        self.vacant = NONE;
        for index in (LISTS..self.entries.len()).rev() {
            let entry = &mut self.entries[index];
            if let Body::Vacant(Some(_)) = entry.body {
                entry.links.next = self.vacant;
                self.vacant = index as u32;
            }
        }
    }

    /// Adds one vacant place, and makes the entry there. It ends in the call that it came from, so
    /// that the way without growth has no registers to save.
    #[cold]
    #[inline(never)]
    fn grow_and_insert(&mut self, list: usize, deadline: Tick, value: T) -> Key {
        let index = u32::try_from(self.entries.len()).expect("fewer than 2^32 entries at a time");
        self.entries.push(Entry {
            links: Links {
                previous: NONE,
                next: NONE,
            },
            body: Body::Vacant(Some(self.first_generation)),
        });
        self.vacant = index;
        self.insert(list, deadline, value)
    }

    /// Empties a list at its head alone, and returns where it began and ended.
    fn empty_out(&mut self, list: usize) -> Links {
        let alone = Links {
            previous: list as u32,
            next: list as u32,
        };
        std::mem::replace(&mut self.entries[list].links, alone)
    }

    /// Lets new places begin near the end of their generations.
    #[cfg(test)]
    pub(crate) fn begin_generations_at(&mut self, first: NonZeroU32) {
        self.first_generation = first;
    }
}

/// No place: the number of a list's head, which is never vacant.
const NONE: u32 = 0;

/// The highest generation in which a place is given back: half of them.
const LAST_GIVEN_BACK: NonZeroU32 = match NonZeroU32::new(u32::MAX / 2) {
    Some(generation) => generation,
    None => unreachable!(),
};
