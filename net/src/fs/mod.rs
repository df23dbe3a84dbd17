//! Files and directories, on the blocking pool.
//!
//! The system has no readiness for files: a read of a regular file is always "ready" and then may
//! wait for the disk. So each operation is a job for a thread of the pool (see
//! [`spawn_blocking`](myrt_runtime::task::spawn_blocking)), some 10 to 20 microseconds dearer than
//! the bare call. Prefer the whole-file functions, which are one job each, where that is possible.
//! It knows nothing of what is in the files.
//!
//! # What a dropped operation has done
//!
//! A job that has begun cannot be stopped. An operation whose future is dropped may therefore still
//! happen, or not; what was *acknowledged* (the future was ready with `Ok`) has happened, has
//! reached the system, and is in the file even if the program ends at once. (That a power failure
//! does not undo it takes [`File::sync_all`].)
//!
//! # Reading order
//!
//! `job.rs` (one call on the pool) · `whole.rs` (functions on paths) · `file.rs` (an open file) ·
//! `options.rs` · `dir.rs`.

mod dir;
mod file;
mod file_ops;
mod job;
mod options;
mod whole;

pub use std::fs::{FileType, Metadata, Permissions};

pub use dir::{DirEntry, NextEntry, ReadDir, ReadDirFuture, read_dir};
pub use file::File;
pub use file_ops::{Read, ReadExact, ReadToEnd, ReadToString, Seek, Write, WriteAll};
pub use job::Job;
pub use options::{OpenFuture, OpenOptions};
pub use whole::{
    canonicalize, copy, create_dir, create_dir_all, hard_link, metadata, read, read_link,
    read_to_string, remove_dir, remove_dir_all, remove_file, rename, set_permissions, symlink,
    symlink_metadata, try_exists, write,
};
