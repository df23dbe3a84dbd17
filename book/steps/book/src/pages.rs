//! What a page may hold: rules that the tests check, and the links of the built book.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What is wrong with the code of a page. Every fenced Rust block is an include: nothing is pasted.
pub fn pasted(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((n, line)) = lines.next() {
        let Some(language) = line.trim_start().strip_prefix("```").filter(|l| !l.is_empty()) else {
            continue;
        };
        let mut block = Vec::new();
        for (_, line) in lines.by_ref() {
            if line.trim_start().starts_with("```") {
                break;
            }
            block.push(line.trim());
        }
        let rust = language.split(',').next() == Some("rust");
        if rust && !block.iter().all(|line| line.is_empty() || line.starts_with("{{#include ")) {
            wrong.push(format!("line {}: a Rust block that is not an include", n + 1));
        }
    }
    wrong
}

/// The files that a page includes, with their anchors, as they are written.
pub fn includes(text: &str) -> Vec<(String, Option<String>)> {
    let mut found = Vec::new();
    for part in text.split("{{#include ").skip(1) {
        let name = part.split("}}").next().unwrap_or_default().trim();
        match name.split_once(':') {
            Some((file, anchor)) => found.push((file.to_owned(), Some(anchor.to_owned()))),
            None => found.push((name.to_owned(), None)),
        }
    }
    found
}

/// The files of the library that a page names, each with the functions that follow it on that line
/// as `name()`.
pub fn library(text: &str) -> Vec<(String, Vec<String>)> {
    let rooms = ["runtime/", "timer/", "net/", "macros/", "inspect/", "benches/", "examples/"];
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    for line in text.lines() {
        let first = found.len();
        for word in line.split('`').skip(1).step_by(2) {
            if rooms.iter().any(|room| word.starts_with(room)) {
                found.push((word.to_owned(), Vec::new()));
            } else if let Some(path) = word.strip_suffix("()") {
                let name = path.rsplit("::").next().unwrap_or(path);
                if let Some((_, functions)) = found[first..].last_mut() {
                    functions.push(name.to_owned());
                }
            }
        }
    }
    found
}

/// Links of the built book that lead nowhere, and what it would load from a network.
pub fn links(build: &Path) -> Vec<String> {
    let pages: BTreeMap<PathBuf, String> = crate::files(build, "html")
        .into_iter()
        .map(|page| (page.clone(), fs::read_to_string(&page).expect("a page")))
        .collect();
    let ids: BTreeMap<&PathBuf, BTreeSet<&str>> = pages
        .iter()
        .map(|(page, text)| (page, attributes(text, "id").into_iter().collect()))
        .collect();
    let mut wrong = BTreeSet::new();
    for (page, text) in &pages {
        let name = page.strip_prefix(build).expect("it is below").display().to_string();
        // Shown for addresses that do not exist, with links from the server's root; and a page of
        // all pages, whose links are its own.
        if name == "404.html" || name == "toc.html" || name == "print.html" {
            continue;
        }
        for link in attributes(text, "src") {
            if link.starts_with("http") {
                wrong.insert(format!("{name}: loads {link} from a network"));
            }
        }
        for link in attributes(text, "href").into_iter().chain(attributes(text, "src")) {
            if link.contains("://")
                || link.starts_with("mailto:")
                || link.starts_with("data:")
                || link.is_empty()
            {
                continue;
            }
            let (file, fragment) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => page.clone(),
                file => clean(&page.parent().expect("a page has a folder").join(file)),
            };
            if !target.exists() {
                wrong.insert(format!("{name}: {link} leads nowhere"));
            } else if !fragment.is_empty()
                && ids.get(&target).is_some_and(|ids| !ids.contains(fragment))
            {
                wrong.insert(format!("{name}: {link} names no place on that page"));
            }
        }
    }
    wrong.into_iter().collect()
}

fn attributes<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let start = format!(" {name}=\"");
    text.split(start.as_str()).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

fn clean(path: &Path) -> PathBuf {
    let mut parts = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => {
                parts.pop();
            }
            std::path::Component::CurDir => {}
            part => parts.push(part),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::{includes, library, pasted};

    #[test]
    fn pasted_code_is_found() {
        assert_eq!(pasted("```rust\nfn f() {}\n```\n").len(), 1);
        assert_eq!(
            pasted("```rust\n{{#include ../a.rs:x}}\n```\n```text\nfn f() {}\n```\n").len(),
            0
        );
        assert_eq!(pasted("```rust,ignore\nlet x = 1;\n```\n").len(), 1);
    }

    #[test]
    fn names_are_found() {
        assert_eq!(
            includes("a {{#include b.rs:c}} d"),
            [("b.rs".to_owned(), Some("c".to_owned()))]
        );
        assert_eq!(
            library("- `f()` of `runtime/src/loop.rs`: `Loop::turn()`; `timer/src/tick.rs`"),
            [
                ("runtime/src/loop.rs".to_owned(), vec!["turn".to_owned()]),
                ("timer/src/tick.rs".to_owned(), vec![]),
            ]
        );
    }
}
