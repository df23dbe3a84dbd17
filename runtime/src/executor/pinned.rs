//! Values that stay where they are, in one allocation.
//!
//! It exists for the futures of a gather: a box each would cost more than the rest of their
//! bookkeeping. It must not know futures.

use std::pin::Pin;

/// Values that are pinned one by one; dropped in order with the whole.
pub(crate) struct PinnedSlice<T> {
    items: Box<[T]>,
}

impl<T> PinnedSlice<T> {
    pub(crate) fn new(items: Vec<T>) -> Self {
        Self {
            items: items.into_boxed_slice(),
        }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    #[inline]
    pub(crate) fn get(&mut self, number: usize) -> Option<Pin<&mut T>> {
        let item = self.items.get_mut(number)?;
        // SAFETY: the items live in a heap block that is as old as `self` and never reallocated; no
        // method moves one out or gives a plain `&mut T`; they are dropped in place, with the
        // block.
        Some(unsafe { Pin::new_unchecked(item) })
    }
}
