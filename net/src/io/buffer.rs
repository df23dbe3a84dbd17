//! Bytes between a reader's or writer's two ends: appended behind, consumed in front, no `unsafe`.
//!
//! futures-io reads into initialised slices, so the storage stays initialised and two indices tell
//! what of it counts. Storage that a single large message made big is given back once it is empty.
//! It knows nothing of streams.

use std::fmt;

/// What one read asks for at least, and what an idle buffer may keep.
pub(super) const CHUNK: usize = 8 * 1024;

/// A growing queue of bytes in one piece.
#[derive(Default)]
pub(super) struct Buffer {
    storage: Vec<u8>,
    start: usize,
    end: usize,
}

impl Buffer {
    pub(super) const fn new() -> Self {
        Self {
            storage: Vec::new(),
            start: 0,
            end: 0,
        }
    }

    /// The bytes that wait to be consumed.
    #[inline]
    pub(super) fn bytes(&self) -> &[u8] {
        &self.storage[self.start..self.end]
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.end - self.start
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Forgets the first `count` bytes.
    pub(super) fn consume(&mut self, count: usize) {
        assert!(
            count <= self.len(),
            "consumed {count} bytes of {}",
            self.len()
        );
        self.start += count;
        if self.is_empty() {
            self.start = 0;
            self.end = 0;
            if self.storage.len() > 8 * CHUNK {
                self.storage = Vec::new();
            }
        }
    }

    /// Room for at least `wanted` more bytes (and never less than a little), initialised.
    pub(super) fn room(&mut self, wanted: usize) -> &mut [u8] {
        let wanted = wanted.max(1);
        if self.storage.len() - self.end < wanted {
            // Moving the bytes to the front costs their length; it is done only when at least as
            // much was consumed since.
            if self.start >= self.len() {
                self.storage.copy_within(self.start..self.end, 0);
                self.end -= self.start;
                self.start = 0;
            }
            if self.storage.len() - self.end < wanted {
                let needed = self.end + wanted;
                self.storage
                    .resize(needed.max(self.storage.len() * 2).max(CHUNK), 0);
            }
        }
        &mut self.storage[self.end..]
    }

    /// Counts `count` bytes that were put into [`room`](Self::room).
    pub(super) fn commit(&mut self, count: usize) {
        assert!(
            count <= self.storage.len() - self.end,
            "the inner reader claims {count} bytes, more than it was given"
        );
        self.end += count;
    }

    /// Appends a copy of `bytes`.
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.room(bytes.len())[..bytes.len()].copy_from_slice(bytes);
        self.commit(bytes.len());
    }

    /// Copies as much as fits into `into` and consumes it.
    pub(super) fn copy_out(&mut self, into: &mut [u8]) -> usize {
        let count = self.len().min(into.len());
        into[..count].copy_from_slice(&self.bytes()[..count]);
        self.consume(count);
        count
    }

    /// Takes the first `count` bytes out as an own vector.
    pub(super) fn take(&mut self, count: usize) -> Vec<u8> {
        let taken = self.bytes()[..count].to_vec();
        self.consume(count);
        taken
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.len())
    }
}
