//! Memory for tasks: a free list a size class, carved from chunks that live as long as the runtime.
//!
//! It exists because malloc and free together cost more than everything else a spawn does. Sizes up
//! to 1 KiB go in steps of 8 bytes, up to 8 KiB in steps of 512; what is larger, or wants more than
//! 16 bytes of alignment, goes to the allocator. Blocks whose size is a multiple of 16 are aligned
//! to 16, the others to 8, and a layout that wants 16 is rounded up to such a size. It must not
//! know what is in a block.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::{Cell, RefCell};
use std::ptr::{self, NonNull};

const ALIGN: usize = 16;
const STEP: usize = 8;
const FINE: usize = 1024;
const COARSE_STEP: usize = 512;
const COARSE: usize = 8192;
const CLASSES: usize = FINE / STEP + 1 + (COARSE - FINE) / COARSE_STEP;
const CHUNK: usize = 64 * 1024;

/// A free block's first word: the next free block of its class.
struct Free {
    next: *mut Self,
}

/// See the module's head.
pub(crate) struct Pool {
    free: [Cell<*mut Free>; CLASSES],
    /// The rest of the newest chunk.
    bump: Cell<*mut u8>,
    left: Cell<usize>,
    chunks: RefCell<Vec<NonNull<u8>>>,
}

/// Where blocks of a layout come from: a class, or the allocator.
#[inline]
pub(crate) const fn class_of(layout: Layout) -> Option<usize> {
    if layout.align() > ALIGN || layout.size() > COARSE {
        None
    } else if layout.size() <= FINE {
        // A layout of alignment 16 has a size that is a multiple of it (they are layouts of types).
        Some(layout.size().div_ceil(STEP))
    } else {
        Some(FINE / STEP + (layout.size() - FINE).div_ceil(COARSE_STEP))
    }
}

const fn size_of_class(class: usize) -> usize {
    if class <= FINE / STEP {
        class * STEP
    } else {
        FINE + (class - FINE / STEP) * COARSE_STEP
    }
}

impl Pool {
    pub(crate) fn new() -> Self {
        Self {
            free: [const { Cell::new(ptr::null_mut()) }; CLASSES],
            bump: Cell::new(ptr::null_mut()),
            left: Cell::new(0),
            chunks: RefCell::new(Vec::new()),
        }
    }

    /// Room for the layout, uninitialised. The layout's size is not zero (a block starts with a
    /// pointer).
    #[inline]
    pub(crate) fn take(&self, layout: Layout) -> NonNull<u8> {
        let Some(class) = class_of(layout) else {
            return allocate(layout);
        };
        let list = &self.free[class];
        let Some(first) = NonNull::new(list.get()) else {
            return self.carve(size_of_class(class));
        };
        // SAFETY: what stands in a free list was written by `give`: a block of this class that
        // nobody uses, whose first word is a `Free`.
        let next = unsafe { (*first.as_ptr()).next };
        list.set(next);
        first.cast()
    }

    /// Takes a block back.
    ///
    /// # Safety
    /// `block` came from `take` of this pool with this layout, whose class `class` is; nothing uses
    /// it any more, and it is given back once.
    #[inline]
    pub(crate) unsafe fn give(&self, block: NonNull<u8>, layout: Layout, class: Option<usize>) {
        let Some(list) = class.and_then(|class| self.free.get(class)) else {
            // SAFETY: the caller says that it came from `take` with this layout, which took it from
            // the allocator.
            return unsafe { dealloc(block.as_ptr(), layout) };
        };
        let free = block.cast::<Free>();
        // SAFETY: a block of a class has at least 8 bytes, is aligned to 8 and, the caller says, is
        // unused.
        unsafe { free.write(Free { next: list.get() }) };
        list.set(free.as_ptr());
    }

    #[cold]
    fn carve(&self, size: usize) -> NonNull<u8> {
        if self.left.get() < size + STEP {
            let chunk = allocate(chunk_layout());
            self.chunks.borrow_mut().push(chunk);
            self.bump.set(chunk.as_ptr());
            self.left.set(CHUNK);
        }
        if size % ALIGN == 0 && self.left.get() % ALIGN != 0 {
            self.carve_off(STEP); // lost: a chunk is carved from an aligned start, so that what is left tells the alignment
        }
        self.carve_off(size)
    }

    /// Takes so many bytes, of which there are as many, off the newest chunk.
    fn carve_off(&self, size: usize) -> NonNull<u8> {
        let block = self.bump.get();
        self.left.set(self.left.get() - size);
        // SAFETY: at least `size` bytes of the chunk are left (checked above), so this stays within
        // it.
        self.bump.set(unsafe { block.add(size) });
        NonNull::new(block).expect("a chunk is not null")
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        for chunk in self.chunks.get_mut().drain(..) {
            // SAFETY: allocated in `carve` with this layout; the runtime that is dropped has
            // retired every task.
            unsafe { dealloc(chunk.as_ptr(), chunk_layout()) };
        }
    }
}

const fn chunk_layout() -> Layout {
    match Layout::from_size_align(CHUNK, ALIGN) {
        Ok(layout) => layout,
        Err(_) => panic!("64 KiB aligned to 16 is a layout"),
    }
}

fn allocate(layout: Layout) -> NonNull<u8> {
    // SAFETY: callers ask for sizes above zero (a chunk, or a block that starts with a pointer).
    NonNull::new(unsafe { alloc(layout) }).unwrap_or_else(|| handle_alloc_error(layout))
}

#[cfg(test)]
mod tests {
    use std::alloc::Layout;

    use super::{Pool, class_of};

    #[test]
    fn every_layout_gets_its_room_and_its_alignment() {
        let pool = Pool::new();
        let mut taken: Vec<(usize, usize)> = Vec::new();
        for round in 0..3 {
            for size in (8..2_500).step_by(8) {
                let align = if size % 16 == 0 { 16 } else { 8 };
                let layout = Layout::from_size_align(size, align).expect("a layout");
                let block = pool.take(layout);
                let start = block.as_ptr().addr();
                assert_eq!(start % align, 0, "size {size}, round {round}");
                let apart = |&(other, length): &(usize, usize)| {
                    start + size <= other || other + length <= start
                };
                assert!(taken.iter().all(apart), "size {size}, round {round}");
                if round == 1 {
                    // SAFETY: taken right above with this layout, and used by nobody.
                    unsafe { pool.give(block, layout, class_of(layout)) };
                } else {
                    taken.push((start, size));
                }
            }
        }
    }
}
