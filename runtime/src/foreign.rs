//! Escapes foreign text for tables: names of tasks and lines of clients, which may hold anything.
//!
//! Why: a line break forges a row, an escape character drives the terminal, and a megabyte of name
//! is a megabyte for each row.

use std::borrow::Cow;

/// How many characters are shown.
const LONGEST: usize = 80;

/// In quotes, with everything escaped that is not printable.
pub(crate) fn quoted(text: &str) -> String {
    let begin = begin(text);
    let more = if begin.len() < text.len() { "…" } else { "" };
    format!("{begin:?}{more}")
}

/// The same without quotes, for columns.
pub(crate) fn bare(text: &str) -> String {
    let begin = begin(text);
    let more = if begin.len() < text.len() { "…" } else { "" };
    let debug = format!("{begin:?}");
    format!("{}{more}", &debug[1..debug.len() - 1])
}

/// As it is, but not longer: for JSON, which escapes by itself.
pub(crate) fn bounded(text: &str) -> Cow<'_, str> {
    let begin = begin(text);
    match begin.len() < text.len() {
        true => format!("{begin}…").into(),
        false => text.into(),
    }
}

fn begin(text: &str) -> &str {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printable_stays_and_what_is_not_is_escaped() {
        assert_eq!(bare("conn 7 é 🦀"), "conn 7 é 🦀");
        assert_eq!(quoted("conn 7"), "\"conn 7\"");
        let bad = "a\nb\r\u{1b}[2J\u{9b}\u{202e}\u{2028}\"\\";
        let escaped = r#"a\nb\r\u{1b}[2J\u{9b}\u{202e}\u{2028}\"\\"#;
        assert_eq!(bare(bad), escaped);
        assert_eq!(quoted(bad), format!("\"{escaped}\""));
        assert_eq!(bare(""), "");
        assert_eq!(bare("\""), "\\\"");
    }

    #[test]
    fn it_has_an_end() {
        let long = "é".repeat(LONGEST + 1);
        let shown = format!("{}…", "é".repeat(LONGEST));
        assert_eq!(bare(&long), shown);
        assert_eq!(bounded(&long), shown);
        assert_eq!(bounded(&long[2..]), &long[2..]);
        assert_eq!(quoted(&long), format!("\"{}\"…", "é".repeat(LONGEST)));
    }
}
