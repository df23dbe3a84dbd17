//! Who may know whom: `timer` ← `runtime` ← `net` ← `myrt`, and inside of `runtime` what stands on public items only.
//!
//! Cargo keeps the crates apart as long as their manifests say so, which is the first test. Inside of a crate
//! nothing but this keeps `sync` from reaching into the task table.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("a folder can be read").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The normal dependencies of a crate that are ours.
fn ours(manifest: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(manifest)).expect("a manifest");
    let section = text.split("\n[dependencies]\n").nth(1).unwrap_or_default();
    let section = section.split("\n[").next().unwrap_or_default();
    let lines = section.lines().filter(|line| line.starts_with("myrt"));
    let names = lines.map(|line| {
        line.split(['.', ' ', '='])
            .next()
            .unwrap_or_default()
            .to_owned()
    });
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

#[test]
fn each_crate_knows_only_those_before_it() {
    assert!(ours("timer/Cargo.toml").is_empty());
    assert!(ours("macros/Cargo.toml").is_empty());
    assert_eq!(ours("runtime/Cargo.toml"), ["myrt-timer"]);
    assert_eq!(ours("net/Cargo.toml"), ["myrt-runtime"]);
    assert_eq!(
        ours("Cargo.toml"),
        ["myrt-macros", "myrt-net", "myrt-runtime"]
    );
}

/// Lines of a file that use something, its tests left out.
fn uses(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).expect("a source file");
    let text = text
        .split("\n#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or_default();
    text.lines()
        .map(|line| line.trim().to_owned())
        .filter(|line| !line.starts_with("//"))
        .collect()
}

fn check(folder: &str, forbidden: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for path in sources(&root().join(folder)) {
        if path.ends_with("tests.rs") || path.components().any(|part| part.as_os_str() == "tests") {
            continue;
        }
        for line in uses(&path) {
            // Where `select!` begins outside of any runtime is stirred from the clock: entropy, not time.
            let entropy = line.contains("let stirred = crate::sys::clock::");
            if !entropy && forbidden.iter().any(|word| line.contains(word)) {
                found.push(format!("{}: {line}", path.display()));
            }
        }
    }
    found
}

#[test]
fn inside_of_the_runtime_the_layers_hold() {
    // The selectors know descriptors and nothing above them.
    let above = [
        "crate::task",
        "crate::reactor",
        "crate::time",
        "crate::core",
        "crate::runtime",
    ];
    assert_eq!(check("runtime/src/sys", &above), Vec::<String>::new());
    // The reactor knows wakers and the selectors; neither timers nor the loop.
    let loops = [
        "crate::time::",
        "crate::runtime_loop",
        "crate::task::poll",
        "crate::task::finish",
    ];
    assert_eq!(check("runtime/src/reactor", &loops), Vec::<String>::new());
    // Time knows the core; not descriptors.
    assert_eq!(
        check(
            "runtime/src/time",
            &["crate::reactor", "crate::sys::Poller"]
        ),
        Vec::<String>::new()
    );
}

#[test]
fn locks_and_channels_stand_on_public_items_only() {
    let inner = [
        "crate::core",
        "crate::reactor",
        "crate::sys",
        "crate::runtime_loop",
        "task::table",
        "task::tasks",
        "task::slot",
        "task::ring",
        "task::poll",
        "task::finish",
        "task::hot",
        "task::cell",
        "task::pool",
    ];
    assert_eq!(check("runtime/src/sync", &inner), Vec::<String>::new());
}

#[test]
fn combinators_and_scopes_do_not_touch_table_ring_or_reactor() {
    let inner = [
        "crate::reactor",
        "crate::sys",
        "crate::runtime_loop",
        "task::table",
        "task::ring",
        "task::poll",
        "task::cell",
        "task::pool",
        "task::registry",
        "task::remote_queue",
    ];
    assert_eq!(check("runtime/src/future", &inner), Vec::<String>::new());
    assert_eq!(check("runtime/src/scope", &inner), Vec::<String>::new());
}

#[test]
fn only_the_networks_one_module_of_calls_makes_system_calls() {
    assert_eq!(
        check("net/src", &["libc::", "extern \"C\""]),
        Vec::<String>::new()
    );
    assert_eq!(check("src", &["libc", "socket2"]), Vec::<String>::new());
}
