//! `JoinSet`: tasks that belong together, joined as they end.
//!
//! Why: the number of tasks is not always known beforehand. Each task has a waker in a set of
//! children: its end puts its number on the set's ready list, so the next end is found in O(1)
//! among any number of tasks.

use std::collections::VecDeque;
use std::fmt;
use std::panic::{Location, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use slab::Slab;

use crate::blocking::spawn_blocking;
use crate::executor::extra::children::Children;
use crate::executor::join::leave_ends;
use crate::executor::spawn::{boxed_if_large, note_if_large, spawn_at};
use crate::executor::wait::{Wait, note_wait, poll_budget, poll_share, take_share};
use crate::executor::{Cancel, Id, JoinError, JoinHandle, TaskRef};

/// Tasks whose results are taken in the order in which they end. Dropping it cancels them all, and
/// the code that drops its owner waits for their async cleanups, as with
/// [`AbortOnDrop`](crate::task::AbortOnDrop).
///
/// tokio's `JoinSet`; with [`wait`](crate::future::wait()) asyncio's `wait`.
///
/// ```
/// use myrt::task::JoinSet;
/// use myrt::time::{Duration, sleep};
/// myrt::run(async {
///     let mut set = JoinSet::new();
///     for n in [3u64, 1, 2] {
///         set.spawn(async move {
///             sleep(Duration::from_millis(n * 5)).await;
///             n
///         });
///     }
///     let mut ended = Vec::new();
///     while let Some(result) = set.join_next().await {
///         ended.push(result.unwrap());
///     }
///     assert_eq!(ended, [1, 2, 3]);
/// });
/// ```
#[must_use = "dropping it cancels its tasks"]
pub struct JoinSet<T> {
    /// The bells; made by the first spawn.
    bells: Option<Children>,
    /// Tasks that were not seen to end; a task's key here is its bell's number.
    members: Slab<JoinHandle<T>>,
    /// Results that `wait` saw and nobody took.
    pub(super) ended: VecDeque<(Id, Result<T, JoinError>)>,
}

impl<T> JoinSet<T> {
    /// An empty set. It may be made outside of a runtime.
    pub const fn new() -> Self {
        Self {
            bells: None,
            members: Slab::new(),
            ended: VecDeque::new(),
        }
    }

    /// How many tasks are in it: those that run, and those that have ended and were not joined.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len() + self.ended.len()
    }

    /// Whether nothing is left to join.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T: 'static> JoinSet<T> {
    /// Spawns a task into the set. What is returned names the task and can cancel it; it may be
    /// ignored.
    ///
    /// # Panics
    /// Outside of a runtime; in another runtime than the set's other tasks.
    #[track_caller]
    pub fn spawn<F>(&mut self, future: F) -> TaskRef
    where
        F: Future<Output = T> + 'static,
    {
        let at = Location::caller();
        note_if_large::<F>(at);
        let handle = boxed_if_large!(future => spawn_at(future, at));
        self.insert(handle)
    }

    /// Runs `work` on the blocking pool, as [`spawn_blocking`] does, and puts its task into the
    /// set.
    ///
    /// # Panics
    /// As [`JoinSet::spawn`].
    #[track_caller]
    pub fn spawn_blocking<W>(&mut self, work: W) -> TaskRef
    where
        W: FnOnce() -> T + Send + 'static,
        T: Send,
    {
        self.insert(spawn_blocking(work))
    }

    /// Puts a task that was spawned elsewhere into the set: one with a name, or an eager one.
    ///
    /// # Panics
    /// As [`JoinSet::spawn`].
    #[track_caller]
    pub fn insert(&mut self, handle: JoinHandle<T>) -> TaskRef {
        assert!(
            handle.is_home(),
            "a JoinSet was given a task of another runtime"
        );
        let task = handle.task_ref();
        let bells = self.bells.get_or_insert_with(Children::new);
        let place = self.members.vacant_entry();
        let number = u32::try_from(place.key()).expect("fewer than 2^32 tasks in a set");
        let bell = bells.add_bell(number, Location::caller());
        place.insert(handle).wake_at_end(bell);
        task
    }

    /// Waits for the next task to end and gives its result; `None` when the set is empty.
    ///
    /// It costs the same among ten tasks and ten thousand. Cancel safe: a result is not lost.
    ///
    /// # Errors
    /// That of the task: it panicked or was cancelled.
    ///
    /// # Panics
    /// When polled outside of the tasks' runtime.
    #[track_caller]
    pub fn join_next(&mut self) -> JoinNext<'_, T> {
        JoinNext {
            set: self,
            at: Location::caller(),
        }
    }

    /// As [`JoinSet::join_next`], with the task's id.
    ///
    /// # Errors
    /// That of the task; it carries the id.
    pub async fn join_next_with_id(&mut self) -> Option<Result<(Id, T), JoinError>> {
        let at = Location::caller();
        let (id, result) = std::future::poll_fn(|cx| self.poll_next_at(cx, at)).await?;
        Some(result.map(|value| (id, value)))
    }

    /// The result of a task that has ended, if one has; it never waits.
    pub fn try_join_next(&mut self) -> Option<Result<T, JoinError>> {
        self.take_ended().map(|(_, result)| result)
    }

    /// As [`JoinSet::join_next`], for a `poll` function. `Ready(None)` when the set is empty.
    #[track_caller]
    pub fn poll_join_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, JoinError>>> {
        self.poll_next_at(cx, Location::caller())
            .map(|next| next.map(|(_, result)| result))
    }

    fn poll_next_at(
        &mut self,
        cx: &mut Context<'_>,
        at: &'static Location<'static>,
    ) -> Poll<Option<Ended<T>>> {
        if self.is_empty() {
            return poll_budget(cx).map(|()| None);
        }
        self.watch(cx);
        ready!(poll_share(cx));
        if let Some(ended) = self.take_ended() {
            take_share();
            return Poll::Ready(Some(ended));
        }
        note_wait(Wait::Children, at);
        Poll::Pending
    }

    /// Has the next end of a task wake `cx`.
    pub(super) fn watch(&self, cx: &Context<'_>) {
        if let Some(bells) = &self.bells {
            bells.assert_home();
            bells.set_owner(cx.waker());
        }
    }

    fn take_ended(&mut self) -> Option<Ended<T>> {
        self.ended.pop_front().or_else(|| self.take_rung())
    }

    /// The result of the next task whose bell rang.
    fn take_rung(&mut self) -> Option<Ended<T>> {
        let bells = self.bells.as_mut()?;
        while let Some(number) = bells.next_ready() {
            let ended = self
                .members
                .get(number as usize)
                .map(JoinHandle::is_finished);
            if ended != Some(true) {
                bells.rest(number); // somebody else woke it
                continue;
            }
            bells.release(number);
            let mut handle = self.members.remove(number as usize);
            if let Some(result) = handle.take_ended() {
                return Some((handle.id(), result));
            }
        }
        None
    }

    /// Moves the results of all that have ended to where `wait` looks at them.
    pub(super) fn collect_ended(&mut self) {
        while let Some(ended) = self.take_rung() {
            self.ended.push_back(ended);
        }
    }

    /// Whether every task has been seen to end.
    pub(super) fn all_ended(&self) -> bool {
        self.members.is_empty()
    }

    /// Waits for all of them and gives their values in the order in which they ended.
    ///
    /// # Panics
    /// When a task panicked (with what it panicked with) or was cancelled; the others are cancelled
    /// then.
    pub async fn join_all(mut self) -> Vec<T> {
        let mut values = Vec::with_capacity(self.len());
        while let Some(result) = self.join_next().await {
            match result {
                Ok(value) => values.push(value),
                Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
                Err(error) => panic!("{error}"),
            }
        }
        values
    }

    /// Cancels every task and waits until all have ended, async cleanups included. Their results
    /// are dropped.
    pub async fn shutdown(&mut self) {
        self.cancel_all();
        while let Some(result) = self.join_next().await {
            drop(result);
        }
    }
}

