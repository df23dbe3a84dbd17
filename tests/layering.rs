//! Which file may use which: arrows between rooms run down only, and the files that use each other
//! in a circle are few.
//!
//! The rooms and the allowed arrows are in `tests/graph/rooms.rs`; how arrows are found is in
//! `tests/graph/mod.rs`. What is not yet as it should be is counted in `tests/graph/ratchet`, which
//! may only fall: a count that has grown fails. One that has fallen fails under `EXACT=1`, as
//! `.ci/run tidy` sets it, until `BLESS=1 cargo test --test layering` has written it down.

mod graph;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use graph::rooms::{ROOMS, may_use, room_of};
use graph::{Graph, circles};

/// The most files that may use each other in a circle when the work is done.
const CIRCLE: usize = 5;

/// Files of the executor that are its inside: locks, channels and the combinators do without them.
const INSIDE: [&str; 10] = [
    "table",
    "waker_table",
    "tasks",
    "slot",
    "ring",
    "ready_queue",
    "poll",
    "cell",
    "block",
    "pool",
];
/// More of it that only locks and channels must do without.
const INSIDE_FOR_SYNC: [&str; 3] = ["finish", "end", "hot"];
/// More of it that only combinators and scopes must do without.
const INSIDE_FOR_CHILDREN: [&str; 3] = ["registry", "remote_queue", "remote"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The tree's graph, which is read once.
fn graph() -> &'static Graph {
    static GRAPH: OnceLock<Graph> = OnceLock::new();
    GRAPH.get_or_init(|| Graph::read(root()))
}

/// All arrows of the graph: from, to, and a path by which.
fn arrows(graph: &Graph) -> impl Iterator<Item = (&str, &str, &str)> {
    let path = |file: usize| graph.files[file].path.as_str();
    let from = graph.arrows.iter().enumerate();
    from.flat_map(move |(from, arrows)| {
        let to = arrows.iter();
        to.map(move |(to, by)| (path(from), path(*to), by.as_str()))
    })
}

fn name_of_room(path: &str) -> &'static str {
    room_of(path).map_or("?", |room| room.name)
}

/// Compares a count with the one that was written down.
fn ratchet(name: &str, now: usize, goal: usize, list: &[String]) {
    let path = root().join("tests/graph/ratchet");
    let text = fs::read_to_string(&path).expect("the ratchet");
    let found = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    let before: usize = found.unwrap_or_else(|| panic!("no {name} in tests/graph/ratchet"));
    println!("{name}: {now}, written down {before}, goal {goal}");
    for line in list {
        println!("    {line}");
    }
    if now < before && std::env::var_os("BLESS").is_some() {
        let text = text.replace(&format!("{name} {before}\n"), &format!("{name} {now}\n"));
        fs::write(&path, text).expect("the ratchet is written");
        return;
    }
    assert!(
        now <= before.max(goal),
        "{name} has grown from {before} to {now}: see the list above; the arrow wants to be turned around"
    );
    // Branches that are worked on side by side would all change the one line: only `.ci/run`
    // insists.
    let lower = "write it down with BLESS=1 cargo test --test layering";
    assert!(
        now >= before || before <= goal || std::env::var_os("EXACT").is_none(),
        "{name} has fallen from {before} to {now}: {lower}"
    );
}

