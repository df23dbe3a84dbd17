//! `Local`: a value of one thread, in a wrapper that any thread may hold.
//!
//! Why: frameworks ask for `Send` although their tasks run on one thread. The wrapper knows its
//! thread and asks at each use; a value that is dropped elsewhere is sent home first.

use std::any::type_name;
use std::fmt;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::current;
use super::registry::{self, Message};
use crate::sys::stderr::complain;

/// A value that stays on its thread, in a wrapper that is `Send + Sync`: for an `Rc`, a
/// [`sync::Mutex`](crate::sync::Mutex) or a future that is not `Send`, where a framework asks for
/// `Send` although nothing leaves the thread (axum's state and handlers, tower's services).
///
/// The wrapper may be moved to any thread; the value may be used on the thread alone that made the
/// wrapper, and every use asks. Dropped on another thread, it sends the value home: the runtime in
/// which it was made drops it there at its next turn, or, if that has ended, another runtime of the
/// same thread. Where no runtime is left on that thread, the value is never dropped (its destructor
/// must not run elsewhere), and a line on stderr says so.
///
/// Any thread may ask [`is_here`](Local::is_here), and use [`try_get`](Local::try_get), which does
/// not panic. A clone belongs to the same thread. It costs a comparison at each use, and no
/// allocation. tokio has `spawn_local` for futures of this kind, but no such wrapper.
///
/// ```
/// use std::cell::Cell;
/// use std::rc::Rc;
/// use myrt::task::Local;
///
/// #[derive(Clone)]
/// struct State { hits: Local<Rc<Cell<u32>>> }
/// fn wants_send<T: Clone + Send + Sync>(state: &T) -> T { state.clone() }
///
/// myrt::run(async {
///     let state = State { hits: Local::new(Rc::new(Cell::new(0))) };
///     let copy = wants_send(&state);
///     copy.hits.set(copy.hits.get() + 1);
///     assert_eq!(state.hits.get(), 1);
/// });
/// ```
///
/// A future that is not `Send`, for what asks for one that is ([`Local::pin`]):
///
/// ```
/// use std::rc::Rc;
/// use myrt::task::Local;
///
/// fn handler() -> impl Future<Output = usize> + Send {
///     Local::pin(async {
///         let text = Rc::new("of one thread");
///         myrt::yield_now().await;
///         text.len()
///     })
/// }
/// assert_eq!(myrt::run(handler()), 13);
/// ```
///
/// # Panics
/// All uses of the value on another thread than its own, at the caller's line: `Deref`, `DerefMut`,
/// [`into_inner`](Local::into_inner), cloning, polling.
#[doc(alias = "SendWrapper")]
#[doc(alias = "Fragile")]
pub struct Local<T: 'static> {
    /// None: taken out.
    value: Option<T>,
    /// The thread that made it.
    thread: u64,
    /// The runtime in which it was made, 0 if in none.
    runtime: u64,
    at: &'static Location<'static>,
}

// SAFETY: on another thread than the one that made it nothing reaches the value: `try_get`,
// `try_get_mut` and `into_inner`, through which all uses go, compare the thread's number, which is
// never given twice; and `drop` moves the value away without touching it.
unsafe impl<T: 'static> Send for Local<T> {}
// SAFETY: as above; the other fields are plain data.
unsafe impl<T: 'static> Sync for Local<T> {}

