//! Every page keeps the rules: code by includes, small steps, a figure, a measurement, exercises,
//! and the way into the library.

use std::fs;

use book::{DIFF_LIMIT, diff, pages, root, steps};

/// The page of each step that exists: its name and its text.
fn chapters() -> Vec<(String, String)> {
    steps()
        .iter()
        .map(|step| {
            let page = root().join("src").join(format!("{}.md", step.name()));
            let text = fs::read_to_string(&page)
                .unwrap_or_else(|_| panic!("{} has no page {}", step.name(), page.display()));
            (step.name(), text)
        })
        .collect()
}

#[test]
fn every_rust_block_is_an_include() {
    for page in book::files(&root().join("src"), "md") {
        let text = fs::read_to_string(&page).expect("a page");
        assert_eq!(pages::pasted(&text), [""; 0], "in {}", page.display());
    }
}

#[test]
fn every_include_exists() {
    for page in book::files(&root().join("src"), "md") {
        let folder = page.parent().expect("a page has a folder");
        for (file, anchor) in pages::includes(&fs::read_to_string(&page).expect("a page")) {
            if file.starts_with("generated/") {
                continue; // Its existence is mdBook's to say.
            }
            let text = fs::read_to_string(folder.join(&file))
                .unwrap_or_else(|_| panic!("{}: no {file}", page.display()));
            if let Some(anchor) = anchor {
                for mark in [format!("ANCHOR: {anchor}\n"), format!("ANCHOR_END: {anchor}\n")] {
                    assert!(text.contains(&mark), "{}: {file} has no {mark}", page.display());
                }
            }
        }
    }
}

#[test]
fn steps_are_small() {
    let steps = steps();
    for pair in steps.windows(2) {
        let (_, lines) = diff::between(Some(&pair[0]), &pair[1]);
        println!("{}: {lines} lines", pair[1].name());
        assert!(
            lines <= DIFF_LIMIT,
            "{} differs by {lines} lines, at most {DIFF_LIMIT}",
            pair[1].name()
        );
    }
}

#[test]
fn every_chapter_has_its_parts() {
    for (name, text) in chapters() {
        let number = &name[..2];
        let mut parts = vec![
            "{{#include map.svg}}".to_owned(),
            format!("{{{{#include generated/{number}/figure.svg}}}}"),
            format!("{{{{#include generated/{number}/measure.md}}}}"),
            format!("{{{{#include generated/{number}/run.txt}}}}"),
            "## Exercises".to_owned(),
            "<details>".to_owned(),
            "## In myrt".to_owned(),
        ];
        if number != "00" {
            parts.push(format!("{{{{#include generated/{number}/diff.diff}}}}"));
        }
        for part in parts {
            assert!(text.contains(&part), "{name} lacks {part}");
        }
    }
}

#[test]
fn every_exercise_is_in_its_chapter() {
    for (step, (name, text)) in steps().iter().zip(chapters()) {
        for exercise in book::files(&step.folder.join("exercises/tests"), "rs") {
            let exercise = exercise.file_stem().expect("a file").to_string_lossy().into_owned();
            let folder = format!("../steps/{name}/exercises/src");
            for file in
                [format!("{folder}/{exercise}.rs"), format!("{folder}/{exercise}_solution.rs")]
            {
                assert!(
                    text.contains(&format!("{{{{#include {file}")),
                    "{name} does not show {file}"
                );
            }
        }
    }
}

#[test]
fn what_a_page_says_of_the_library_is_so() {
    let repository = root();
    let repository = repository.parent().expect("book stands in the repository");
    for page in book::files(&root().join("src"), "md") {
        for (file, functions) in pages::library(&fs::read_to_string(&page).expect("a page")) {
            let place = repository.join(&file);
            assert!(place.exists(), "{} names {file}, which does not exist", page.display());
            if !place.is_file() {
                continue;
            }
            let text = fs::read_to_string(&place).expect("a source file");
            for function in functions {
                assert!(
                    text.contains(&format!("fn {function}")),
                    "{}: {file} has no fn {function}",
                    page.display()
                );
            }
        }
    }
}

#[test]
fn the_summary_names_every_step() {
    let summary = fs::read_to_string(root().join("src/SUMMARY.md")).expect("the summary");
    for step in steps() {
        assert!(
            summary.contains(&format!("({}.md)", step.name())),
            "SUMMARY.md lacks {}",
            step.name()
        );
    }
}
