//! What a wheel tells about itself.
//!
//! For the curious, for metrics and for tests that count; nothing in the wheel reads it. Whatever
//! is here must cost the hot path nothing: it is counted in the cold one or derived on demand.

/// A wheel's state in numbers, as [`Wheel::statistics`](crate::Wheel::statistics) found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Entries alive: waiting, due, or expired and not yet popped.
    pub entries: usize,
    /// Places that have memory, whether occupied or not.
    pub places: usize,
    /// Places out of use for ever, because all their generations were used.
    pub retired: usize,
    /// Occupied slots at each level. A slot of level `l` is 64ˡ ticks wide.
    pub occupied: [u32; 11],
    /// How often in all an entry was moved to a lower level because its time drew near.
    pub cascaded: u64,
}