impl<T: 'static> Local<T> {
    /// Wraps `value`, which belongs to this thread from now on.
    #[must_use]
    #[track_caller]
    pub fn new(value: T) -> Self {
        Self {
            value: Some(value),
            thread: current::thread_number(),
            runtime: current::with_core(|core| core.map_or(0, |core| core.serial)),
            at: Location::caller(),
        }
    }

    /// Whether this is the value's thread.
    #[inline]
    #[must_use]
    pub fn is_here(&self) -> bool {
        self.thread == current::thread_number()
    }

    /// The value; none on another thread than its own.
    #[inline]
    #[must_use]
    pub fn try_get(&self) -> Option<&T> {
        self.value.as_ref().filter(|_| self.is_here())
    }

    /// The value; none on another thread than its own.
    #[inline]
    #[must_use]
    pub fn try_get_mut(&mut self) -> Option<&mut T> {
        let here = self.is_here();
        self.value.as_mut().filter(|_| here)
    }

    /// Takes the value out.
    ///
    /// # Panics
    /// On another thread than its own.
    #[must_use]
    #[track_caller]
    pub fn into_inner(mut self) -> T {
        let here = self.is_here();
        match self.value.take_if(|_| here) {
            Some(value) => value,
            None => self.refuse(),
        }
    }

    /// The runtime in which it was made, 0 if in none.
    pub(crate) fn runtime(&self) -> u64 {
        self.runtime
    }

    #[cold]
    #[track_caller]
    fn refuse(&self) -> ! {
        let what = format!("the Local<{}> of {} was used", type_name::<T>(), self.at);
        if registry::by_serial(self.runtime).is_some() {
            registry::refuse(&what, self.runtime);
        }
        panic!(
            "{what} on thread {}, and it belongs to another one: use it on the thread that made it",
            registry::name_of(&std::thread::current())
        )
    }
}

impl<F: Future + 'static> Local<Pin<Box<F>>> {
    /// Boxes a future that may not be `Send`: the wrapper is a future that is.
    ///
    /// # Panics
    /// When it is polled on another thread than the one that called this.
    #[track_caller]
    pub fn pin(future: F) -> Self {
        Self::new(Box::pin(future))
    }
}

impl<T: 'static> Deref for Local<T> {
    type Target = T;

    #[inline]
    #[track_caller]
    fn deref(&self) -> &T {
        match self.try_get() {
            Some(value) => value,
            None => self.refuse(),
        }
    }
}

impl<T: 'static> DerefMut for Local<T> {
    #[inline]
    #[track_caller]
    fn deref_mut(&mut self) -> &mut T {
        if !self.is_here() {
            self.refuse();
        }
        self.value.as_mut().expect("only into_inner takes it out")
    }
}

impl<T: Clone + 'static> Clone for Local<T> {
    #[track_caller]
    fn clone(&self) -> Self {
        Self::new(T::clone(self))
    }
}

impl<T: 'static> From<T> for Local<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: Default + 'static> Default for Local<T> {
    #[track_caller]
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<F: Future + Unpin + 'static> Future for Local<F> {
    type Output = F::Output;

    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut **self).poll(cx)
    }
}

impl<S: Stream + Unpin + 'static> Stream for Local<S> {
    type Item = S::Item;

    #[track_caller]
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        Pin::new(&mut **self).poll_next(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.try_get()
            .map_or((0, None), |stream| stream.size_hint())
    }
}

impl<T: fmt::Debug + 'static> fmt::Debug for Local<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.try_get() {
            Some(value) => f.debug_tuple("Local").field(value).finish(),
            None => f.write_str("Local(of another thread)"),
        }
    }
}

impl<T: 'static> Drop for Local<T> {
    #[inline]
    fn drop(&mut self) {
        if !self.is_here() {
            if let Some(value) = self.value.take() {
                send_home(value, self);
            }
        }
    }
}

/// A value on its way home. Dropped on the way it is leaked.
struct Homing<T>(ManuallyDrop<T>);

// SAFETY: `send_home` alone makes one, and the value is taken out by a call that the runtime makes
// on the value's own thread. Everywhere else it is moved, or forgotten.
unsafe impl<T> Send for Homing<T> {}

/// Has `value`, which is of another thread, dropped there.
#[cold]
fn send_home<T: 'static>(value: T, local: &Local<T>) {
    let homing = Homing(ManuallyDrop::new(value));
    let thread = local.thread;
    let mut message = Message::call(move |_| {
        let homing = homing; // the whole of it is captured, not its field, which is not Send
        if current::thread_number() == thread {
            drop(ManuallyDrop::into_inner(homing.0));
        }
    });
    let own = registry::by_serial(local.runtime);
    for home in own.into_iter().chain(registry::on_thread(thread)) {
        match home.send(message) {
            Ok(()) => return,
            Err(refused) => message = refused,
        }
    }
    complain(format_args!(
        "myrt: the Local<{}> of {} was dropped on another thread when no runtime of its own was left: the value is leaked",
        type_name::<T>(),
        local.at
    ));
}
