//! The table that wakers point into: the tasks of all threads, by key.

use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::executor::TaskWaker;
use crate::waits;

// ANCHOR: slot
/// A place for a task. The upper half of a key is the generation, the lower half the place.
struct Slot {
    generation: u32,
    task: Option<Arc<TaskWaker>>,
}

struct Table {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

static TABLE: Mutex<Table> = Mutex::new(Table { slots: Vec::new(), free: Vec::new() });

fn table() -> MutexGuard<'static, Table> {
    TABLE.lock().unwrap_or_else(PoisonError::into_inner)
}
// ANCHOR_END: slot

// ANCHOR: wake
/// Wakes the task that `key` names, from any thread. Nothing, if it has ended.
pub(crate) fn wake(key: u64) {
    let (generation, place) = ((key >> 32) as u32, key as u32 as usize);
    let table = table();
    let slot = table.slots.get(place).filter(|slot| slot.generation == generation);
    slot.and_then(|slot| slot.task.as_ref()).into_iter().for_each(|task| task.wake());
}
// ANCHOR_END: wake

// ANCHOR: insert
/// A task that has a place in the table. Dropped, it leaves it, and its key is stale.
pub(crate) struct Registered(Arc<TaskWaker>);

/// Gives a task a place and its key.
pub(crate) fn insert(make: impl FnOnce(u64) -> TaskWaker) -> Registered {
    let mut table = table();
    let place = table.free.pop().unwrap_or_else(|| {
        table.slots.push(Slot { generation: 0, task: None });
        table.slots.len() as u32 - 1
    });
    let slot = &mut table.slots[place as usize];
    let task = Arc::new(make(u64::from(slot.generation) << 32 | u64::from(place)));
    slot.task = Some(Arc::clone(&task));
    Registered(task)
}

impl Drop for Registered {
    fn drop(&mut self) {
        waits::ended(self.0.key);
        let (mut table, place) = (table(), self.0.key as u32);
        let slot = &mut table.slots[place as usize];
        slot.task = None;
        if let Some(next) = slot.generation.checked_add(1) {
            slot.generation = next;
            table.free.push(place);
        } // else all its keys are used up, and the place stays empty
    }
}
// ANCHOR_END: insert

impl Deref for Registered {
    type Target = Arc<TaskWaker>;

    fn deref(&self) -> &Arc<TaskWaker> {
        &self.0
    }
}