#[test]
fn every_file_has_a_room_and_is_in_the_graph() {
    let graph = graph();
    let mut missing = Vec::new();
    for folder in [
        "timer/src",
        "runtime/src",
        "net/src",
        "inspect/src",
        "sim/src",
        "src",
    ] {
        for path in sources(&root().join(folder)) {
            let path = path.strip_prefix(root()).expect("below the root");
            let path = path.to_str().expect("UTF-8");
            let is_test = path.ends_with("/tests.rs") || path.contains("/tests/");
            if !is_test && graph.file(path).is_none() {
                missing.push(format!("{path}: no `mod` leads there"));
            }
        }
    }
    for file in graph
        .files
        .iter()
        .filter(|file| room_of(&file.path).is_none())
    {
        missing.push(format!(
            "{}: has no room, name it in tests/graph/rooms.rs",
            file.path
        ));
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn arrows_run_down_only() {
    let graph = graph();
    let upward = arrows(graph).filter(|(from, to, _)| !may_use(from, to));
    let mut upward: Vec<String> = upward
        .map(|(from, to, by)| {
            let rooms = format!("{} -> {}", name_of_room(from), name_of_room(to));
            format!("{rooms:<22} {from} -> {to} ({by})")
        })
        .collect();
    upward.sort();
    ratchet("upward", upward.len(), 0, &upward);
}

#[test]
fn circles_of_files_are_small() {
    let graph = graph();
    let circles = circles(&graph.arrows);
    let largest = circles.first().map_or(0, Vec::len);
    let mut list = Vec::new();
    for circle in circles.iter().filter(|circle| circle.len() > CIRCLE) {
        list.push(format!("{} files use each other:", circle.len()));
        let mut paths: Vec<&str> = circle
            .iter()
            .map(|file| graph.files[*file].path.as_str())
            .collect();
        paths.sort_unstable();
        list.extend(paths.iter().map(|path| format!("    {path}")));
    }
    ratchet("circle", largest, CIRCLE, &list);
}

#[test]
fn libraries_do_without_the_inside_of_the_executor() {
    let graph = graph();
    let inner = arrows(graph).filter(|(from, to, _)| {
        let more: &[&str] = match name_of_room(from) {
            "sync" => &INSIDE_FOR_SYNC,
            "future" | "scope" => &INSIDE_FOR_CHILDREN,
            _ => return false,
        };
        let stem = Path::new(to).file_stem().and_then(|stem| stem.to_str());
        let stem = stem.expect("a file has a name");
        name_of_room(to) == "executor" && (INSIDE.contains(&stem) || more.contains(&stem))
    });
    let inner: Vec<String> = inner
        .map(|(from, to, by)| format!("{from} -> {to} ({by})"))
        .collect();
    ratchet("inner", inner.len(), 0, &inner);
}

#[test]
fn what_a_head_must_not_depend_on_it_does_not() {
    let graph = graph();
    let mut wrong = Vec::new();
    for file in &graph.files {
        for name in &file.must_not {
            let is_room = ROOMS.iter().any(|room| room.name == name);
            let stands_below = |path: &str| {
                let (_, below) = path.split_once("src/").unwrap_or_default();
                below == format!("{name}.rs") || below.starts_with(&format!("{name}/"))
            };
            let here = file.path.as_str();
            if !is_room && !graph.files.iter().any(|file| stands_below(&file.path)) {
                wrong.push(format!("{here}: {name} is neither a room nor a file"));
            }
            // The head of a `mod.rs` speaks for its folder.
            let folder = here.strip_suffix("mod.rs");
            let speaks_for =
                |path: &str| path == here || folder.is_some_and(|start| path.starts_with(start));
            for (from, to, by) in arrows(graph) {
                let is_meant = if is_room {
                    name_of_room(to) == name
                } else {
                    stands_below(to)
                };
                if speaks_for(from) && is_meant {
                    wrong.push(format!("{from} -> {to} ({by}), which {here} forbids"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

// ---- between crates ----

/// The normal dependencies of a crate that are ours.
fn ours(manifest: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(manifest)).expect("a manifest");
    let section = text.split("\n[dependencies]\n").nth(1).unwrap_or_default();
    let section = section.split("\n[").next().unwrap_or_default();
    let lines = section.lines().filter(|line| line.starts_with("myrt"));
    let names = lines.map(|line| {
        let name = line.split(['.', ' ', '=']).next();
        name.unwrap_or_default().to_owned()
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
    assert_eq!(ours("sim/Cargo.toml"), ["myrt-net", "myrt-runtime"]);
    let mut below = vec!["myrt-macros", "myrt-net", "myrt-runtime", "myrt-sim"];
    if root().join("inspect/Cargo.toml").exists() {
        assert_eq!(ours("inspect/Cargo.toml"), ["myrt-runtime"]);
        below.insert(0, "myrt-inspect");
    }
    assert_eq!(ours("Cargo.toml"), below);
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

/// Lines of code below a folder that have one of the words, comments and the tests at a file's end
/// aside.
fn lines_with(folder: &str, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for path in sources(&root().join(folder)) {
        let text = fs::read_to_string(&path).expect("a source file");
        let code = text.split("\n#[cfg(test)]\nmod tests {").next();
        for line in code.unwrap_or_default().lines().map(str::trim) {
            if !line.starts_with("//") && words.iter().any(|word| line.contains(word)) {
                found.push(format!("{}: {line}", path.display()));
            }
        }
    }
    found
}

#[test]
fn only_the_networks_one_module_of_calls_makes_system_calls() {
    let none = Vec::<String>::new();
    assert_eq!(lines_with("net/src", &["libc::", "extern \"C\""]), none);
    assert_eq!(lines_with("src", &["libc", "socket2"]), none);
}

// ---- the graph itself ----

/// A crate of a few files in a folder of its own, and its arrows from `a.rs`.
fn arrows_of(name: &str, a: &str) -> Vec<String> {
    let folder = std::env::temp_dir().join(format!("myrt-layering-{}-{name}", std::process::id()));
    let source = folder.join("runtime/src");
    fs::create_dir_all(source.join("task")).expect("a folder");
    let files = [
        ("lib.rs", "mod a; mod b; mod task;"),
        ("a.rs", a),
        ("b.rs", "pub(crate) fn b() {}"),
        (
            "task/mod.rs",
            "mod slot; pub(crate) mod hot; pub(crate) use slot::Slot; pub(crate) fn own() {}",
        ),
        ("task/slot.rs", "pub(crate) struct Slot;"),
        (
            "task/hot.rs",
            "use crate::task::Slot; pub(crate) fn with(_: Slot) {}",
        ),
    ];
    for (file, text) in files {
        fs::write(source.join(file), text).expect("a file");
    }
    let graph = &Graph::read(&folder);
    fs::remove_dir_all(&folder).expect("the folder is removed");
    let from_a = arrows(graph).filter(|(from, ..)| from.ends_with("/a.rs"));
    from_a
        .map(|(_, to, _)| to.trim_start_matches("runtime/src/").to_owned())
        .collect()
}

#[test]
fn the_graph_sees_every_way_to_use_an_item_and_only_uses() {
    let cases: [(&str, &str, &[&str]); 12] = [
        (
            "tree",
            "use crate::{b::b, task::{hot::with, Slot}}; fn a() {}",
            &["b.rs", "task/slot.rs", "task/hot.rs"],
        ),
        (
            "module",
            "use crate::task::{self, hot}; fn a() { hot::with(task::Slot) }",
            &["task/slot.rs", "task/hot.rs"],
        ),
        (
            "renamed",
            "use crate::task::hot as warm; fn a() { warm::with(unreachable!()) }",
            &["task/hot.rs"],
        ),
        ("super", "fn a() { super::b::b() }", &["b.rs"]),
        (
            "inner",
            "mod inner { fn a() { super::super::task::own() } }",
            &["task/mod.rs"],
        ),
        (
            "type",
            "fn a(_: &[Option<crate::task::Slot>]) {}",
            &["task/slot.rs"],
        ),
        (
            "macro",
            "macro_rules! m { () => { $crate::b::b() } } fn a() { println!(\"{:?}\", crate::task::own()) }",
            &["b.rs", "task/mod.rs"],
        ),
        ("local", "fn a() { use crate::b::b; b() }", &["b.rs"]),
        ("hands-on", "pub(crate) use crate::b::b;", &[]),
        (
            "only-named",
            "use crate::task::hot; fn a() { let hot = 1; }",
            &[],
        ),
        (
            "tests",
            "/// Said.\n#[cfg(test)]\nfn t() { crate::b::b() }\n#[cfg(test)]\nmod tests { use crate::b::b; }\n#[cfg(test)]\nuse crate::task::own;\nfn a() {}",
            &[],
        ),
        (
            "comments",
            "/// crate::b::b()\nfn a() { /* crate::b::b() */ let _ = \"crate::b::b()\"; }",
            &[],
        ),
    ];
    for (name, text, expected) in cases {
        assert_eq!(arrows_of(name, text), expected, "{name}: {text}");
    }
}

#[test]
fn a_circle_is_found_whole_and_a_chain_is_none() {
    let graph = |arrows: &[&[usize]]| -> Vec<_> {
        let names = |to: &&[usize]| to.iter().map(|to| (*to, String::new())).collect();
        arrows.iter().map(names).collect()
    };
    assert!(circles(&graph(&[&[1], &[2], &[]])).is_empty());
    let mut found = circles(&graph(&[&[1], &[2, 3], &[0], &[4], &[3]]));
    found.iter_mut().for_each(|circle| circle.sort_unstable());
    assert_eq!(found, [vec![0, 1, 2], vec![3, 4]]);
}

#[test]
fn an_arrow_upward_or_from_no_room_is_not_allowed() {
    let slot = "runtime/src/executor/slot.rs";
    assert!(may_use("runtime/src/runtime.rs", slot));
    assert!(may_use(slot, "runtime/src/executor/waker_table.rs"));
    assert!(!may_use(slot, "runtime/src/runtime.rs"));
    assert!(!may_use("runtime/src/sys/epoll.rs", slot));
    assert!(!may_use(
        "runtime/src/reactor/mod.rs",
        "runtime/src/time/mod.rs"
    ));
    assert!(!may_use("runtime/src/new.rs", slot));
}
