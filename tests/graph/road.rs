//! The road: the files that somebody must read who wants to know how `spawn`, `sleep` and a read
//! from a TCP stream work.
//!
//! It is the closure of the imports of the files that define those functions, without the side
//! doors below, which the reader may leave shut.

use std::collections::BTreeSet;

use super::{Graph, circles, may_use, room_of};

/// What the road begins with.
const BEGINS: [&str; 4] = [
    "myrt_runtime::run",
    "myrt_runtime::task::spawn",
    "myrt_runtime::time::sleep",
    "myrt_net::TcpStream",
];

/// Rooms that are not on the road: who watches, and the libraries.
const SIDE_ROOMS: [&str; 7] = [
    "inspect", "blocking", "sync", "cancel", "future", "scope", "root",
];

/// Files that are not on the road, by the beginnings of their paths: other selectors than epoll,
/// what children, cleanups and task locals take, and what a read has no need of.
const SIDE_FILES: [&str; 19] = [
    "runtime/src/sys/absent.rs",
    "runtime/src/sys/affinity.rs",
    "runtime/src/sys/console.rs",
    "runtime/src/sys/describe.rs",
    "runtime/src/sys/epoll/",
    "runtime/src/sys/fd_table.rs",
    "runtime/src/sys/kqueue",
    "runtime/src/sys/poll.rs",
    "runtime/src/sys/select.rs",
    "runtime/src/executor/extra/",
    "runtime/src/stepping.rs",
    "net/src/addr.rs",
    "net/src/halves.rs",
    "net/src/kernel/",
    "net/src/zero_copy/",
    "net/src/ready.rs",
    "net/src/server/",
    "net/src/tcp/connect.rs",
    "net/src/tcp/listener.rs",
];

/// A row of the table: what, how much, where, and what it shall be at most.
pub(crate) struct Row {
    pub(crate) what: &'static str,
    pub(crate) value: usize,
    pub(crate) place: String,
    pub(crate) goal: &'static str,
}

fn row(what: &'static str, value: usize, goal: &'static str) -> Row {
    let place = String::new();
    Row {
        what,
        value,
        place,
        goal,
    }
}

/// The files of the road, lowest room first.
pub(crate) fn road(graph: &Graph) -> BTreeSet<usize> {
    let is_side = |file: usize| {
        let path = graph.files[file].path.as_str();
        let room = room_of(path).map_or("", |room| room.name);
        SIDE_ROOMS.contains(&room) || SIDE_FILES.iter().any(|start| path.starts_with(start))
    };
    graph.closure(&begins(graph), is_side)
}

fn begins(graph: &Graph) -> BTreeSet<usize> {
    BEGINS
        .iter()
        .flat_map(|name| {
            let definers = graph.definers(name);
            assert!(!definers.is_empty(), "{name} is nowhere defined");
            definers
        })
        .collect()
}

/// Everything that is measured.
pub(crate) fn table(graph: &Graph) -> Vec<Row> {
    let code = |files: &BTreeSet<usize>| -> usize {
        files
            .iter()
            .map(|file| graph.files[*file].measure.code)
            .sum()
    };
    let is_in = |file: usize, rooms: &[&str]| {
        let room = room_of(&graph.files[file].path);
        room.is_some_and(|room| rooms.contains(&room.name))
    };
    let road = road(graph);
    let middle: BTreeSet<usize> = road
        .iter()
        .copied()
        .filter(|file| is_in(*file, &["loop", "executor"]))
        .collect();
    let whole = graph.closure(&begins(graph), |_| false);
    let (mut upward, mut to_watchers) = (0, 0);
    for (from, arrows) in graph.arrows.iter().enumerate() {
        for to in arrows.keys() {
            let [above, below] = [from, *to].map(|file| graph.files[file].path.as_str());
            upward += usize::from(!may_use(above, below));
            let watched = is_in(from, &["sys", "executor", "reactor", "time", "loop"]);
            to_watchers += usize::from(watched && is_in(*to, &["inspect"]));
        }
    }
    let probe = ["executor", "task"].map(|room| format!("runtime/src/{room}/probe.rs"));
    let probe = probe.iter().find_map(|path| graph.file(path));
    let probe = probe.map_or(0, |file| graph.files[file].measure.code);
    let circle = circles(&graph.arrows).first().map_or(0, Vec::len);
    let unsafe_blocks = graph.files.iter().map(|file| file.measure.unsafe_blocks);
    let longest_file = graph.files.iter().max_by_key(|file| file.measure.lines);
    let longest_line = graph.files.iter().max_by_key(|file| file.measure.longest);
    let (longest_file, longest_line) =
        (longest_file.expect("a file"), longest_line.expect("a file"));
    vec![
        row("files on the road", road.len(), "36"),
        row("its lines of code", code(&road), "5,900"),
        row("of these, loop and executor", code(&middle), "2,900"),
        row("files with every side door open", whole.len(), ""),
        row("their lines of code", code(&whole), ""),
        row("arrows from the core to who watches", to_watchers, "0"),
        row("lines of the window, probe.rs", probe, "200"),
        row("arrows upward", upward, "0"),
        row("files in the largest circle", circle, "5"),
        row("unsafe blocks and impls", unsafe_blocks.sum(), "125"),
        Row {
            place: longest_file.path.clone(),
            ..row(
                "lines of the longest file",
                longest_file.measure.lines,
                "700",
            )
        },
        Row {
            place: longest_line.path.clone(),
            ..row(
                "letters of the longest line",
                longest_line.measure.longest,
                "100",
            )
        },
    ]
}
