//! The course's numbers: every id, what it says, and where the course says it.
//!
//! Why: a report then has every id once, also those that no measurement could do. The ids and words
//! are the course's; the parts of a finding state the single numbers.

/// An id of the course.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) id: &'static str,
    pub(crate) says: &'static str,
    pub(crate) place: &'static str,
}

const fn claim(id: &'static str, says: &'static str, place: &'static str) -> Claim {
    Claim { id, says, place }
}

/// In the order of the reports.
pub(crate) const CLAIMS: &[Claim] = &[
    claim(
        "N1",
        "a thread takes 8 MB of stack: 1,000 take 8 GB, 10,000 take 80 GB",
        "8.5, Solution 1, C10K",
    ),
    claim(
        "N2",
        "connect takes 10–100 ms; the thread is blocked for 49 of 50 ms",
        "8.5, Qu'est-ce que le blocage",
    ),
    claim(
        "N3",
        "threads end at about 1,000 clients, an event loop takes 10,000 and more",
        "8.5 and 8.7, tables",
    ),
    claim(
        "N4",
        "1,000 HTTP requests: threads 15–30 s and 8 GB, event loop 2–5 s and 100 MB",
        "8.5, Performances comparées",
    ),
    claim(
        "N5",
        "10,000 requests: impossible with threads, event loop 25 s and 500 MB",
        "8.5, Performances comparées",
    ),
    claim(
        "N6",
        "nginx against Apache prefork: 10x connections, 5x less memory, 10x rate",
        "8.5, cas 1; 8.6, cas 1",
    ),
    claim(
        "N7",
        "Redis: 100,000 operations/s, below 1 ms, 10,000 clients, 50 MB, one thread",
        "8.5, cas 2; 8.6, cas 2",
    ),
    claim(
        "N8",
        "Node: 10,000 requests/s in 100 MB on one core",
        "8.5, cas 3; 8.6, cas 3",
    ),
    claim(
        "N9",
        "chat: 100,000 clients, 10 KB each, 1 GB, below 10 ms",
        "8.5, cas 4",
    ),
    claim(
        "N10",
        "game: 10,000 players, below 50 ms, a frame each 16 ms",
        "8.5, Temps réel",
    ),
    claim(
        "N11",
        "a task that keeps the loop for more than 100 ms is reported",
        "8.5, profiler; 8.7, slow_callback",
    ),
    claim(
        "N12",
        "select, poll and epoll at 100 … 100,000 descriptors: epoll constant, 500x faster",
        "8.6, Performance comparée",
    ),
    claim(
        "N13",
        "1,000 waits on 10,000 descriptors: select 15.2 s, epoll 0.46 s, 33.4x",
        "8.6, Performance d'epoll",
    ),
    claim(
        "N14",
        "epoll is O(1) and takes 100,000 connections; select ends at 1,024",
        "8.6, epoll; Limitations",
    ),
    claim(
        "N15",
        "HAProxy: 100,000 connections a process, below 1 ms, 10 Gbit/s",
        "8.6, cas 4",
    ),
    claim(
        "N16",
        "300 → 100 ms, 400 → 100 ms, 3 s → 1 s",
        "8.7, introduction, gather, agrégation",
    ),
    claim(
        "N17",
        "100 × 100 ms: in sequence 10 s, 50 threads 2.5 s and 400 MB, async 0.5 s and 10 MB",
        "8.7, Benchmark",
    ),
    claim(
        "N18",
        "a scraper fetches 500 pages in 30 s, against 500 s and more in sequence",
        "8.7, cas 1",
    ),
    claim(
        "N19",
        "a rate limit of 5/s: 0.00 five times, then 0.20, 0.40, 0.60",
        "8.7, cas 4",
    ),
    claim(
        "N20",
        "tasks of 1 s, 2 s and 0.5 s on 4 workers",
        "8.7, cas 3",
    ),
    claim(
        "N21",
        "five clients of a server that takes 1 s: 5.013 s → 1.002 s",
        "exemple n°5, entrées/sorties",
    ),
    claim(
        "N22",
        "a semaphore of 2 and five fetches that overlap by two: 2.5 s",
        "guide visuel, Pattern 4",
    ),
    claim(
        "N23",
        "CPU-bound: threads take 2x under the GIL, processes 1x",
        "guide visuel, GIL",
    ),
    claim(
        "N24",
        "a fan-out ends with its slowest call (150 ms), not with the sum",
        "guide visuel, I/O-bound",
    ),
    claim(
        "A5",
        "threads do not scale: 8 MB × N",
        "8.5, Pourquoi ça ne scale pas",
    ),
    claim(
        "A6",
        "10,000 connections at once in one thread",
        "8.5, Le problème C10K",
    ),
    claim(
        "A7",
        "games of 50,000, chats of 100,000, streaming to a million",
        "8.5, Cas d'usage réel",
    ),
    claim(
        "A11",
        "blocking against non-blocking, aspect by aspect",
        "8.5, Tableau comparatif",
    ),
    claim(
        "A13",
        "1,000 HTTP requests: threads, event loop, asyncio",
        "8.5, Performances comparées",
    ),
    claim(
        "A14",
        "10,000 connections: threads, event loop, asyncio",
        "8.5, Résultats typiques",
    ),
    claim(
        "A19",
        "prefork against event-driven on the same machine",
        "8.5, Résultats réels",
    ),
    claim(
        "B15",
        "one active of N: epoll flat, poll linear, select refuses",
        "8.6, Performance comparée",
    ),
    claim(
        "C22",
        "100 × 100 ms in sequence, with 50 threads, async: 10 s, 0.2 s, 0.1 s",
        "8.7, Async vs Sync vs Threads",
    ),
    claim(
        "C23",
        "in sequence, threads, async: time and memory side by side",
        "8.7, Tableau comparatif",
    ),
];

/// Finds an id, however it is written.
pub(crate) fn find(id: &str) -> Option<&'static Claim> {
    CLAIMS
        .iter()
        .find(|claim| claim.id.eq_ignore_ascii_case(id))
}
