//! How much there is to read: the table that `.ci/road` prints, of this tree or of two.
//!
//! The tests: the road is found, and ROAD.md tells it as the tree has it. Line counts change with
//! every commit, so they and the list of files are compared under `EXACT=1` only, as `.ci/run tidy`
//! sets it; `BLESS=1 cargo test --all-features --test road` writes the counts. What must not grow
//! is in `tests/layering.rs`.

mod graph;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use graph::Graph;
use graph::road::{road, table};

/// A number with its thousands apart.
fn apart(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[test]
fn the_road_is_found() {
    let here = Graph::read(Path::new(env!("CARGO_MANIFEST_DIR")));
    let before = std::env::var_os("MYRT_ROAD_BEFORE").map(|path| Graph::read(Path::new(&path)));
    let old = before.as_ref().map(table);
    println!(
        "| measure | {}now | at most |",
        if old.is_some() { "before | " } else { "" }
    );
    println!(
        "|---|{}---:|---:|",
        if old.is_some() { "---:|" } else { "" }
    );
    let new = table(&here);
    for (at, row) in new.iter().enumerate() {
        let old = old
            .as_ref()
            .map(|old| format!("{} | ", apart(old[at].value)));
        let place = if row.place.is_empty() {
            String::new()
        } else {
            format!(" ({})", row.place)
        };
        println!(
            "| {}{place} | {}{} | {} |",
            row.what,
            old.unwrap_or_default(),
            apart(row.value),
            row.goal
        );
    }
    println!("\nthe road, file by file:");
    let files = road(&here);
    for file in &files {
        let file = &here.files[*file];
        println!("{:>6}  {}", file.measure.code, file.path);
    }
    for crate_name in ["timer/", "runtime/", "net/"] {
        let is_there = |file: &usize| here.files[*file].path.starts_with(crate_name);
        assert!(files.iter().any(is_there), "no file of {crate_name}");
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A line of ROAD.md about a file.
struct Stop<'a> {
    line: &'a str,
    /// What is before the link: `1. ` or `- `.
    bullet: &'a str,
    path: &'a str,
    functions: Vec<&'a str>,
}

/// The lines of the page that begin with a link to a source file.
fn stops(page: &str) -> Vec<Stop<'_>> {
    let lines = page.lines().filter_map(|line| {
        let (bullet, rest) = line.split_once('[')?;
        let (path, rest) = rest.split_once("](")?;
        (bullet.ends_with(". ") || bullet == "- ").then_some(())?;
        let functions = rest.split('`').skip(1).step_by(2).collect();
        Some(Stop {
            line,
            bullet,
            path,
            functions,
        })
    });
    lines.collect()
}

/// The lines of the function of this name that begins at or after the line `from`, and the line
/// behind its head.
fn function(text: &[&str], name: &str, from: usize) -> Option<(usize, usize)> {
    let head = format!("fn {name}");
    let begins = |line: &str| {
        let code = line.trim_start();
        let after = code.split_once(&head).map(|(_, after)| after);
        !code.starts_with("//") && after.is_some_and(|after| after.starts_with(['(', '<']))
    };
    let start = from + text[from..].iter().position(|line| begins(line))?;
    let indent = text[start].len() - text[start].trim_start().len();
    let end = format!("{}}}", &text[start][..indent]);
    let has_one_line = text[start].ends_with(['}', ';']);
    let rest = text[start..].iter().position(|line| **line == end);
    Some((if has_one_line { 1 } else { rest? + 1 }, start + 1))
}

#[test]
fn the_page_tells_the_road_in_the_order_of_reading() {
    let graph = Graph::read(root());
    let page = fs::read_to_string(root().join("ROAD.md")).expect("ROAD.md");
    let stops = stops(&page);
    let mut wrong = Vec::new();
    let mut new_page = page.clone();
    for stop in &stops {
        let Some(file) = graph.files.iter().find(|file| file.path == stop.path) else {
            wrong.push(format!("{} is no source file", stop.path));
            continue;
        };
        let text = fs::read_to_string(root().join(stop.path)).expect("a source file");
        let text: Vec<&str> = text.lines().collect();
        let path = stop.path;
        let mut line = format!("{}[{path}]({path}), {}", stop.bullet, file.measure.code);
        let mut from = 0;
        for (at, name) in stop.functions.iter().enumerate() {
            let separator = if at == 0 { ':' } else { ',' };
            match function(&text, name, from) {
                Some((lines, next)) => {
                    line.push_str(&format!("{separator} `{name}` {lines}"));
                    from = next;
                }
                None => wrong.push(format!("{path}: no `fn {name}` behind line {from}")),
            }
        }
        new_page = new_page.replacen(stop.line, &line, 1);
    }
    assert!(wrong.is_empty(), "ROAD.md and the tree differ: {wrong:#?}");
    if std::env::var_os("BLESS").is_some() {
        fs::write(root().join("ROAD.md"), &new_page).expect("ROAD.md is written");
    } else if std::env::var_os("EXACT").is_some() {
        assert!(
            page == new_page,
            "the counts of ROAD.md are old: BLESS=1 cargo test --all-features --test road"
        );
    }
    if std::env::var_os("EXACT").is_some() {
        let on_the_page: BTreeSet<&str> = stops.iter().map(|stop| stop.path).collect();
        let in_the_tree = road(&graph);
        let in_the_tree: BTreeSet<&str> = in_the_tree
            .iter()
            .map(|file| graph.files[*file].path.as_str())
            .collect();
        let differ: Vec<_> = on_the_page.symmetric_difference(&in_the_tree).collect();
        assert!(differ.is_empty(), "on one road only: {differ:#?}");
    }
}
