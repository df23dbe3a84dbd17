//! One entry of the wheel, and the key that names it.
//!
//! An entry is what a waiting sleep costs in memory, so its layout is the point of this file: 32
//! bytes around a value of eight. The links stand outside the enum because list heads have links
//! and nothing else, and linking must not ask which of the two it touches.

use std::num::NonZeroU32;

use crate::tick::Tick;

/// Names one entry of one [`Wheel`](crate::Wheel), for as long as the entry lives and never after.
///
/// A place in the wheel is used again, a key is not: each use has a generation of its own, and a
/// place whose 2³² − 1 generations are used up is retired. So a key that is kept too long finds
/// nothing, whatever happened meanwhile. A key means nothing to a wheel other than its own.
///
/// `Option<Key>` is as large as `Key`: eight bytes.
///
/// # Examples
///
/// ```
/// use myrt_timer::{Key, Wheel};
///
/// let mut wheel = Wheel::new();
/// let key = wheel.insert(5, "five");
/// assert_eq!(Key::from_bits(key.to_bits()), Some(key));
/// assert_eq!(Key::from_bits(0), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    pub(crate) index: u32,
    pub(crate) generation: NonZeroU32,
}

impl Key {
    /// The key as one word, which is never 0: a word that may or may not hold a key needs no flag.
    #[inline]
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        ((self.generation.get() as u64) << 32) | self.index as u64
    }

    /// The key of which [`to_bits`](Self::to_bits) made this word; `None` for 0.
    ///
    /// A word that no key ever gave is `None` too, or a key that finds nothing or something else;
    /// it does no other harm.
    #[inline]
    #[must_use]
    pub const fn from_bits(bits: u64) -> Option<Self> {
        match NonZeroU32::new((bits >> 32) as u32) {
            Some(generation) => Some(Self {
                index: bits as u32,
                generation,
            }),
            None => None,
        }
    }
}

/// A place of the slab: its neighbours in a list, and what it holds.
#[derive(Debug)]
pub(crate) struct Entry<T> {
    pub(crate) links: Links,
    pub(crate) body: Body<T>,
}

/// The neighbours in a circular list, as places of the slab. A vacant place uses `next` to name the
/// next vacant one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Links {
    pub(crate) previous: u32,
    pub(crate) next: u32,
}

/// What a place holds. The generation stands in both variants, not beside them, because only there
/// does it share its eight bytes with the enum's tag.
#[derive(Debug)]
pub(crate) enum Body<T> {
    /// A list's head, or a place that waits for its next use, which will be in the generation
    /// given. Without one there is no next use.
    Vacant(Option<NonZeroU32>),
    Occupied {
        generation: NonZeroU32,
        deadline: Tick,
        value: T,
    },
}

const _: () = assert!(
    size_of::<Entry<u64>>() == 32,
    "two entries share a cache line"
);
const _: () = assert!(size_of::<Option<Key>>() == 8);
