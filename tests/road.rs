//! How much there is to read: the table that `.ci/road` prints, of this tree or of two.
//!
//! As a test it sees to it that the road is found. What must not grow is in `tests/layering.rs`.

mod graph;

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
