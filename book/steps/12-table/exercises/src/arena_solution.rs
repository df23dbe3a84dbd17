//! Values in a list, and keys that do not outlive them.

/// Names one value. The generation is small, so that it is used up within a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    generation: u8,
    place: usize,
}

struct Slot<T> {
    generation: u8,
    value: Option<T>,
}

pub struct Arena<T> {
    slots: Vec<Slot<T>>,
    free: Vec<usize>,
}

impl<T> Arena<T> {
    pub fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new() }
    }

    /// Puts a value into a free place, or into a new one.
    pub fn insert(&mut self, value: T) -> Key {
        let place = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot { generation: 0, value: None });
            self.slots.len() - 1
        });
        let slot = &mut self.slots[place];
        slot.value = Some(value);
        Key { generation: slot.generation, place }
    }

    /// The value, if it was not removed.
    pub fn get(&self, key: Key) -> Option<&T> {
        let slot = &self.slots[key.place];
        slot.value.as_ref().filter(|_| slot.generation == key.generation)
    }

    /// Removes the value, if it is still there. Its key names nothing from here on, for ever.
    pub fn remove(&mut self, key: Key) -> Option<T> {
        self.get(key)?;
        let slot = &mut self.slots[key.place];
        if let Some(next) = slot.generation.checked_add(1) {
            slot.generation = next;
            self.free.push(key.place);
        } // else the place stays empty: a key of it could repeat
        slot.value.take()
    }

    /// How many places there are, used or not.
    pub fn places(&self) -> usize {
        self.slots.len()
    }
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Self::new()
    }
}
