//! The rooms of the tree, and which of them may use which: the one list of allowed arrows.

/// A room: its name, the files and folders in it, and the rooms that it may use.
pub(crate) struct Room {
    pub(crate) name: &'static str,
    /// Beginnings of paths. The longest that fits decides.
    paths: &'static [&'static str],
    may_use: &'static [&'static str],
}

const fn room(
    name: &'static str,
    paths: &'static [&'static str],
    may_use: &'static [&'static str],
) -> Room {
    Room {
        name,
        paths,
        may_use,
    }
}

/// Everything in the runtime's crate.
const RUNTIME: &[&str] = &[
    "root", "timer", "sys", "executor", "reactor", "time", "loop", "builder", "blocking", "sync",
    "cancel", "future", "scope",
];

/// Lowest first. `loop` uses executor, reactor and time, which do not know each other but for
/// wakers; what is above the loop are libraries on these four.
pub(crate) const ROOMS: [Room; 17] = [
    room("timer", &["timer/src/"], &[]),
    room("sys", &["runtime/src/sys/", "runtime/src/foreign.rs"], &[]),
    room("executor", &["runtime/src/executor/"], &["sys"]),
    room("reactor", &["runtime/src/reactor/"], &["executor", "sys"]),
    room(
        "time",
        &["runtime/src/time/"],
        &["executor", "sys", "timer"],
    ),
    room(
        "loop",
        &[
            "runtime/src/loop.rs",
            "runtime/src/runtime.rs",
            "runtime/src/shutdown.rs",
            "runtime/src/remote.rs",
            "runtime/src/core.rs",
            "runtime/src/stepping.rs",
        ],
        &["executor", "reactor", "sys", "time", "timer"],
    ),
    room(
        "blocking",
        &["runtime/src/blocking/"],
        &["loop", "executor", "sys", "time"],
    ),
    room("sync", &["runtime/src/sync/"], &["executor", "time"]),
    room(
        "cancel",
        &["runtime/src/cancel/"],
        &["executor", "time", "sync"],
    ),
    room(
        "future",
        &["runtime/src/future/"],
        &["executor", "time", "sync", "cancel", "blocking"],
    ),
    room(
        "scope",
        &["runtime/src/scope/"],
        &["executor", "time", "sync", "cancel", "future", "blocking"],
    ),
    room(
        "builder",
        &["runtime/src/builder.rs"],
        &["loop", "executor", "sys", "inspect"],
    ),
    // The crate's names; whatever else stands there only the crates above may use.
    room("root", &["runtime/src/lib.rs"], RUNTIME),
    room(
        "inspect",
        &[
            "inspect/src/",
            "runtime/src/cycle",
            "runtime/src/inspect",
            "runtime/src/lookout/",
            "runtime/src/metrics.rs",
            "runtime/src/misuse.rs",
            "runtime/src/monitor/",
            "runtime/src/observe",
            "runtime/src/record/",
            "runtime/src/report.rs",
            "runtime/src/trace/",
            "runtime/src/tracing_events.rs",
            "runtime/src/watchdog.rs",
        ],
        RUNTIME,
    ),
    room("net", &["net/src/"], RUNTIME),
    room(
        "sim",
        &["sim/src/"],
        &["root", "sys", "builder", "loop", "executor", "net"],
    ),
    room(
        "facade",
        &["src/"],
        &[
            "root", "timer", "sys", "executor", "reactor", "time", "loop", "blocking", "sync",
            "cancel", "future", "scope", "inspect", "net", "sim",
        ],
    ),
];

/// Single arrows between files that no room has in general, each with its reason.
const EXCEPTIONS: [(&str, &str); 1] = [
    // Where `select!` begins outside of any runtime is stirred from the clock: entropy, not time.
    ("runtime/src/future/select.rs", "runtime/src/sys/clock.rs"),
];

/// The room of a file.
pub(crate) fn room_of(path: &str) -> Option<&'static Room> {
    let fits = |room: &'static Room| {
        let paths = room.paths.iter().filter(|start| path.starts_with(**start));
        paths
            .map(|start| start.len())
            .max()
            .map(|length| (length, room))
    };
    let fitting = ROOMS.iter().filter_map(fits);
    fitting
        .max_by_key(|(length, _)| *length)
        .map(|(_, room)| room)
}

/// Whether the list allows this arrow between two files.
pub(crate) fn may_use(from: &str, to: &str) -> bool {
    let (Some(lower), Some(upper)) = (room_of(to), room_of(from)) else {
        return false;
    };
    lower.name == upper.name
        || upper.may_use.contains(&lower.name)
        || EXCEPTIONS.contains(&(from, to))
}
