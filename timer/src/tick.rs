//! Ticks, and where in the wheel a deadline belongs.
//!
//! A tick is read as eleven digits of base 64, and everything the wheel does follows from one
//! question: which is the highest digit in which a deadline differs from now? That digit's position
//! is the level, its value is the slot. All of the arithmetic is here, apart from the lists, so
//! that its edge cases can be tested one by one.

use crate::level::{LEVELS, SLOT_BITS, SLOTS};

/// A point in time, counted in ticks from whatever origin the caller likes.
///
/// How long a tick is, is the caller's affair too: the wheel only compares. All 64 bits are
/// ordinary, [`Tick::MAX`](u64::MAX) included: no value is reserved to mean "never".
pub type Tick = u64;

/// The number of the list in which an entry due at `deadline` waits; `due` where it waits no more.
///
/// The list of slot `s` at level `l` has the number `l * 64 + s`.
#[inline]
pub(crate) fn list_of(now: Tick, deadline: Tick, due: usize) -> usize {
    // Setting the lowest digit spares a test for zero and moves no deadline to another level.
    let differing = (now ^ deadline) | (SLOTS as u64 - 1);
    let level = LEVEL_OF_BIT[differing.ilog2() as usize];
    // A shift looks at six bits of its distance only, so what stands above them needs no mask.
    let slot = deadline.wrapping_shr(u32::from(level)) as usize % SLOTS;
    if deadline <= now {
        due
    } else {
        usize::from(level) / SLOTS * SLOTS + slot
    }
}

/// The first tick of a slot at a level, seen from `now`.
#[inline]
pub(crate) fn start_of(now: Tick, level: usize, slot: usize) -> Tick {
    let shift = level as u32 * SLOT_BITS;
    // Clearing the digit after the shift, not before, keeps the topmost level from shifting by 66.
    (((now >> shift) & !(SLOTS as u64 - 1)) | slot as u64) << shift
}

/// For each bit of a tick, the level to which it belongs: the number of the level's first list,
/// plus the distance by which the level's digit must be shifted. The first is a multiple of 64 and
/// the second is less, so that both come from one look-up, and a division by six is done
/// beforehand.
const LEVEL_OF_BIT: [u16; 64] = {
    let mut levels = [0; 64];
    let mut bit = 0;
    while bit < 64 {
        let level = bit / SLOT_BITS as usize;
        levels[bit] = (level * SLOTS + level * SLOT_BITS as usize) as u16;
        bit += 1;
    }
    levels
};

const _: () = assert!(
    LEVEL_OF_BIT[63] as usize / SLOTS + 1 == LEVELS,
    "all 64 bits have a level"
);

#[cfg(test)]
mod tests {
    use super::{Tick, list_of, start_of};
    use crate::level::{LEVELS, SLOTS};

    const DUE: usize = 9_999;

    #[test]
    fn the_level_is_the_highest_digit_that_differs() {
        for level in 0..LEVELS {
            let edge = 1_u64 << (6 * level);
            assert_eq!(list_of(0, edge, DUE), level * SLOTS + 1);
            if level > 0 {
                assert_eq!(list_of(0, edge - 1, DUE), (level - 1) * SLOTS + 63);
                // One tick over the edge is a whole level up, however near it is.
                assert_eq!(list_of(edge - 1, edge, DUE), level * SLOTS + 1);
            }
        }
        assert_eq!(list_of(0, Tick::MAX, DUE), 10 * SLOTS + 15);
    }

    #[test]
    fn what_is_not_after_now_is_due() {
        for now in [0, 1, 63, 64, 1 << 30, Tick::MAX - 1, Tick::MAX] {
            assert_eq!(list_of(now, now, DUE), DUE);
            assert_eq!(list_of(now, 0, DUE), DUE);
            assert_eq!(list_of(now, now.saturating_sub(1), DUE), DUE);
            assert_eq!(list_of(now, Tick::MAX, DUE) == DUE, now == Tick::MAX);
        }
    }

    #[test]
    fn a_slot_starts_after_now_and_not_after_its_deadlines() {
        let ticks = (0..64).flat_map(|bit| {
            let edge = 1_u64 << bit;
            [
                edge - 1,
                edge,
                edge + 1,
                !edge,
                edge.wrapping_mul(0x9E37_79B9_7F4A_7C15),
            ]
        });
        let ticks: Vec<Tick> = ticks.chain([0, Tick::MAX]).collect();
        for &now in &ticks {
            for &deadline in ticks.iter().filter(|&&deadline| deadline > now) {
                let list = list_of(now, deadline, DUE);
                let start = start_of(now, list / SLOTS, list % SLOTS);
                assert!(now < start && start <= deadline, "{now} {start} {deadline}");
                if list < SLOTS {
                    assert_eq!(start, deadline, "level 0 is exact");
                }
            }
        }
    }
}
