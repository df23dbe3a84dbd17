//! What builds and checks the book: the steps, the difference from one to the next, and what a page
//! may hold.

use std::fs;
use std::path::{Path, PathBuf};

pub mod diff;
pub mod pages;

/// The most lines in which a step differs from the one before.
pub const DIFF_LIMIT: usize = 150;

/// The folder `book/`.
pub fn root() -> PathBuf {
    let steps =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate stands in book/steps");
    steps.parent().expect("book/steps stands in book").to_owned()
}

/// One step: `03`, and its folder.
#[derive(Clone, Debug)]
pub struct Step {
    pub number: String,
    pub folder: PathBuf,
}

impl Step {
    /// `03-lost-wakeups`
    pub fn name(&self) -> String {
        self.folder.file_name().expect("a step has a folder").to_string_lossy().into_owned()
    }
}

/// All steps, in their order.
pub fn steps() -> Vec<Step> {
    let mut steps: Vec<Step> = fs::read_dir(root().join("steps"))
        .expect("book/steps")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.join("Cargo.toml").exists())
        .filter_map(|folder| {
            let name = folder.file_name()?.to_str()?;
            let number =
                name.get(..2).filter(|n| n.bytes().all(|b| b.is_ascii_digit()))?.to_owned();
            Some(Step { number, folder })
        })
        .collect();
    steps.sort_by(|a, b| a.number.cmp(&b.number));
    steps
}

/// Files below `folder` whose names end in `.extension`, sorted.
pub fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
