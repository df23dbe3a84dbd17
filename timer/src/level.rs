//! Which slots of which levels hold anything: one bit a slot, one word a level.
//!
//! The lists themselves live in the slab; this is the index over them that makes the next deadline
//! a matter of one count of trailing zeros instead of a walk over empty slots. It also says how the
//! lists are numbered.

/// Bits of a tick that one level covers.
pub(crate) const SLOT_BITS: u32 = 6;

/// Slots of one level: as many as a word has bits.
pub(crate) const SLOTS: usize = 1 << SLOT_BITS;

/// Levels that together cover all 64 bits. The topmost uses 16 of its 64 slots.
pub(crate) const LEVELS: usize = u64::BITS.div_ceil(SLOT_BITS) as usize;

/// The list of entries that were due already when they came, and wait for the next advance.
pub(crate) const DUE: usize = LEVELS * SLOTS;

/// The list of entries that have expired and wait to be popped.
pub(crate) const EXPIRED: usize = DUE + 1;

/// The number of lists: one a slot, and those two.
pub(crate) const LISTS: usize = EXPIRED + 1;

/// The occupancy of every list.
///
/// **Invariant:** a bit is set exactly while its list holds an entry (after a panic of an
/// insertion, at least while it does).
///
/// **Invariant:** an occupied slot's digit is greater than now's digit at that level, since an
/// entry sits where it first *exceeds* now. So a level's first set bit is its earliest slot;
/// nothing wraps.
#[derive(Debug)]
pub(crate) struct Levels {
    /// One word a level, and one more, at [`LEVELS`], for [`DUE`] and [`EXPIRED`]. Sixteen rather
    /// than twelve, so that a level read from a 4-bit value needs no bounds check.
    words: [u64; WORDS],
}

impl Levels {
    pub(crate) const fn new() -> Self {
        Self { words: [0; WORDS] }
    }

    /// Notes that a list holds something.
    #[inline]
    pub(crate) fn mark(&mut self, list: usize) {
        self.words[list / SLOTS % WORDS] |= 1 << (list % SLOTS);
    }

    /// Notes that a list holds nothing any more.
    #[inline]
    pub(crate) fn clear(&mut self, list: usize) {
        self.words[list / SLOTS % WORDS] &= !(1 << (list % SLOTS));
    }

    /// Whether a list holds anything.
    #[inline]
    pub(crate) fn is_marked(&self, list: usize) -> bool {
        self.words[list / SLOTS % WORDS] & (1 << (list % SLOTS)) != 0
    }

    /// The earliest occupied slot, as `(level, slot)`.
    ///
    /// Whatever sits at a level shares all higher digits with now, and what sits above exceeds now
    /// in one of those: so the lowest occupied level always comes first.
    #[inline]
    pub(crate) fn earliest(&self) -> Option<(usize, usize)> {
        let level = self.words[..LEVELS].iter().position(|&slots| slots != 0)?;
        Some((level, self.words[level].trailing_zeros() as usize))
    }

    /// Whether anything is due or expired.
    #[inline]
    pub(crate) fn anything_late(&self) -> bool {
        self.words[LEVELS] != 0
    }

    /// How many slots of each level are occupied.
    pub(crate) fn occupied(&self) -> [u32; LEVELS] {
        std::array::from_fn(|level| self.words[level].count_ones())
    }
}

const WORDS: usize = 16;

#[cfg(test)]
mod tests {
    use super::{DUE, EXPIRED, LEVELS, Levels, SLOTS};

    #[test]
    fn the_earliest_is_the_first_slot_of_the_lowest_level() {
        let mut levels = Levels::new();
        assert_eq!(levels.earliest(), None);
        levels.mark(10 * SLOTS + 15);
        assert_eq!(levels.earliest(), Some((10, 15)));
        levels.mark(2 * SLOTS + 63);
        levels.mark(2 * SLOTS + 4);
        assert_eq!(levels.earliest(), Some((2, 4)));
        levels.clear(2 * SLOTS + 4);
        assert_eq!(levels.earliest(), Some((2, 63)));
        assert_eq!(levels.occupied().iter().sum::<u32>(), 2);
    }

    #[test]
    fn the_two_late_lists_are_no_slots() {
        let mut levels = Levels::new();
        for list in [DUE, EXPIRED] {
            levels.mark(list);
            assert!(levels.anything_late());
            assert_eq!(levels.earliest(), None);
            assert_eq!(levels.occupied(), [0; LEVELS]);
            levels.clear(list);
            assert!(!levels.anything_late());
        }
    }
}
