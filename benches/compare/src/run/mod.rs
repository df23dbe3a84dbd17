//! How each comparison is run. Every measurement is a process of its own, started from here.

pub mod child;
pub mod counted;
pub mod memory;
pub mod micro;
pub mod server;
pub mod tcp;
