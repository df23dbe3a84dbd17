//! What users call a task: an id that is never reused.
//!
//! It exists because a slot's index is reused and a waker's key may repeat; an id may be kept,
//! printed and compared for ever. It must not know the table.

use std::fmt;
use std::str::FromStr;

use super::slot::{INDEX_BITS, MAX_INDEX};

/// Names one task of one runtime, for ever: ids are never reused within a runtime.
///
/// It prints as the place in the task table, followed by `.n` for the n-th later occupant of that
/// place: `7` is the first task in place 7, `7.2` the third. The future given to `block_on` is
/// `main`.
///
/// Like tokio's `task::Id`; asyncio has task names only.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(u64);

impl Id {
    #[inline]
    pub(crate) fn from_identity(identity: u64) -> Self {
        Self(identity)
    }

    #[inline]
    pub(crate) fn identity(self) -> u64 {
        self.0
    }

    /// The id as a number, for programs that want one. Messages and logs show ids as `Display`
    /// does.
    #[must_use]
    pub fn as_u64(self) -> u64 {
        self.0
    }

    /// The place in the task table, and which occupant of that place it is.
    fn parts(self) -> (u64, u64) {
        (self.0 & u64::from(MAX_INDEX), self.0 >> INDEX_BITS)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.parts() {
            (0, 0..=2) => "main".to_owned(),
            (0, later) => format!("main.{}", later - 2),
            (place, 0) => place.to_string(),
            (place, later) => format!("{place}.{later}"),
        };
        f.pad(&text)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({self})")
    }
}

/// A text is not a task id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseIdError(());

impl fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a task id looks like 7, 7.2 or main")
    }
}

impl std::error::Error for ParseIdError {}

impl FromStr for Id {
    type Err = ParseIdError;

    /// Reads what `Display` wrote.
    ///
    /// # Errors
    /// When the text is not of that form.
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let (place, later) = text.split_once('.').unwrap_or((text, "0"));
        let later: u64 = later.parse().map_err(|_| ParseIdError(()))?;
        let (place, later) = match place {
            "main" => (0, later + 2),
            place => (place.parse::<u64>().map_err(|_| ParseIdError(()))?, later),
        };
        if place > u64::from(MAX_INDEX) || later >> 28 != 0 || (place == 0 && later < 2) {
            return Err(ParseIdError(()));
        }
        Ok(Self(later << INDEX_BITS | place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_can_be_read() {
        for identity in [
            1,
            7,
            (3 << INDEX_BITS) | 7,
            2 << INDEX_BITS,
            9 << INDEX_BITS,
        ] {
            let id = Id(identity);
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        assert_eq!(Id((2 << INDEX_BITS) | 7).to_string(), "7.2");
        assert_eq!(Id(2 << INDEX_BITS).to_string(), "main");
        assert!("".parse::<Id>().is_err());
        assert!("-1".parse::<Id>().is_err());
        assert!("0".parse::<Id>().is_err());
    }
}
