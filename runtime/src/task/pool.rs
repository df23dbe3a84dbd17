//! Memory for tasks: a free list a size class, carved from chunks that live as long as the runtime.
//!
//! It exists because malloc and free together cost more than everything else a spawn does. Sizes up to 1 KiB go
//! in steps of 16 bytes, up to 8 KiB in steps of 512; what is larger, or wants more than 16 bytes of alignment, goes to the
//! allocator. It must not know what is in a block.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::{Cell, RefCell};
use std::ptr::{self, NonNull};

const ALIGN: usize = 16;
const FINE: usize = 1024;
const COARSE_STEP: usize = 512;
const COARSE: usize = 8192;
const CLASSES: usize = FINE / ALIGN + 1 + (COARSE - FINE) / COARSE_STEP;
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
        Some(layout.size().div_ceil(ALIGN))
    } else {
        Some(FINE / ALIGN + (layout.size() - FINE).div_ceil(COARSE_STEP))
    }
}

const fn size_of_class(class: usize) -> usize {
    if class <= FINE / ALIGN {
        class * ALIGN
    } else {
        FINE + (class - FINE / ALIGN) * COARSE_STEP
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

    /// Room for the layout, uninitialised. The layout's size is not zero (a block starts with a pointer).
    #[inline]
    pub(crate) fn take(&self, layout: Layout) -> NonNull<u8> {
        let Some(class) = class_of(layout) else {
            return allocate(layout);
        };
        let list = &self.free[class];
        let Some(first) = NonNull::new(list.get()) else {
            return self.carve(size_of_class(class));
        };
        // SAFETY: what stands in a free list was written by `give`: a block of this class that nobody uses, whose
        // first word is a `Free`.
        let next = unsafe { (*first.as_ptr()).next };
        list.set(next);
        first.cast()
    }

    /// Takes a block back.
    ///
    /// # Safety
    /// `block` came from `take` of this pool with this layout, whose class `class` is; nothing uses it any more, and
    /// it is given back once.
    #[inline]
    pub(crate) unsafe fn give(&self, block: NonNull<u8>, layout: Layout, class: Option<usize>) {
        let Some(list) = class.and_then(|class| self.free.get(class)) else {
            // SAFETY: the caller says that it came from `take` with this layout, which took it from the allocator.
            return unsafe { dealloc(block.as_ptr(), layout) };
        };
        let free = block.cast::<Free>();
        // SAFETY: a block of a class has at least 16 bytes, is aligned to 16 and, the caller says, is unused.
        unsafe { free.write(Free { next: list.get() }) };
        list.set(free.as_ptr());
    }

    #[cold]
    fn carve(&self, size: usize) -> NonNull<u8> {
        if self.left.get() < size {
            let chunk = allocate(chunk_layout());
            self.chunks.borrow_mut().push(chunk);
            self.bump.set(chunk.as_ptr());
            self.left.set(CHUNK);
        }
        let block = self.bump.get();
        self.left.set(self.left.get() - size);
        // SAFETY: at least `size` bytes of the chunk are left (checked above), so this stays within it.
        self.bump.set(unsafe { block.add(size) });
        NonNull::new(block).expect("a chunk is not null")
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        for chunk in self.chunks.get_mut().drain(..) {
            // SAFETY: allocated in `carve` with this layout; the runtime that is dropped has retired every task.
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
