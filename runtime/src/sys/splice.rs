//! Moving bytes between descriptors inside of the kernel: splice(2) and sendfile(2), on Linux.
//!
//! splice wants a pipe on one side; sendfile wants a file to map on the side of the source. Neither
//! copies through the program's memory. Elsewhere both say `Unsupported` and the caller copies.
//!
//! splice blocks on descriptors that block, whatever `SPLICE_F_NONBLOCK` says (it is about the
//! pipe). sendfile may wait for the disk.

#[cfg(any(target_os = "linux", target_os = "android"))]
mod system {
    use std::io;
    use std::os::fd::{AsRawFd, BorrowedFd};
    use std::ptr;

    use crate::sys::bytes::transferred;

    /// Moves at most `most` bytes from one descriptor to another, one of which is a pipe. 0 is the
    /// end of the source.
    ///
    /// # Errors
    /// `InvalidInput` if these descriptors cannot be spliced, and what the system says otherwise.
    pub fn splice(from: BorrowedFd<'_>, to: BorrowedFd<'_>, most: usize) -> io::Result<usize> {
        let flags = libc::SPLICE_F_MOVE | libc::SPLICE_F_NONBLOCK;
        let (from, to) = (from.as_raw_fd(), to.as_raw_fd());
        loop {
            // SAFETY: the descriptors are open for as long as they are borrowed; null offsets mean
            // the files' own positions.
            let count =
                unsafe { libc::splice(from, ptr::null_mut(), to, ptr::null_mut(), most, flags) };
            if let Some(done) = transferred(count) {
                return done;
            }
        }
    }

    /// Sends at most `most` bytes of a file, from `offset` on, whatever the file's own position is.
    /// 0 is the end of the file.
    ///
    /// # Errors
    /// `InvalidInput` if this is no file that can be sent, and what the system says otherwise.
    pub fn send_file(
        from: BorrowedFd<'_>,
        to: BorrowedFd<'_>,
        offset: u64,
        most: usize,
    ) -> io::Result<usize> {
        let mut offset =
            libc::off64_t::try_from(offset).map_err(|_| io::ErrorKind::InvalidInput)?;
        let (from, to) = (from.as_raw_fd(), to.as_raw_fd());
        loop {
            // SAFETY: the descriptors are open for as long as they are borrowed, and the offset
            // lives for the call.
            let count = unsafe { libc::sendfile64(to, from, &raw mut offset, most) };
            if let Some(done) = transferred(count) {
                return done;
            }
        }
    }
}

/// Systems without splice, and whose sendfile is another one.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod system {
    use std::io;
    use std::os::fd::BorrowedFd;

    /// Moves bytes between descriptors inside of the kernel: not here.
    ///
    /// # Errors
    /// Always `Unsupported`.
    pub fn splice(_: BorrowedFd<'_>, _: BorrowedFd<'_>, _: usize) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Sends a part of a file: not here.
    ///
    /// # Errors
    /// Always `Unsupported`.
    pub fn send_file(_: BorrowedFd<'_>, _: BorrowedFd<'_>, _: u64, _: usize) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

pub use system::{send_file, splice};
