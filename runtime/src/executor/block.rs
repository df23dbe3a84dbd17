//! A task's one allocation: a pointer to what can be done with it, then the future, later its
//! output.
//!
//! It exists so that the executor can hold futures of every type behind one thin pointer. Since
//! wakers hold no pointer to it, there is exactly one owner, the loop, and no state machine of
//! references. It must not know the ready ring, wakers or join handles: which of future and output
//! is present is for the slot's flags to say.
//!
//! # Who may touch what
//!
//! Only the loop's thread, through the functions of [`VTable`]. The future is present from
//! [`write`] until `poll` returned true or `drop_future` was called; the output from the moment
//! `poll` returned true until it is taken or `drop_output` is called. `free` is called last, when
//! neither is present.

use std::alloc::Layout;
use std::any::TypeId;
use std::cell::Cell;
use std::mem::{ManuallyDrop, offset_of};
use std::pin::Pin;
use std::ptr::{self, NonNull};
use std::task::{Context, Poll};

use super::pool::{Pool, class_of};
use super::probe;

/// What every block starts with.
#[repr(C)]
pub(crate) struct Header {
    pub(crate) vtable: &'static VTable,
}

/// What can be done with a block whose future's type is forgotten.
pub(crate) struct VTable {
    /// Polls the future; true when it was ready, and then the future is dropped and the output in
    /// its place.
    pub(crate) poll: unsafe fn(NonNull<Header>, &mut Context<'_>, &Cell<bool>) -> bool,
    pub(crate) drop_future: unsafe fn(NonNull<Header>),
    /// Where the output lies in the block, an `Option<T>` for the `T` of this type id.
    output_offset: usize,
    output_type: fn() -> TypeId,
    /// Drops the output. If it is asked for the error that it was, and can read its type, that is
    /// returned.
    pub(crate) drop_output: unsafe fn(NonNull<Header>, bool) -> Option<String>,
    layout: Layout,
    /// The pool's class of the layout.
    class: Option<usize>,
}

#[repr(C)]
struct Block<F: Future> {
    header: Header,
    stage: Stage<F>,
}

union Stage<F: Future> {
    future: ManuallyDrop<F>,
    output: ManuallyDrop<Option<F::Output>>,
}

struct Table<F>(F);

impl<F> Table<F>
where
    F: Future + 'static,
    F::Output: 'static,
{
    const VTABLE: &'static VTable = &VTable {
        poll: poll::<F>,
        drop_future: drop_future::<F>,
        output_offset: offset_of!(Block<F>, stage),
        output_type: type_of::<F::Output>,
        drop_output: drop_output::<F>,
        layout: Layout::new::<Block<F>>(),
        class: class_of(Layout::new::<Block<F>>()),
    };
}

/// Not inlined, so that a crate has it once a type, and its address nearly always tells types
/// apart.
#[inline(never)]
fn type_of<T: 'static>() -> TypeId {
    TypeId::of::<T>()
}

/// Moves a future into a block of the pool.
#[inline]
pub(crate) fn write<F>(pool: &Pool, future: F) -> NonNull<Header>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let block = pool.take(Layout::new::<Block<F>>()).cast::<Block<F>>();
    let header = Header {
        vtable: Table::<F>::VTABLE,
    };
    // SAFETY: the pool gave room for exactly this layout, and nobody else has it.
    unsafe {
        block.write(Block {
            header,
            stage: Stage {
                future: ManuallyDrop::new(future),
            },
        });
    };
    block.cast()
}

/// Whether `address` lies in the block.
///
/// # Safety
/// The block is live.
pub(crate) unsafe fn spans(header: NonNull<Header>, address: usize) -> bool {
    // SAFETY: the caller says that it is live.
    let vtable = unsafe { header.as_ref() }.vtable;
    let begin = header.addr().get();
    (begin..begin + vtable.layout.size()).contains(&address)
}

/// Gives the block's memory back.
///
/// # Safety
/// Neither future nor output is present, and nobody uses the block after this.
#[inline]
pub(crate) unsafe fn free(pool: &Pool, header: NonNull<Header>) {
    // SAFETY: the block is still allocated, the caller says that this is its last use.
    let vtable = unsafe { header.as_ref() }.vtable;
    // SAFETY: `write` took it from the pool with this layout; last use as above.
    unsafe { pool.give(header.cast(), vtable.layout, vtable.class) };
}

/// Where the stage of a block lies; a plain address computation.
#[inline]
fn stage<F: Future>(header: NonNull<Header>) -> *mut Stage<F> {
    let block = header.cast::<Block<F>>().as_ptr();
    // SAFETY: the vtable of `F` is only reached through a header that `write::<F>` placed, so the
    // block is a live `Block<F>`; no reference is made.
    unsafe { &raw mut (*block).stage }
}

