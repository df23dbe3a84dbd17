//! Each exercise fails as the reader finds it, and passes with its solution.

use std::collections::BTreeMap;
use std::process::Command;

use book::{root, steps};

/// Runs the tests of all exercises: whether all passed, by step and exercise.
fn run(solution: bool) -> BTreeMap<(String, String), bool> {
    let mut command = Command::new(env!("CARGO"));
    command
        .args(["test", "--no-fail-fast", "--tests", "--color", "never"])
        .current_dir(root().join("steps"));
    let mut wanted = BTreeMap::new();
    for step in steps() {
        for exercise in book::files(&step.folder.join("exercises/tests"), "rs") {
            let exercise = exercise.file_stem().expect("a file").to_string_lossy().into_owned();
            wanted.insert((step.number.clone(), exercise), None);
        }
        command.args(["-p", &format!("exercises-{}", step.number)]);
    }
    if solution {
        command.args(["--features", "solution"]);
    }
    // What hangs is a failure too, and says so by itself: the tests of an exercise have a limit of
    // their own.
    let output = command.output().expect("cargo runs");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    // `Running tests/thrice.rs (target/debug/deps/thrice-0123)`, and at the end the targets that
    // failed: `-p exercises-01 --test thrice`.
    for ((step, exercise), passed) in &mut wanted {
        let began = text.contains(&format!("Running tests/{exercise}.rs"))
            || text.contains(&format!("tests/{exercise}.rs ("));
        assert!(began, "the tests of {step}/{exercise} did not run:\n{text}");
        let failed = [
            format!("-p exercises-{step} --test {exercise}`"),
            format!("-p exercises-{step} --test {exercise}\n"),
        ];
        *passed = Some(!failed.iter().any(|line| text.contains(line)));
    }
    wanted.into_iter().map(|(name, passed)| (name, passed.expect("each was looked for"))).collect()
}

#[test]
fn each_fails_before_and_passes_with_its_solution() {
    let (before, after) = (run(false), run(true));
    assert!(!before.is_empty(), "there are exercises");
    for (name, passed) in before {
        assert!(!passed, "{name:?} passes without being done");
        assert!(
            after[&name],
            "{name:?} fails with its solution: cargo test -p exercises-{} --features solution",
            name.0
        );
    }
}