type Ended<T> = (Id, Result<T, JoinError>);

impl<T> JoinSet<T> {
    /// Cancels every task; their results, cancelled or not, can still be joined.
    pub fn cancel_all(&mut self) {
        self.cancel_each().for_each(drop);
    }

    fn cancel_each(&self) -> impl Iterator<Item = Cancel> {
        self.members.iter().map(|(_, handle)| handle.cancel())
    }

    /// As [`JoinSet::cancel_all`], by tokio's name.
    pub fn abort_all(&mut self) {
        self.cancel_all();
    }

    /// Lets every task run on by itself; the set is empty then.
    pub fn detach_all(&mut self) {
        self.bells = None;
        let ended = std::mem::take(&mut self.ended);
        let members = std::mem::take(&mut self.members);
        drop((members, ended));
    }
}

impl<T> Drop for JoinSet<T> {
    fn drop(&mut self) {
        // A panic in a task's destructor is that task's, and reported; it does not spare the
        // others.
        leave_ends(self.cancel_each());
    }
}

impl<T> Default for JoinSet<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: 'static, F: Future<Output = T> + 'static> FromIterator<F> for JoinSet<T> {
    /// Spawns every future.
    fn from_iter<I: IntoIterator<Item = F>>(futures: I) -> Self {
        let mut set = Self::new();
        set.extend(futures);
        set
    }
}

impl<T: 'static, F: Future<Output = T> + 'static> Extend<F> for JoinSet<T> {
    fn extend<I: IntoIterator<Item = F>>(&mut self, futures: I) {
        for future in futures {
            self.spawn(future);
        }
    }
}

impl<T> fmt::Debug for JoinSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinSet")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// The future of [`JoinSet::join_next`].
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct JoinNext<'a, T> {
    set: &'a mut JoinSet<T>,
    at: &'static Location<'static>,
}

impl<T: 'static> Future for JoinNext<'_, T> {
    type Output = Option<Result<T, JoinError>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let at = self.at;
        self.set
            .poll_next_at(cx, at)
            .map(|next| next.map(|(_, result)| result))
    }
}
