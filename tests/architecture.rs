//! The documents tell the truth about the tree: ARCHITECTURE.md names files and items that exist,
//! the README has every example, the guide every chapter, and none has grown beyond what one reads.
//!
//! The first test reads everything in code type outside of fenced blocks: something with a slash or
//! a known ending is a file or folder of this tree, everything else is an item that some source
//! file defines. `Type::method` must be in one file.

use std::fs;
use std::path::{Path, PathBuf};

/// What is in code type and is not ours.
const FOREIGN: [&str; 2] = ["catch_unwind", "Send"];

fn sources(folder: &Path, into: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder of this tree") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            into.push(fs::read_to_string(path).expect("a source file"));
        }
    }
}

/// The texts between backticks, outside of fenced blocks. Code type may go on over the end of a
/// line.
fn in_code_type(document: &str) -> Vec<String> {
    let mut fenced = false;
    let mut prose = String::new();
    for line in document.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            prose.push_str(line);
            prose.push('\n');
        }
    }
    prose
        .split('`')
        .skip(1)
        .step_by(2)
        .map(|text| text.replace('\n', " "))
        .collect()
}

/// Whether the source defines an item, field-like constant or macro of this name.
fn defines(source: &str, name: &str) -> bool {
    let macro_name = name.strip_suffix('!');
    let keywords: &[&str] = match macro_name {
        Some(_) => &["macro_rules!"],
        None => &[
            "fn", "struct", "enum", "trait", "const", "static", "type", "mod", "union",
        ],
    };
    let name = macro_name.unwrap_or(name);
    keywords.iter().any(|keyword| {
        let start = format!("{keyword} {name}");
        source.match_indices(&start).any(|(at, _)| {
            let before = source[..at].chars().next_back();
            let after = source[at + start.len()..].chars().next();
            !before.is_some_and(is_word) && !after.is_some_and(is_word)
        })
    })
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

#[test]
fn every_name_in_architecture_exists() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let document = fs::read_to_string(root.join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let mut all = Vec::new();
    for folder in ["timer/src", "runtime/src", "net/src", "macros/src", "src"] {
        sources(&root.join(folder), &mut all);
    }
    let names = in_code_type(&document);
    assert!(names.len() > 100, "the document names its functions");
    let missing: Vec<&String> = names
        .iter()
        .filter(|name| {
            let known = if root.join(name.trim_end_matches('/')).exists() {
                true
            } else if name.contains('/') || name.ends_with(".rs") || name.ends_with(".toml") {
                false
            } else if let Some((owner, item)) = name.rsplit_once("::") {
                let owner = owner.rsplit("::").next().unwrap_or(owner);
                all.iter()
                    .any(|source| defines(source, item) && mentions(source, owner))
            } else {
                all.iter().any(|source| defines(source, name))
            };
            !known && !FOREIGN.contains(&name.as_str())
        })
        .collect();
    assert!(
        missing.is_empty(),
        "ARCHITECTURE.md names what does not exist: {missing:?}"
    );
}

/// Whether the file is about this owner: it defines or implements the type, or is the module of
/// that name.
fn mentions(source: &str, owner: &str) -> bool {
    defines(source, owner)
        || source.contains(&format!("impl {owner}"))
        || source.contains(&format!("impl<T> {owner}"))
        || source.contains(&format!("> {owner}<"))
        || owner
            .chars()
            .all(|letter| letter.is_lowercase() || letter == '_')
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect(path)
}

/// The names in a folder of this tree.
fn names_in(folder: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = fs::read_dir(folder).expect("a folder of this tree");
    entries
        .map(|entry| {
            entry
                .expect("readable")
                .file_name()
                .into_string()
                .expect("UTF-8")
        })
        .collect()
}

#[test]
fn the_readme_has_every_example() {
    let readme = read("README.md");
    for name in names_in("examples") {
        let name = name.trim_end_matches(".rs");
        assert!(
            readme.contains(&format!("| [`{name}`](examples/{name}")),
            "{name} is not in the README"
        );
    }
}

#[test]
fn the_guide_has_every_chapter() {
    let guide = read("src/guide/mod.rs");
    let chapters = names_in("src/guide");
    let pages = names_in("src/guide/reports");
    let pages: Vec<_> = pages.iter().map(|name| format!("reports/{name}")).collect();
    for name in chapters.iter().chain(&pages) {
        if !name.ends_with(".md") {
            continue;
        }
        assert!(
            guide.contains(&format!("include_str!(\"{name}\")")),
            "{name} is not in the guide"
        );
    }
}

#[test]
fn the_documents_are_short() {
    for (path, most) in [("README.md", 150), ("ARCHITECTURE.md", 400)] {
        let lines = read(path).lines().count();
        assert!(
            lines <= most,
            "{path} has {lines} lines, and more than {most} nobody reads"
        );
    }
}
