//! Checks the built book: its links, that it loads nothing from a network, and that its figures are
//! younger than their steps.

use std::fs;
use std::time::SystemTime;

use book::{files, pages, root, steps};

fn main() {
    let build = root().join("build");
    let mut wrong = pages::links(&build);
    if !build.join("index.html").exists() {
        wrong.push("the book is not built: mdbook build book".to_owned());
    }
    for step in steps() {
        let made = fs::metadata(root().join("src/generated").join(&step.number).join("figure.svg"))
            .and_then(|m| m.modified());
        let Ok(made) = made else {
            wrong.push(format!("{} has no figure", step.name()));
            continue;
        };
        let youngest = files(&step.folder.join("src"), "rs")
            .iter()
            .filter_map(|file| fs::metadata(file).and_then(|m| m.modified()).ok())
            .fold(SystemTime::UNIX_EPOCH, SystemTime::max);
        if made < youngest {
            wrong.push(format!("{}: the figure is older than the code", step.name()));
        }
    }
    for line in &wrong {
        eprintln!("{line}");
    }
    if !wrong.is_empty() {
        std::process::exit(1);
    }
}
