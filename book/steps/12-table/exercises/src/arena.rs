//! Values in a list, and keys that do not outlive them.
#![allow(unused_variables, dead_code, reason = "an exercise that is not done yet")]

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
        todo!("a free place, or a new one; which generation has the key?")
    }

    /// The value, if it was not removed.
    pub fn get(&self, key: Key) -> Option<&T> {
        todo!("which keys find nothing?")
    }

    /// Removes the value, if it is still there. Its key names nothing from here on, for ever.
    pub fn remove(&mut self, key: Key) -> Option<T> {
        todo!("and what if the generation is 255?")
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
