//! What a scope failed with: all of it.
//!
//! Why: no error and no panic of a child may be lost.

use std::any::Any;
use std::convert::Infallible;
use std::fmt;
use std::panic::resume_unwind;

use crate::executor::error::message;

/// One thing that failed.
pub enum Failure<E = Infallible> {
    /// An `Err`, of a child that was started with `try_spawn`, or of the body of `try_scope`.
    Error(E),
    /// A panic of a child or of the body, with what it panicked with.
    Panic(Box<dyn Any + Send>),
}

impl<E: fmt::Display> fmt::Display for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => error.fmt(f),
            Self::Panic(panic) => write!(f, "panicked: {}", text_of(panic.as_ref())),
        }
    }
}

impl<E: fmt::Debug> fmt::Debug for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => f.debug_tuple("Error").field(error).finish(),
            Self::Panic(panic) => f
                .debug_tuple("Panic")
                .field(&text_of(panic.as_ref()))
                .finish(),
        }
    }
}

fn text_of(panic: &(dyn Any + Send)) -> &str {
    message(panic).unwrap_or("(a value that is not a text)")
}

/// Everything that failed in a scope, in the order in which it happened, and whether the scope's
/// deadline has passed.
///
/// asyncio's and trio's `ExceptionGroup`.
#[doc(alias = "ExceptionGroup")]
pub struct ScopeError<E = Infallible> {
    failures: Vec<Failure<E>>,
    elapsed: bool,
}

impl<E> ScopeError<E> {
    pub(super) fn new(failures: Vec<Failure<E>>, elapsed: bool) -> Self {
        Self { failures, elapsed }
    }

    /// What failed. Empty when nothing did but the deadline passed.
    #[must_use]
    pub fn failures(&self) -> &[Failure<E>] {
        &self.failures
    }

    /// What failed, to be had.
    #[must_use]
    pub fn into_failures(self) -> Vec<Failure<E>> {
        self.failures
    }

    /// The errors among what failed.
    pub fn errors(&self) -> impl Iterator<Item = &E> {
        self.failures.iter().filter_map(|failure| match failure {
            Failure::Error(error) => Some(error),
            Failure::Panic(_) => None,
        })
    }

    /// The errors among what failed. The first panic, if there was one, goes on here, so that it is
    /// not lost.
    ///
    /// # Panics
    /// With what a child or the body panicked with.
    #[must_use]
    pub fn into_errors(self) -> Vec<E> {
        let mut errors = Vec::new();
        for failure in self.failures {
            match failure {
                Failure::Error(error) => errors.push(error),
                Failure::Panic(panic) => resume_unwind(panic),
            }
        }
        errors
    }

    /// Whether anything panicked.
    #[must_use]
    pub fn is_panic(&self) -> bool {
        self.failures
            .iter()
            .any(|failure| matches!(failure, Failure::Panic(_)))
    }

    /// Whether the scope's deadline has passed.
    #[must_use]
    pub fn is_elapsed(&self) -> bool {
        self.elapsed
    }

    /// What the first panic was about, to go on with [`std::panic::resume_unwind`].
    #[must_use]
    pub fn into_panic(self) -> Option<Box<dyn Any + Send>> {
        self.failures.into_iter().find_map(|failure| match failure {
            Failure::Panic(panic) => Some(panic),
            Failure::Error(_) => None,
        })
    }
}

impl<E: fmt::Display> fmt::Display for ScopeError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.elapsed {
            f.write_str("the scope's deadline has passed")?;
        }
        if self.failures.is_empty() {
            return Ok(());
        }
        let before = if self.elapsed { "; " } else { "" };
        match self.failures.as_slice() {
            [one] => write!(f, "{before}in a scope: {one}"),
            all => {
                write!(f, "{before}{} failures in a scope", all.len())?;
                all.iter()
                    .enumerate()
                    .try_for_each(|(number, one)| write!(f, "; [{}] {one}", number + 1))
            }
        }
    }
}

impl<E: fmt::Debug> fmt::Debug for ScopeError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopeError")
            .field("failures", &self.failures)
            .field("elapsed", &self.elapsed)
            .finish()
    }
}

impl<E: std::error::Error + 'static> std::error::Error for ScopeError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.failures.iter().find_map(|failure| match failure {
            Failure::Error(error) => Some(error as &(dyn std::error::Error + 'static)),
            Failure::Panic(_) => None,
        })
    }
}
