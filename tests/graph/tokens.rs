//! Tokens of a source file: what only tests compile is taken out, paths are found in the rest.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::ToTokens;

/// The tokens without each item, field or statement that is there under `cfg(test)` alone.
pub(crate) fn without_tests(tokens: TokenStream) -> TokenStream {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if is_test_attribute(&tokens[at..]) {
            at = end_of_item(&tokens, at + 2);
            drop_attributes(&mut kept);
            continue;
        }
        kept.push(match &tokens[at] {
            TokenTree::Group(group) => {
                let mut inner = Group::new(group.delimiter(), without_tests(group.stream()));
                inner.set_span(group.span());
                TokenTree::Group(inner)
            }
            token => token.clone(),
        });
        at += 1;
    }
    kept.into_iter().collect()
}

/// Takes the attributes at the end away, documentation included: their item has gone.
fn drop_attributes(kept: &mut Vec<TokenTree>) {
    while let [.., TokenTree::Punct(hash), TokenTree::Group(group)] = &kept[..] {
        if hash.as_char() != '#' || group.delimiter() != Delimiter::Bracket {
            return;
        }
        kept.truncate(kept.len() - 2);
    }
}

/// Whether `#[cfg(test)]` or `#[cfg(all(test, …))]` begins here.
fn is_test_attribute(tokens: &[TokenTree]) -> bool {
    let [TokenTree::Punct(hash), TokenTree::Group(group), ..] = tokens else {
        return false;
    };
    if hash.as_char() != '#' || group.delimiter() != Delimiter::Bracket {
        return false;
    }
    let text: String = group.stream().to_string();
    let text: String = text.split_whitespace().collect();
    let Some(condition) = text.strip_prefix("cfg(") else {
        return false;
    };
    condition == "test)" || condition.starts_with("all(test,")
}

/// The place behind the item, field or statement that begins at `at`, further attributes included.
fn end_of_item(tokens: &[TokenTree], mut at: usize) -> usize {
    let mut to_semicolon = false;
    let mut is_item = false;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Ident(word) => {
                let word = word.to_string();
                to_semicolon |= ["const", "static", "let", "use", "type"].contains(&&*word)
                    // `const fn` is a function.
                    && !matches!(tokens.get(at + 1), Some(TokenTree::Ident(next)) if next == "fn" || next == "unsafe");
                is_item |= ["fn", "mod", "impl", "struct", "enum", "trait"].contains(&&*word);
            }
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace && !to_semicolon => {
                // A block that is a match arm's or a field's may have its comma.
                let comma =
                    matches!(tokens.get(at + 1), Some(TokenTree::Punct(p)) if p.as_char() == ',');
                return at + 1 + usize::from(comma && !is_item);
            }
            TokenTree::Punct(punct) if punct.as_char() == ';' => return at + 1,
            TokenTree::Punct(punct) if punct.as_char() == ',' && !is_item && !to_semicolon => {
                return at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    at
}

/// The paths of an item: `a::b::c`, and `name!`. All its words go into `words`.
pub(crate) fn paths(
    item: &impl ToTokens,
    found: &mut BTreeSet<Vec<String>>,
    words: &mut BTreeSet<String>,
) {
    in_stream(item.to_token_stream(), found, words);
}

fn in_stream(tokens: TokenStream, found: &mut BTreeSet<Vec<String>>, words: &mut BTreeSet<String>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Group(group) => in_stream(group.stream(), found, words),
            TokenTree::Ident(first) => {
                words.insert(first.to_string());
                let mut path = vec![first.to_string()];
                while let (true, Some(TokenTree::Ident(next))) =
                    (is_double_colon(&tokens, at + 1), tokens.get(at + 3))
                {
                    words.insert(next.to_string());
                    path.push(next.to_string());
                    at += 3;
                }
                // `a != b` has its mark joined to what follows.
                if let Some(TokenTree::Punct(punct)) = tokens.get(at + 1) {
                    let calls = matches!(tokens.get(at + 2), Some(TokenTree::Group(_)));
                    if punct.as_char() == '!' && calls {
                        let last = path.last_mut().expect("a segment");
                        last.push('!');
                    }
                }
                if path.len() > 1 || path[0].ends_with('!') {
                    found.insert(path);
                }
            }
            _ => {}
        }
        at += 1;
    }
}

fn is_double_colon(tokens: &[TokenTree], at: usize) -> bool {
    let colon =
        |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(p)) if p.as_char() == ':');
    colon(at) && colon(at + 1)
}

/// The file in `path = "…"`, wherever it stands in an attribute.
pub(crate) fn path_attribute(attr: &syn::Attribute) -> Option<String> {
    let text = attr.to_token_stream().to_string();
    let value = text.split_once("path = \"")?.1;
    Some(value.split('"').next()?.to_owned())
}

/// The type that a macro's tokens define, as those of `pin_project!` do.
pub(crate) fn defined_in(tokens: &TokenStream) -> Option<String> {
    let mut after_keyword = false;
    for token in tokens.clone() {
        if let TokenTree::Ident(word) = token {
            if after_keyword {
                return Some(word.to_string());
            }
            after_keyword = word == "struct" || word == "enum";
        }
    }
    None
}
