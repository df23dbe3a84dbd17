//! Starved branches in detail: what was granted, what fired, and which polls count.
