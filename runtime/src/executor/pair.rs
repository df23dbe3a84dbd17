//! A value with two owners, in memory that its thread uses again.
//!
//! It exists for channels that are made, used once and forgotten: malloc and free would cost as
//! much as all the rest of them. A block is an ordinary allocation; when its last owner goes, it is
//! kept in a short list of this thread for the next value of its size. It must not know what the
//! value is.
//!
//! # Safety
//!
//! A [`Half`] is one of exactly two pointers to a block. The first that is dropped says so in the
//! block (`alone`), the second drops the value and gives the block up; both are on one thread,
//! since a half is not `Send`. The lists need no destructor, so that halves may be dropped at any
//! time, also while the thread's other locals are torn down: [`Sweep`] empties them when the thread
//! ends, and closes them.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::Cell;
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::{self, NonNull};

/// One of the two owners of a value.
pub(crate) struct Half<T> {
    block: NonNull<Block<T>>,
    /// It owns the value, and stays on its thread.
    _owns: PhantomData<*mut T>,
}

struct Block<T> {
    value: T,
    /// The other owner is gone.
    alone: Cell<bool>,
}

/// Puts a value into one allocation with two owners.
#[inline]
pub(crate) fn pair<T>(value: T) -> (Half<T>, Half<T>) {
    let block = take(Layout::new::<Block<T>>()).cast::<Block<T>>();
    let alone = Cell::new(false);
    // SAFETY: `take` gave room for exactly this layout, and nobody else has it.
    unsafe { block.write(Block { value, alone }) };
    let half = || Half {
        block,
        _owns: PhantomData,
    };
    (half(), half())
}

impl<T> Deref for Half<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the block is live as long as one of its two halves is, and only shared references
        // are made to it.
        &unsafe { self.block.as_ref() }.value
    }
}

impl<T> Half<T> {
    #[inline]
    fn alone(&self) -> &Cell<bool> {
        // SAFETY: as in `deref`.
        &unsafe { self.block.as_ref() }.alone
    }

    /// Whether the other owner is gone.
    #[inline]
    pub(crate) fn is_alone(&self) -> bool {
        self.alone().get()
    }
}

impl<T> Drop for Half<T> {
    #[inline]
    fn drop(&mut self) {
        if self.is_alone() {
            let block = GiveBack(self.block);
            // SAFETY: the other half is gone and this one is going, so nobody refers to the value,
            // which is dropped once. Should that panic, the block is given back all the same.
            unsafe { ptr::drop_in_place(block.0.as_ptr()) };
        } else {
            self.alone().set(true);
        }
    }
}

/// Gives a block up when it is dropped; what was in it is dropped before.
struct GiveBack<T>(NonNull<Block<T>>);

impl<T> Drop for GiveBack<T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: `pair` took it from `take` with this layout; made by the last half alone, so
        // nobody uses it any more.
        unsafe { give(self.0.cast(), Layout::new::<Block<T>>()) };
    }
}

/// Blocks up to this size are kept.
const LARGEST: usize = 256;
const STEP: usize = 32;
/// How many of a class a thread keeps.
const KEEP: u32 = 64;

/// The free blocks of one size, each pointing to the next by its first word.
struct List {
    first: Cell<*mut Free>,
    /// How many more it may keep.
    room: Cell<u32>,
}

struct Free {
    next: *mut Self,
}

thread_local! {
    static LISTS: [List; LARGEST / STEP] = const {
        [const { List { first: Cell::new(ptr::null_mut()), room: Cell::new(0) } }; LARGEST / STEP]
    };
    static SWEEP: Sweep = Sweep::begin();
}

/// The class of a layout, if its blocks are kept.
const fn class_of(layout: Layout) -> Option<usize> {
    if layout.size() > LARGEST || layout.align() > align_of::<u128>() {
        None
    } else {
        Some((layout.size() - 1) / STEP)
    }
}

/// What is allocated for a class: its largest size, so that every block of it fits every value of
/// it.
const fn layout_of(class: usize) -> Layout {
    match Layout::from_size_align((class + 1) * STEP, align_of::<u128>()) {
        Ok(layout) => layout,
        Err(_) => panic!("a small multiple of 32 is a size"),
    }
}

/// Room for the layout, uninitialised. Its size is not zero (a block has a flag in it).
#[inline]
fn take(layout: Layout) -> NonNull<u8> {
    let Some(class) = class_of(layout) else {
        return allocate(layout);
    };
    let kept = LISTS.with(|lists| {
        let first = NonNull::new(lists[class].first.get())?;
        // SAFETY: what stands in a list was put there by `give`: a block that nobody uses, which
        // begins with a `Free`.
        lists[class].first.set(unsafe { first.as_ref() }.next);
        lists[class].room.set(lists[class].room.get() + 1);
        Some(first.cast())
    });
    kept.unwrap_or_else(|| allocate_of(class))
}

