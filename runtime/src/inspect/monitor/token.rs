//! The token: what a client must know before it may change something over TCP.
//!
//! Why: a loopback address lets in every user of the machine, and every page in a browser.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

/// 128 random bits as hexadecimal digits.
#[derive(Clone)]
pub(super) struct Token(Arc<str>);

impl Token {
    /// # Errors
    /// When the system gives no random bytes.
    pub(super) fn new() -> io::Result<Self> {
        let mut bytes = [0; 16];
        File::open("/dev/urandom")?.read_exact(&mut bytes)?;
        let digits = format!("{:032x}", u128::from_ne_bytes(bytes));
        Ok(Self(digits.into()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Compares in a time that does not say how much was right.
    pub(super) fn is(&self, said: &str) -> bool {
        let pairs = self.0.bytes().zip(said.bytes());
        let different = pairs.fold(0, |sum, (ours, theirs)| sum | (ours ^ theirs));
        different == 0 && said.len() == self.0.len()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_long_new_each_time_and_not_printed_by_chance() {
        let (one, other) = (Token::new().unwrap(), Token::new().unwrap());
        assert_eq!(one.as_str().len(), 32);
        assert!(one.is(one.as_str()) && !one.is(other.as_str()));
        assert!(!one.is("") && !one.is(&one.as_str()[..31]));
        assert!(!one.is(&format!("{}0", one.as_str())));
        assert!(!format!("{one:?}").contains(one.as_str()));
    }
}
