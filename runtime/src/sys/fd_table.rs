//! [`FdTable`]: a map from file descriptors to what a backend keeps about them.
//!
//! The kernel gives out the lowest free number, so descriptors are small and dense, and a vector is
//! the right map.

use std::io;
use std::os::fd::RawFd;

/// At most one `T` a descriptor.
pub(super) struct FdTable<T> {
    slots: Vec<Option<T>>,
}

impl<T> FdTable<T> {
    pub(super) const fn new() -> Self {
        Self { slots: Vec::new() }
    }

    pub(super) fn get(&self, fd: RawFd) -> Option<&T> {
        self.slots.get(usize::try_from(fd).ok()?)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, fd: RawFd) -> Option<&mut T> {
        self.slots.get_mut(usize::try_from(fd).ok()?)?.as_mut()
    }

    /// As `get_mut`, with the error that the kernel would give for a descriptor that is not
    /// registered.
    pub(super) fn registered(&mut self, fd: RawFd) -> io::Result<&mut T> {
        self.get_mut(fd)
            .ok_or_else(|| io::Error::from_raw_os_error(libc::ENOENT))
    }

    /// Puts `value` there and returns what was there.
    pub(super) fn insert(&mut self, fd: RawFd, value: T) -> io::Result<Option<T>> {
        let place = usize::try_from(fd).map_err(|_| io::Error::from_raw_os_error(libc::EBADF))?;
        if place >= self.slots.len() {
            self.slots.resize_with(place + 1, || None);
        }
        Ok(self.slots[place].replace(value))
    }

    pub(super) fn remove(&mut self, fd: RawFd) -> Option<T> {
        self.slots.get_mut(usize::try_from(fd).ok()?)?.take()
    }

    /// All entries, by rising descriptor.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (RawFd, &mut T)> {
        // The places are descriptors, so each fits in one.
        self.slots
            .iter_mut()
            .enumerate()
            .filter_map(|(fd, slot)| Some((fd as RawFd, slot.as_mut()?)))
    }
}