/// Takes a block back.
///
/// # Safety
/// It came from `take` with this layout, on whatever thread; nobody uses it any more, and it is
/// given back once.
#[inline]
unsafe fn give(block: NonNull<u8>, layout: Layout) {
    let Some(class) = class_of(layout) else {
        // SAFETY: `take` took it from the allocator with this layout.
        return unsafe { dealloc(block.as_ptr(), layout) };
    };
    let kept = LISTS.with(|lists| {
        let list = &lists[class];
        let Some(room) = list.room.get().checked_sub(1) else {
            return false;
        };
        let free = block.cast::<Free>();
        let next = list.first.get();
        // SAFETY: a block of a class has at least 32 bytes aligned to 16 and, the caller says, is
        // unused.
        unsafe { free.write(Free { next }) };
        list.first.set(free.as_ptr());
        list.room.set(room);
        true
    });
    if !kept {
        // SAFETY: `allocate_of` allocated it with the layout of its class.
        unsafe { dealloc(block.as_ptr(), layout_of(class)) };
    }
}

#[cold]
fn allocate_of(class: usize) -> NonNull<u8> {
    // The first block of a thread opens its lists. While it ends they stay closed.
    let _ = SWEEP.try_with(|_| ());
    allocate(layout_of(class))
}

fn allocate(layout: Layout) -> NonNull<u8> {
    // SAFETY: callers ask for sizes above zero (a block has a flag in it).
    NonNull::new(unsafe { alloc(layout) }).unwrap_or_else(|| handle_alloc_error(layout))
}

/// Open lists; dropped at the end of its thread.
struct Sweep;

impl Sweep {
    fn begin() -> Self {
        LISTS.with(|lists| lists.iter().for_each(|list| list.room.set(KEEP)));
        Self
    }
}

impl Drop for Sweep {
    fn drop(&mut self) {
        LISTS.with(|lists| {
            for (class, list) in lists.iter().enumerate() {
                list.room.set(0);
                while let Some(free) = NonNull::new(list.first.get()) {
                    // SAFETY: a block in a list, as in `take`.
                    list.first.set(unsafe { free.as_ref() }.next);
                    // SAFETY: it is out of the list, unused, and was allocated with the layout of
                    // its class.
                    unsafe { dealloc(free.as_ptr().cast(), layout_of(class)) };
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::rc::Rc;
    use std::thread;

    use super::{KEEP, pair};

    #[test]
    fn the_value_is_dropped_with_its_second_owner() {
        let value = Rc::new(());
        let (one, other) = pair(Rc::clone(&value));
        drop(one);
        assert_eq!(Rc::strong_count(&value), 2);
        drop(other);
        assert_eq!(Rc::strong_count(&value), 1);
    }

    #[test]
    fn sizes_of_all_classes_and_more_than_are_kept() {
        fn many<const N: usize>() {
            let pairs: Vec<_> = (0..KEEP + 10).map(|n| pair([n as u8; N])).collect();
            for (n, (one, other)) in pairs.into_iter().enumerate() {
                drop(other);
                assert_eq!(*one, [n as u8; N]);
            }
        }
        for _ in 0..2 {
            many::<0>();
            many::<1>();
            many::<31>();
            many::<64>();
            many::<255>();
            many::<256>();
            many::<1000>();
        }
    }

    #[test]
    fn a_destructor_may_make_and_drop_pairs_and_panic() {
        struct Nests(Cell<u8>);
        impl Drop for Nests {
            fn drop(&mut self) {
                if self.0.get() > 0 {
                    drop(pair(Self(Cell::new(self.0.get() - 1))));
                } else {
                    panic!("the innermost");
                }
            }
        }
        let unwound = std::panic::catch_unwind(|| drop(pair(Nests(Cell::new(5)))));
        assert!(unwound.is_err());
        let (one, _other) = pair(7);
        assert_eq!(*one, 7);
    }

    #[test]
    fn halves_outlive_the_lists_of_their_thread() {
        thread_local! {
            static KEPT: RefCell<Option<super::Half<String>>> = const { RefCell::new(None) };
        }
        thread::scope(|scope| {
            scope.spawn(|| {
                // Registered first, so dropped after the lists are swept, or before: either must be
                // sound.
                KEPT.with(|kept| *kept.borrow_mut() = Some(pair("kept".to_owned()).0));
                drop(pair("swept".to_owned()));
            });
        });
    }
}
