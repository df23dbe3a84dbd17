//! Files on the blocking pool: what std does, and that nothing acknowledged is lost whatever is
//! dropped when.
#![cfg(feature = "fs")]

mod support;

use std::cell::Cell;
use std::future::Future;
use std::io::SeekFrom;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use myrt::fs::{self, File, OpenOptions};
use myrt::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufWriter};
use myrt::stream::StreamExt;
use myrt::time::{Instant, timeout};
use support::left::Watch;

/// A directory of one's own, gone with it.
struct Scratch {
    path: PathBuf,
    /// Also for tests that leave nothing open for sure: they would disturb the others.
    _watch: Watch,
}

impl Scratch {
    fn new(name: &str) -> Self {
        let watch = Watch::begin();
        let path = std::env::temp_dir().join(format!("myrt-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).unwrap();
        Self {
            path,
            _watch: watch,
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.path).unwrap();
    }
}

fn numbers(count: u32) -> Vec<u8> {
    (0..count).flat_map(u32::to_le_bytes).collect()
}

#[test]
fn whole_files_and_paths() {
    let scratch = Scratch::new("whole");
    let at = |name: &str| scratch.file(name);
    myrt::run(async {
        fs::write(at("a"), "first").await.unwrap();
        assert_eq!(fs::read(at("a")).await.unwrap(), b"first");
        assert_eq!(fs::read_to_string(at("a")).await.unwrap(), "first");
        assert_eq!(fs::copy(at("a"), at("b")).await.unwrap(), 5);
        fs::rename(at("b"), at("c")).await.unwrap();
        assert!(!fs::try_exists(at("b")).await.unwrap());
        assert_eq!(fs::metadata(at("c")).await.unwrap().len(), 5);
        fs::symlink(at("c"), at("link")).await.unwrap();
        assert!(fs::symlink_metadata(at("link")).await.unwrap().is_symlink());
        assert_eq!(fs::read_link(at("link")).await.unwrap(), at("c"));
        assert_eq!(
            fs::canonicalize(at("link")).await.unwrap(),
            fs::canonicalize(at("c")).await.unwrap()
        );
        fs::hard_link(at("c"), at("d")).await.unwrap();
        fs::create_dir_all(at("x/y/z")).await.unwrap();
        assert!(fs::create_dir(at("x")).await.is_err());
        fs::remove_dir(at("x/y/z")).await.unwrap();
        assert!(fs::remove_dir(at("x")).await.is_err());
        fs::remove_dir_all(at("x")).await.unwrap();
        for name in ["a", "c", "d", "link"] {
            fs::remove_file(at(name)).await.unwrap();
        }
        let missing = fs::read(at("a")).await.unwrap_err();
        assert_eq!(missing.kind(), std::io::ErrorKind::NotFound);
        assert_eq!(std::fs::read_dir(&scratch.path).unwrap().count(), 0);
    });
}

#[test]
fn a_file_reads_writes_and_seeks_as_std_does() {
    let scratch = Scratch::new("file");
    let path = scratch.file("f");
    myrt::run(async {
        let mut file = File::create_new(&path).await.unwrap();
        assert!(File::create_new(&path).await.is_err());
        file.write_all(b"0123456789").await.unwrap();
        assert_eq!(file.seek(SeekFrom::Start(2)).await.unwrap(), 2);
        let mut two = [0; 2];
        file.read_exact(&mut two).await.unwrap();
        assert_eq!(&two, b"23");
        // The system's position is at the end, ours at 4.
        assert_eq!(file.buffer(), b"456789");
        assert_eq!(file.seek(SeekFrom::Current(1)).await.unwrap(), 5);
        file.read_exact(&mut two).await.unwrap();
        assert_eq!(&two, b"56");
        file.write_all(b"ab").await.unwrap();
        let mut rest = Vec::new();
        assert_eq!(file.read_to_end(&mut rest).await.unwrap(), 1);
        assert_eq!(rest, b"9");
        assert_eq!(std::fs::read(&path).unwrap(), b"0123456ab9");
        assert_eq!(file.seek(SeekFrom::End(-3)).await.unwrap(), 7);
        assert!(file.seek(SeekFrom::Current(-8)).await.is_err());
        let mut text = String::new();
        assert_eq!(file.read_to_string(&mut text).await.unwrap(), 3);
        assert_eq!(text, "ab9");
        file.set_len(4).await.unwrap();
        file.sync_all().await.unwrap();
        file.sync_data().await.unwrap();
        assert_eq!(file.metadata().await.unwrap().len(), 4);
        file.seek(SeekFrom::Start(1)).await.unwrap();
        assert!(file.read_exact(&mut [0; 9]).await.is_err());
        file.seek(SeekFrom::Start(1)).await.unwrap();
        file.read_exact(&mut two).await.unwrap();
        // std's file goes on where ours was.
        let mut std = file.into_std().await.unwrap();
        assert_eq!(std::io::Seek::stream_position(&mut std).unwrap(), 3);
    });
}

#[test]
fn a_small_read_is_not_a_job() {
    let scratch = Scratch::new("jobs");
    let path = scratch.file("f");
    std::fs::write(&path, numbers(50_000)).unwrap();
    let runtime = support::runtime();
    runtime.block_on(async {
        let mut file = File::open(&path).await.unwrap();
        let mut four = [0; 4];
        for n in 0..50_000_u32 {
            file.read_exact(&mut four).await.unwrap();
            assert_eq!(u32::from_le_bytes(four), n);
        }
        assert_eq!(file.read(&mut four).await.unwrap(), 0);
    });
    assert!(
        runtime.metrics().spawned < 10,
        "{}",
        runtime.metrics().spawned
    );
}

#[test]
fn lines_buffers_and_large_transfers_by_the_traits() {
    let scratch = Scratch::new("traits");
    let path = scratch.file("f");
    myrt::run(async {
        let all = numbers(1_000_000);
        let mut file = File::create(&path).await.unwrap();
        AsyncWriteExt::write_all(&mut file, &all).await.unwrap();
        let mut back = Vec::new();
        let mut file = File::open(&path).await.unwrap();
        AsyncReadExt::read_to_end(&mut file, &mut back)
            .await
            .unwrap();
        assert!(back == all);

        let mut lines = BufWriter::new(
            OpenOptions::new()
                .write(true)
                .truncate(true)
                .open(&path)
                .await
                .unwrap(),
        );
        for n in 0..1000 {
            lines.write_all(format!("{n}\n").as_bytes()).await.unwrap();
        }
        lines.flush().await.unwrap();
        let file = File::open(&path).await.unwrap();
        let found: Vec<String> = AsyncBufReadExt::lines(file)
            .map(Result::unwrap)
            .collect()
            .await;
        assert!(
            found
                .iter()
                .enumerate()
                .all(|(n, line)| *line == n.to_string())
                && found.len() == 1000
        );
    });
}

/// Polls a future `n` times, then drops it.
async fn polled<F: Future>(times: u32, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..times {
        if let Poll::Ready(value) = future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            return Some(value);
        }
        myrt::time::sleep(Duration::from_micros(100)).await;
    }
    None
}

#[test]
fn a_dropped_read_loses_nothing() {
    let scratch = Scratch::new("dropped-read");
    let path = scratch.file("f");
    std::fs::write(&path, numbers(100_000)).unwrap();
    myrt::run(async {
        let mut file = File::open(&path).await.unwrap();
        let mut all = Vec::new();
        let mut dropped = 0;
        let mut buf = [0; 1000];
        loop {
            match polled(1, file.read(&mut buf)).await {
                None => dropped += 1,
                Some(count) => match count.unwrap() {
                    0 => break,
                    count => all.extend_from_slice(&buf[..count]),
                },
            }
        }
        assert!(dropped > 0);
        assert!(all == numbers(100_000));
    });
}

#[test]
fn a_dropped_write_is_there_once_or_not_at_all() {
    let scratch = Scratch::new("dropped-write");
    let path = scratch.file("f");
    myrt::run(async {
        let mut file = File::create(&path).await.unwrap();
        // Given up and done again: once.
        for n in 0..50_u32 {
            let line = format!("line {n}\n");
            while polled(1, file.write_all(line.as_bytes())).await.is_none() {}
        }
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(
            text.lines()
                .enumerate()
                .all(|(n, line)| line == format!("line {n}")),
            "{text}"
        );
        assert_eq!(text.lines().count(), 50);
        // Given up, and something else written: whatever became of the first, the second is there,
        // whole, and the last.
        for n in 0..50_u32 {
            let _ = polled(1, file.write_all(b"given up\n")).await;
            file.write_all(format!("kept {n}\n").as_bytes())
                .await
                .unwrap();
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let kept: Vec<_> = text
            .lines()
            .skip(50)
            .filter(|line| *line != "given up")
            .collect();
        assert!(
            kept.iter()
                .enumerate()
                .all(|(n, line)| *line == format!("kept {n}")),
            "{text}"
        );
        assert_eq!(kept.len(), 50);
    });
}

#[test]
fn a_seek_that_was_given_up_moves_at_most_once() {
    let scratch = Scratch::new("dropped-seek");
    let path = scratch.file("f");
    std::fs::write(&path, numbers(1000)).unwrap();
    myrt::run(async {
        let mut file = File::open(&path).await.unwrap();
        let mut four = [0; 4];
        file.read_exact(&mut four).await.unwrap();
        let there = loop {
            if let Some(there) = polled(1, file.seek(SeekFrom::Current(8))).await {
                break there.unwrap();
            }
        };
        assert_eq!(there, 12);
        file.read_exact(&mut four).await.unwrap();
        assert_eq!(u32::from_le_bytes(four), 3);
    });
}

#[test]
fn what_was_acknowledged_is_there_when_the_program_ends() {
    let _watch = Watch::begin();
    if !support::in_own_process("what_was_acknowledged_is_there_when_the_program_ends", "") {
        return;
    }
    let path = std::env::temp_dir().join(format!("myrt-exit-{}", std::process::id()));
    myrt::run(async {
        let mut file = File::create(&path).await.unwrap();
        for n in 0..100 {
            file.write_all(format!("{n}\n").as_bytes()).await.unwrap();
            // No flush, no close: the system has it.
            assert_eq!(
                std::fs::read_to_string(&path).unwrap().lines().count(),
                n + 1
            );
        }
    });
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn appending_goes_to_the_end_wherever_that_is() {
    let scratch = Scratch::new("append");
    let path = scratch.file("f");
    myrt::run(async {
        let open = || OpenOptions::new().append(true).create(true).open(&path);
        let (mut a, mut b) = (open().await.unwrap(), open().await.unwrap());
        for _ in 0..10 {
            a.write_all(b"a").await.unwrap();
            b.write_all(b"b").await.unwrap();
        }
        assert_eq!(fs::read_to_string(&path).await.unwrap(), "ab".repeat(10));
    });
}

#[test]
fn a_directory_is_a_stream() {
    let scratch = Scratch::new("dir");
    for n in 0..300 {
        std::fs::write(scratch.file(&n.to_string()), "").unwrap();
    }
    std::fs::create_dir(scratch.file("sub")).unwrap();
    myrt::run(async {
        let mut names = Vec::new();
        let mut entries = fs::read_dir(&scratch.path).await.unwrap();
        let mut dropped = 0;
        loop {
            let Some(entry) = polled(1, entries.next_entry()).await else {
                dropped += 1;
                continue;
            };
            let Some(entry) = entry.unwrap() else { break };
            assert_eq!(entry.path().parent(), Some(Path::new(&scratch.path)));
            let name = entry.file_name().into_string().unwrap();
            assert_eq!(entry.file_type().await.unwrap().is_dir(), name == "sub");
            assert_eq!(entry.metadata().await.unwrap().is_dir(), name == "sub");
            names.push(name);
        }
        assert!(dropped > 0);
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 301);
        assert_eq!(
            fs::read_dir(&scratch.path).await.unwrap().count().await,
            301
        );
    });
}

#[test]
fn the_loop_runs_while_a_file_blocks() {
    let scratch = Scratch::new("fifo");
    let path = scratch.file("fifo");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&path)
            .status()
            .unwrap()
            .success()
    );
    myrt::run(async {
        let turns = Cell::new(0);
        let both = async {
            // Opening waits for the other end, on the pool.
            let reader = myrt::spawn({
                let path = path.clone();
                async move {
                    let mut text = String::new();
                    File::open(&path)
                        .await
                        .unwrap()
                        .read_to_string(&mut text)
                        .await
                        .unwrap();
                    text
                }
            });
            for _ in 0..20 {
                myrt::time::sleep(Duration::from_millis(1)).await;
                turns.set(turns.get() + 1);
            }
            assert!(!reader.is_finished());
            let mut writer = OpenOptions::new().write(true).open(&path).await.unwrap();
            writer.write_all(b"through").await.unwrap();
            drop(writer);
            reader.await.unwrap()
        };
        assert_eq!(
            timeout(Duration::from_secs(20), both).await.unwrap(),
            "through"
        );
        assert_eq!(turns.get(), 20);
    });
}

#[test]
fn virtual_time_stands_still_meanwhile() {
    let scratch = Scratch::new("time");
    let path = scratch.file("f");
    support::paused().block_on(async {
        let begin = Instant::now();
        timeout(Duration::from_millis(1), fs::write(&path, numbers(100_000)))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(begin.elapsed(), Duration::ZERO);
    });
}
