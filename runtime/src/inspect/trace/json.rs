//! JSON, written by hand: a few fields do not want a dependency.
//!
//! Used by `to_json` of graphs and by the monitor's `--json`.

use std::fmt::{Display, Write};

/// A JSON object that grows field by field.
#[derive(Debug)]
pub(crate) struct Object {
    text: String,
}

impl Object {
    pub(crate) fn new() -> Self {
        Self { text: "{".into() }
    }

    fn key(&mut self, key: &str) {
        if self.text.len() > 1 {
            self.text.push(',');
        }
        self.text.push_str(&string(key));
        self.text.push(':');
    }

    pub(crate) fn text(mut self, key: &str, value: impl Display) -> Self {
        self.key(key);
        self.text.push_str(&string(&value.to_string()));
        self
    }

    pub(crate) fn number(mut self, key: &str, value: impl Display) -> Self {
        self.key(key);
        let _ = write!(self.text, "{value}");
        self
    }

    /// The field is left out when there is no value.
    pub(crate) fn maybe(self, key: &str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.text(key, value),
            None => self,
        }
    }

    /// `null` when there is no value.
    pub(crate) fn maybe_number(self, key: &str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.number(key, value),
            None => self.number(key, "null"),
        }
    }

    /// A field that is true where it is there.
    pub(crate) fn flag(self, key: &str) -> Self {
        self.number(key, true)
    }

    pub(crate) fn end(mut self) -> String {
        self.text.push('}');
        self.text
    }
}

/// A JSON array of values that are JSON already.
pub(crate) fn array(values: impl IntoIterator<Item = String>) -> String {
    let values: Vec<String> = values.into_iter().collect();
    format!("[{}]", values.join(","))
}

fn string(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            c if drives_a_terminal(c) => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Whether JSON wants it escaped, or a terminal that shows the JSON does: other control characters,
/// line breaks of Unicode, and what turns the direction of writing. All of them have at most four
/// digits.
fn drives_a_terminal(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_escaping_is_escaped() {
        let object = Object::new()
            .text("a\"b", "x\\y\n\u{1}é")
            .number("n", 3)
            .end();
        assert_eq!(object, "{\"a\\\"b\":\"x\\\\y\\n\\u0001é\",\"n\":3}");
        let object = Object::new().text("c", "\u{7f}\u{9b}\u{202e}");
        assert_eq!(object.end(), "{\"c\":\"\\u007f\\u009b\\u202e\"}");
        assert_eq!(array([]), "[]");
    }
}
