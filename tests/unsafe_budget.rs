//! Unsafe code stands in two folders and one file, each block with its reason, and how much there
//! is may only change on purpose.
//!
//! Clippy asks for the reasons too (`undocumented_unsafe_blocks`); this also counts, and holds
//! where clippy is not run.

use std::fs;
use std::path::{Path, PathBuf};

/// Where unsafe code may stand.
const ALLOWED: [&str; 2] = ["runtime/src/executor", "runtime/src/sys"];
/// The simulated world's clocks and entropy, in a feature for tests: it has a budget of its own.
const SHELL: &str = "sim/src/shell.rs";
const SHELL_BUDGET: usize = 11;
/// Tests elsewhere that need a waker whose clone does something, which takes a vtable of their own,
/// a descriptor that is closed by its number, as no safe code can, or a socket option that no
/// library here knows.
const TESTS: [&str; 3] = [
    "tests/faults_descriptors.rs",
    "runtime/tests/sync_known_bugs.rs",
    "tests/lints_descriptors.rs",
];
/// The most unsafe blocks and impls outside of tests: the budget. Raise it with a reason in the
/// commit.
const BUDGET: usize = 174;

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("a folder can be read").path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default()
            .to_owned();
        if path.is_dir() {
            if !name.starts_with('.') && name != "target" && name != "ui" {
                sources(&path, found);
            }
        } else if name.ends_with(".rs") {
            found.push(path);
        }
    }
}

/// The code of a line, without its comment and without texts.
fn code(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

/// Whether the line begins an unsafe block or impl (a function that is unsafe to call is not
/// counted, its body is).
fn begins_unsafe(line: &str) -> bool {
    let code = code(line);
    let quoted = code
        .find('"')
        .is_some_and(|quote| code.find("unsafe").is_some_and(|word| quote < word));
    !quoted && (code.contains("unsafe {") || code.contains("unsafe impl"))
}

/// Whether the comment right above says why. Attributes and the begun statement may stand between.
fn has_reason(lines: &[&str], at: usize) -> bool {
    let above = lines[at.saturating_sub(12)..at]
        .iter()
        .rev()
        .map(|line| line.trim());
    let mut left_statement = false;
    for line in above {
        if line.contains("SAFETY:") {
            return true;
        }
        if line.starts_with("//") {
            continue;
        }
        if left_statement || line.ends_with(';') || line.is_empty() {
            return false;
        }
        left_statement = line.ends_with('}') || line.ends_with('{');
    }
    false
}

#[test]
fn unsafe_code_stands_where_it_may_each_block_with_its_reason() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for part in [
        "src", "timer", "runtime", "net", "macros", "sim", "tests", "examples", "loom", "benches",
    ] {
        sources(&root.join(part), &mut files);
    }
    assert!(files.len() > 50, "the sources are here");
    let (mut count, mut in_shell) = (0, 0);
    let (mut outside, mut unexplained) = (Vec::new(), Vec::new());
    for path in files {
        let place = path.strip_prefix(root).expect("below the root");
        // The peers' package measures foreign code, some of it in C.
        if place.starts_with("benches/compare") || place.ends_with("tests/unsafe_budget.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source file");
        let lines: Vec<_> = text.lines().collect();
        let in_tests = place
            .components()
            .any(|part| part.as_os_str().to_string_lossy().starts_with("tests"));
        for at in (0..lines.len()).filter(|at| begins_unsafe(lines[*at])) {
            let here = format!("{}:{}", place.display(), at + 1);
            let allowed = ALLOWED.iter().chain(&TESTS).chain([&SHELL]);
            if !allowed.into_iter().any(|folder| place.starts_with(folder)) {
                outside.push(here.clone());
            }
            if !has_reason(&lines, at) {
                unexplained.push(here);
            }
            let is_shell = place.ends_with(SHELL);
            in_shell += usize::from(is_shell);
            count += usize::from(!in_tests && !is_shell);
        }
    }
    println!("{count} unsafe blocks and impls outside of tests");
    assert!(
        outside.is_empty(),
        "unsafe code belongs into {ALLOWED:?}: {outside:#?}"
    );
    assert!(
        unexplained.is_empty(),
        "without a SAFETY comment: {unexplained:#?}"
    );
    assert!(
        in_shell <= SHELL_BUDGET,
        "{in_shell} unsafe blocks in {SHELL}, the budget is {SHELL_BUDGET}"
    );
    assert!(
        count <= BUDGET,
        "{count} unsafe blocks, the budget is {BUDGET}"
    );
}

#[test]
fn the_other_crates_forbid_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in [
        "src/lib.rs",
        "timer/src/lib.rs",
        "net/src/lib.rs",
        "macros/src/lib.rs",
    ] {
        let text = fs::read_to_string(root.join(file)).expect("a crate's root");
        assert!(text.contains("#![forbid(unsafe_code)]"), "{file}");
    }
}
