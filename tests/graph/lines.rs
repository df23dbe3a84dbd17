//! What a file measures: lines of code, its longest line, its unsafe blocks.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The measures of one file.
#[derive(Clone, Copy, Default)]
pub(crate) struct Measure {
    /// Lines that have code: no blank ones, no comments, nothing that only tests compile.
    pub(crate) code: usize,
    /// All lines.
    pub(crate) lines: usize,
    /// Letters of the longest line.
    pub(crate) longest: usize,
    /// Blocks and impls that are unsafe.
    pub(crate) unsafe_blocks: usize,
}

/// Measures a file by its text and its tokens without tests.
pub(crate) fn measure(text: &str, code: &TokenStream) -> Measure {
    let lines: Vec<&str> = text.lines().collect();
    let mut with_code = BTreeSet::new();
    let mut unsafe_blocks = 0;
    visit(code.clone(), &lines, &mut with_code, &mut unsafe_blocks);
    Measure {
        code: with_code.len(),
        lines: lines.len(),
        longest: lines
            .iter()
            .map(|line| line.chars().count())
            .max()
            .unwrap_or(0),
        unsafe_blocks,
    }
}

fn visit(tokens: TokenStream, lines: &[&str], found: &mut BTreeSet<usize>, blocks: &mut usize) {
    let mut after_unsafe = false;
    for token in tokens {
        let span = token.span();
        let (start, end) = (span.start(), span.end());
        // A documentation comment has become an attribute, all of whose tokens have the comment's
        // place.
        let here = lines.get(start.line.wrapping_sub(1)).copied();
        let from = here.map(|line| line.chars().skip(start.column).take(2).collect::<String>());
        if from.is_some_and(|from| from == "//" || from == "/*") {
            continue;
        }
        match &token {
            TokenTree::Group(group) => {
                found.insert(start.line);
                found.insert(end.line);
                *blocks += usize::from(after_unsafe && group.delimiter() == Delimiter::Brace);
                visit(group.stream(), lines, found, blocks);
            }
            TokenTree::Literal(_) => found.extend(start.line..=end.line),
            TokenTree::Ident(word) if after_unsafe && word == "impl" => {
                *blocks += 1;
                found.insert(start.line);
            }
            TokenTree::Ident(_) | TokenTree::Punct(_) => {
                found.insert(start.line);
            }
        }
        after_unsafe = matches!(&token, TokenTree::Ident(word) if word == "unsafe");
    }
}
