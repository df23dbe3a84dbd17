//! The difference of two steps, as a diff of their library code.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use crate::{Step, files};

/// Lines of context around a change.
const CONTEXT: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Same,
    Removed,
    Added,
}

/// The library code of a step by file name: all below `src/` but `main.rs` and `demo/`, which show
/// it. Without the marks for the book's includes.
fn code(step: &Step) -> BTreeMap<String, Vec<String>> {
    let src = step.folder.join("src");
    let mut code = BTreeMap::new();
    for file in files(&src, "rs") {
        let name = file.strip_prefix(&src).expect("it is below").to_string_lossy().into_owned();
        if name == "main.rs" || name.starts_with("demo/") {
            continue;
        }
        let text = fs::read_to_string(&file).expect("a source file");
        let lines =
            text.lines().filter(|line| !line.contains("// ANCHOR")).map(str::to_owned).collect();
        code.insert(name, lines);
    }
    code
}

/// The diff, and in how many lines of code it differs: those added and those removed. Comments do
/// not count: a limit should not make them fewer.
pub fn between(before: Option<&Step>, step: &Step) -> (String, usize) {
    let (old, new) = (before.map(code).unwrap_or_default(), code(step));
    let (mut text, mut count) = (String::new(), 0);
    let names: std::collections::BTreeSet<_> = old.keys().chain(new.keys()).collect();
    let nothing = Vec::new();
    for name in names {
        let (a, b) = (old.get(name).unwrap_or(&nothing), new.get(name).unwrap_or(&nothing));
        let lines = compare(a, b);
        if lines.iter().all(|line| line.0 == Change::Same) {
            continue;
        }
        let code = |line: &str| !line.trim().is_empty() && !line.trim().starts_with("//");
        count += lines.iter().filter(|line| line.0 != Change::Same && code(line.1)).count();
        let _ = match (old.contains_key(name), new.contains_key(name)) {
            (true, false) => writeln!(text, "--- src/{name} is gone ({} lines)", a.len()),
            (false, true) => writeln!(text, "+++ src/{name} is new"),
            _ => writeln!(text, "=== src/{name}"),
        };
        if new.contains_key(name) {
            hunks(&mut text, &lines);
        }
    }
    (text, count)
}

fn hunks(text: &mut String, lines: &[(Change, &str)]) {
    let near = |n: usize| {
        let from = n.saturating_sub(CONTEXT);
        lines[from..lines.len().min(n + CONTEXT + 1)].iter().any(|line| line.0 != Change::Same)
    };
    let mut gap = false;
    for (n, (change, line)) in lines.iter().enumerate() {
        if !near(n) {
            gap = true;
            continue;
        }
        if std::mem::take(&mut gap) {
            text.push_str("@@\n");
        }
        let mark = match change {
            Change::Same => ' ',
            Change::Removed => '-',
            Change::Added => '+',
        };
        let _ = writeln!(text, "{}", format!("{mark}{line}").trim_end());
    }
}

/// The longest common subsequence, by the table: the files are short.
fn compare<'a>(a: &'a [String], b: &'a [String]) -> Vec<(Change, &'a str)> {
    let mut common = vec![vec![0_u32; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            common[i][j] = if a[i] == b[j] {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    let (mut i, mut j, mut lines) = (0, 0, Vec::new());
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && a[i] == b[j] {
            lines.push((Change::Same, a[i].as_str()));
            i += 1;
            j += 1;
        } else if i < a.len() && (j == b.len() || common[i + 1][j] >= common[i][j + 1]) {
            lines.push((Change::Removed, a[i].as_str()));
            i += 1;
        } else {
            lines.push((Change::Added, b[j].as_str()));
            j += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{Change, compare};

    #[test]
    fn what_is_common_stays() {
        let lines = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let (a, b) = (lines("a b c d"), lines("a c x d"));
        let found: Vec<_> = compare(&a, &b);
        assert_eq!(
            found,
            [
                (Change::Same, "a"),
                (Change::Removed, "b"),
                (Change::Same, "c"),
                (Change::Added, "x"),
                (Change::Same, "d")
            ]
        );
    }
}
