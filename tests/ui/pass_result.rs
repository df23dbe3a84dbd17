//! A program may end with a `Result`, and `?` needs no help to find the error's type.
#![deny(warnings, unused_qualifications)]

use std::fmt;
#[allow(unused_imports)]
use myrt::runtime::Builder;

#[derive(Debug)]
struct Mine;

impl From<fmt::Error> for Mine {
    fn from(_: fmt::Error) -> Self {
        Self
    }
}

/// Documented.
#[myrt::main]
async fn main() -> Result<(), Mine> {
    Err(fmt::Error).or(Ok::<(), fmt::Error>(()))?;
    Ok(())
}
