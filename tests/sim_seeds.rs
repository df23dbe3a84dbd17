//! Seeds and tapes: a failing run repeats, becomes shorter, and is told in a few lines.
#![cfg(all(feature = "sim", target_os = "linux"))]
#![allow(
    clippy::disallowed_methods,
    reason = "a thread for fresh thread-locals"
)]

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use myrt::net::{TcpListener, TcpStream};
use myrt::sim::{Chaos, Failure, Tape, World, runner};
use myrt::time::sleep;

mod support;
use support::sim::{ask, echo_server, ms};

#[myrt::sim::test(seeds = 30)]
fn an_echo_is_right_in_every_seed(world: &mut World) {
    world.net().latency(ms(1)..ms(20)).loss(0.05);
    world.chaos(Chaos::new().short_io(0.3));
    for name in ["a", "b", "c"] {
        world.host(name, echo_server);
    }
    world.client("app", async {
        for to in ["a:7", "b:7", "c:7"] {
            assert_eq!(ask(to, b"hello").await.unwrap(), b"hello");
        }
    });
    world.run_for(Duration::from_secs(600)).unwrap();
}

#[myrt::sim::test(seeds = 3)]
#[should_panic(expected = "on app")]
fn a_body_that_fails_fails_the_test(world: &mut World) {
    world.client("app", async { panic!("always") });
    world.run().unwrap();
}

/// A counter that is read, and written later: with two clients an update may be lost.
async fn careless_counter() -> std::io::Result<()> {
    let listener = TcpListener::bind("0.0.0.0:80").await?;
    let value = Rc::new(Cell::new(0_u8));
    loop {
        let (stream, _) = listener.accept().await?;
        let value = Rc::clone(&value);
        drop(myrt::spawn(async move {
            let mut command = [0];
            while stream.read_exact(&mut command).await.is_ok() {
                if command[0] == b'+' {
                    let before = value.get();
                    sleep(ms(1)).await; // "asks the disk"
                    value.set(before + 1);
                }
                if stream.write_all(&[value.get()]).await.is_err() {
                    return;
                }
            }
        }));
    }
}

async fn add(delay: Duration) {
    sleep(delay).await;
    let stream = TcpStream::connect("counter:80").await.unwrap();
    stream.write_all(b"+").await.unwrap();
    stream.read_exact(&mut [0]).await.unwrap();
}

/// Two clients add one each, far enough from each other unless the network is slow.
fn lost_update(world: &mut World) {
    world.net().latency(ms(1)..ms(40));
    world.host("counter", careless_counter);
    world.client("one", add(ms(0)));
    world.client("two", add(ms(45)));
    world.run().unwrap();
    let seen = Rc::new(Cell::new(0));
    let value = Rc::clone(&seen);
    world.client("check", async move {
        let stream = TcpStream::connect("counter:80").await.unwrap();
        stream.write_all(b"?").await.unwrap();
        let mut count = [0];
        stream.read_exact(&mut count).await.unwrap();
        value.set(count[0]);
    });
    world.run().unwrap();
    assert_eq!(seen.get(), 2, "an update was lost");
}

/// What `sim::test` says of a body that fails.
fn report_of(seeds: u64, body: impl Fn(&mut World) + Sync) -> String {
    let run = || runner::run("tests::name", seeds, body);
    let panic = catch_unwind(AssertUnwindSafe(run)).expect_err("a seed fails");
    panic.downcast_ref::<String>().cloned().expect("a text")
}

#[test]
fn a_planted_bug_is_found_shortened_and_told() {
    let report = report_of(10_000, lost_update);
    assert!(report.lines().count() <= 10, "{report}");
    assert!(report.contains("an update was lost"), "{report}");
    assert!(report.contains("one choice"), "{report}");
    assert!(
        report.contains("\"latency\"") || report.contains("latency"),
        "{report}"
    );
    let command = report.lines().last().unwrap();
    assert!(command.contains("cargo test tests::name"), "{command}");
    // The tape that it names repeats the failure.
    let path = command
        .split("MYRT_SIM_TAPE=")
        .nth(1)
        .unwrap()
        .split(' ')
        .next()
        .unwrap();
    let tape: Tape = std::fs::read_to_string(path).unwrap().parse().unwrap();
    assert!(tape.len() <= 9, "{} choices are left", tape.len());
    let mut world = World::replay(tape);
    let again = catch_unwind(AssertUnwindSafe(|| lost_update(&mut world))).unwrap_err();
    let said = again.downcast_ref::<String>().unwrap();
    assert!(said.contains("an update was lost"), "{said}");
}

/// A world in which much happens, and its end.
fn busy(mut world: World) -> Result<myrt::sim::Summary, Failure> {
    world.net().latency(ms(1)..ms(30)).loss(0.1).reorder(0.1);
    world.chaos(
        Chaos::new()
            .partitions(0.2)
            .crashes(0.1)
            .short_io(0.3)
            .errno(0.05),
    );
    for name in ["a", "b", "c"] {
        world.host(name, echo_server);
    }
    for name in ["x", "y"] {
        world.client(name, async {
            let order: std::collections::HashSet<u32> = (0..20).collect();
            for one in order {
                let to = ["a:7", "b:7", "c:7"][one as usize % 3];
                let text = vec![one as u8; one as usize * 7 + 1];
                let _ = myrt::time::timeout(ms(900), ask(to, &text)).await;
            }
        });
    }
    world.run()
}

#[test]
fn two_runs_of_one_seed_are_the_same_to_the_event() {
    let of = |seed| {
        std::thread::spawn(move || busy(World::new(seed)).unwrap())
            .join()
            .unwrap()
    };
    for seed in 0..20 {
        assert_eq!(of(seed), of(seed));
    }
    assert_ne!(of(0).hash, of(1).hash);
}

#[test]
fn a_tape_repeats_a_run() {
    let of = |seed| {
        let run = move || {
            let mut world = World::new(seed);
            world.net().latency(ms(1)..ms(30));
            world.host("a", echo_server);
            world.client("x", async { drop(ask("a:7", b"text").await.unwrap()) });
            let summary = world.run().unwrap();
            (summary, world.fork_tape())
        };
        std::thread::spawn(run).join().unwrap()
    };
    let (summary, tape) = of(3);
    let text = tape.to_string();
    assert_eq!(text.parse::<Tape>().unwrap().to_string(), text);
    let again = move || {
        let mut world = World::replay(text.parse().unwrap());
        world.net().latency(ms(1)..ms(30));
        world.host("a", echo_server);
        world.client("x", async { drop(ask("a:7", b"text").await.unwrap()) });
        world.run().unwrap()
    };
    let again = std::thread::spawn(again).join().unwrap();
    assert_eq!(again, summary);
}

#[test]
fn tapes_that_do_not_parse_say_where() {
    for wrong in ["", "a tape", "myrt-sim-tape 1\nseed x\n"] {
        let error = wrong.parse::<Tape>().unwrap_err().to_string();
        assert!(error.starts_with("line "), "{wrong:?}: {error}");
    }
}

#[test]
fn an_expectation_that_never_holds_is_told() {
    let report = report_of(20, |world| {
        world.client("app", async {
            myrt::sim::sometimes!(1 > 2, "one is more than two");
            myrt::sim::sometimes!(1 < 2, "one is less than two");
        });
        world.run().unwrap();
    });
    assert!(report.contains("one is more than two"), "{report}");
    assert!(!report.contains("one is less than two"), "{report}");
}