/// # Safety
/// The header belongs to a `Block<F>` whose future is present.
#[inline]
unsafe fn future<'a, F: Future>(header: NonNull<Header>) -> &'a mut ManuallyDrop<F> {
    // SAFETY: the stage is a live union, and the loop is the only one who touches it.
    let stage = unsafe { &mut *stage::<F>(header) };
    // SAFETY: the caller says that the future is what it holds.
    unsafe { &mut stage.future }
}

/// # Safety
/// The future is present. `dropping` is set while the finished future's destructor runs, so that
/// who catches a panic knows that the future must not be dropped again.
unsafe fn poll<F: Future>(
    header: NonNull<Header>,
    cx: &mut Context<'_>,
    dropping: &Cell<bool>,
) -> bool {
    // SAFETY: the caller says that the future is present.
    let slot = unsafe { future::<F>(header) };
    // SAFETY: the block never moves and the future is dropped in place, so it is pinned.
    let pinned = unsafe { Pin::new_unchecked(&mut **slot) };
    let Poll::Ready(output) = pinned.poll(cx) else {
        return false;
    };
    if std::mem::needs_drop::<F>() {
        dropping.set(true);
        // SAFETY: the future is present and is never touched again: the output takes its place
        // below, and if its destructor panics `dropping` says so.
        unsafe { ManuallyDrop::drop(slot) };
        dropping.set(false);
    }
    let place = stage::<F>(header);
    // SAFETY: the place is valid for the stage, and what was there is dropped.
    unsafe {
        ptr::write(
            place,
            Stage {
                output: ManuallyDrop::new(Some(output)),
            },
        );
    };
    true
}

/// # Safety
/// The future is present, and counts as gone from the call on, even if its destructor panics.
unsafe fn drop_future<F: Future>(header: NonNull<Header>) {
    // SAFETY: the caller says that it is present.
    let future = unsafe { future::<F>(header) };
    // SAFETY: dropped once, the caller says that it counts as gone.
    unsafe { ManuallyDrop::drop(future) };
}

/// # Safety
/// The output is present, and counts as gone from the call on.
unsafe fn drop_output<F>(header: NonNull<Header>, read: bool) -> Option<String>
where
    F: Future,
    F::Output: 'static,
{
    // SAFETY: the stage is a live union, and the loop is the only one who touches it.
    let stage = unsafe { &mut *stage::<F>(header) };
    // SAFETY: the caller says that the output is what it holds.
    let output = unsafe { &mut stage.output };
    let error = output
        .as_ref()
        .filter(|_| read)
        .and_then(|it| probe::error_of(it));
    // SAFETY: dropped once, the caller says that it counts as gone.
    unsafe { ManuallyDrop::drop(output) };
    error
}

/// Takes the output out of a block; none if it was taken before, or if it is of another type than
/// `T`.
///
/// # Safety
/// The output is present, and nobody else touches the block meanwhile.
#[inline(always)]
pub(crate) unsafe fn take_output<T: 'static>(header: NonNull<Header>) -> Option<T> {
    // SAFETY: the block is live while its output is present.
    let vtable = unsafe { header.as_ref() }.vtable;
    // One function names one type, and that it is the same one is quickly seen; two may name the
    // same type still.
    let same = ptr::fn_addr_eq(vtable.output_type, type_of::<T> as fn() -> TypeId);
    if !same && (vtable.output_type)() != type_of::<T>() {
        return None;
    }
    // SAFETY: the offset is that of the stage in this very block (its vtable says so).
    let output = unsafe { header.byte_add(vtable.output_offset) };
    // SAFETY: a union's fields start where it starts; the caller says that the output is present,
    // and its type is `Option<T>`, as the type id says. Nobody else has a reference to it.
    unsafe { output.cast::<Option<T>>().as_mut() }.take()
}

/// What stands in the main future's slot: a block on the stack of `block_on`, whose future is a
/// closure.
#[repr(C)]
pub(crate) struct MainBlock<M> {
    header: Header,
    poll: M,
}

impl<M: FnMut(&mut Context<'_>) -> bool> MainBlock<M> {
    const VTABLE: &'static VTable = &VTable {
        poll: Self::poll,
        drop_future: |_| (),
        output_offset: 0,
        output_type: type_of::<()>,
        drop_output: |_, _| None,
        layout: Layout::new::<Header>(),
        class: None,
    };

    pub(crate) fn new(poll: M) -> Self {
        Self {
            header: Header {
                vtable: Self::VTABLE,
            },
            poll,
        }
    }

    /// The block as the table holds it; good for as long as the borrow of `self` that made it is
    /// not used otherwise.
    pub(crate) fn header(&mut self) -> NonNull<Header> {
        NonNull::from(self).cast()
    }

    /// # Safety
    /// The header is that of a `MainBlock` of this type that is still on the stack.
    unsafe fn poll(header: NonNull<Header>, cx: &mut Context<'_>, _dropping: &Cell<bool>) -> bool {
        // SAFETY: only `MainBlock::header` makes headers with this vtable; `block_on` takes it out
        // of the table before the block leaves the stack, and polls it through the table alone.
        let block = unsafe { header.cast::<Self>().as_mut() };
        (block.poll)(cx)
    }
}
