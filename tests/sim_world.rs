//! The simulated world: hosts, names, clocks, chance, and how a run ends.
#![cfg(all(feature = "sim", target_os = "linux"))]
#![allow(
    clippy::disallowed_methods,
    reason = "the clocks of std, and a thread for fresh thread-locals, are the subject"
)]

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use myrt::net::{TcpListener, TcpStream, UdpSocket};
use myrt::sim::{FailureKind, World};
use myrt::time::sleep;

mod support;
use support::sim::{ask, echo_server, ms};

#[test]
fn a_connect_and_an_echo_take_two_round_trips() {
    let mut world = World::new(1);
    world.net().latency(ms(10)..=ms(10));
    world.host("server", echo_server);
    world.client("client", async {
        let before = myrt::time::Instant::now();
        assert_eq!(ask("server:7", b"hello").await.unwrap(), b"hello");
        assert_eq!(before.elapsed(), ms(40));
    });
    assert_eq!(world.run().unwrap().simulated, ms(40));
}

#[test]
fn an_hour_of_heartbeats_takes_no_time() {
    let beats = Rc::new(Cell::new(0));
    let mut world = World::new(2);
    world.host("server", echo_server);
    let count = Rc::clone(&beats);
    world.host("beater", move || {
        let count = Rc::clone(&count);
        async move {
            loop {
                sleep(Duration::from_secs(10)).await;
                ask("server:7", b"beat").await.unwrap();
                count.set(count.get() + 1);
            }
        }
    });
    let summary = world.run_for(Duration::from_secs(3600)).unwrap();
    assert_eq!(summary.simulated, Duration::from_secs(3600));
    assert!((358..=360).contains(&beats.get()), "{}", beats.get());
}

#[test]
fn clocks_say_the_worlds_time_and_the_systems_outside() {
    let outside = SystemTime::now();
    let mut world = World::new(3);
    let there = Rc::new(RefCell::new(Vec::new()));
    let said = Rc::clone(&there);
    world.client("client", async move {
        for _ in 0..2 {
            let now = (
                Instant::now(),
                SystemTime::now(),
                myrt::time::Instant::now(),
            );
            said.borrow_mut().push(now);
            sleep(Duration::from_secs(86_000)).await;
        }
    });
    world.run_for(Duration::from_secs(86_400)).unwrap();
    let there = there.borrow();
    let day = Duration::from_secs(86_000);
    assert_eq!(there[1].0.duration_since(there[0].0), day);
    assert_eq!(there[1].1.duration_since(there[0].1).unwrap(), day);
    assert_eq!(there[1].2.duration_since(there[0].2), day);
    assert!(
        outside.elapsed().unwrap() < day,
        "real time goes on outside"
    );
}

/// What a host draws from everything that is random in a process.
fn chance() -> String {
    let mut map = HashMap::new();
    map.extend((0..64).map(|it| (it, ())));
    let order: Vec<i32> = map.keys().copied().collect();
    format!("{order:?} {:?} {}", fastrand_of_std(), myrt::sim::random())
}

fn fastrand_of_std() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(7)
}

fn chance_of(seed: u64) -> String {
    let said = Rc::new(RefCell::new(String::new()));
    let mut world = World::new(seed);
    let there = Rc::clone(&said);
    // A thread of its own, since std keeps one key for each thread.
    world.client("client", async move { *there.borrow_mut() = chance() });
    world.run().unwrap();
    said.take()
}

#[test]
fn the_order_of_a_map_and_random_numbers_come_from_the_seed() {
    let of = |seed| std::thread::spawn(move || chance_of(seed)).join().unwrap();
    assert_eq!(of(5), of(5));
    assert_ne!(of(5), of(6));
}

#[test]
fn names_are_hosts() {
    let mut world = World::new(4);
    let server = world.host("server", echo_server);
    let ip = server.ip();
    world.client("client", async move {
        let found: Vec<_> = myrt::net::lookup_host("server:80").await.unwrap().collect();
        assert_eq!(found, [(ip, 80).into()]);
        let error = ask("nobody:7", b"x").await.unwrap_err();
        assert!(
            error.to_string().contains("no host of this world"),
            "{error}"
        );
        let error = TcpStream::connect("203.0.113.7:80").await.unwrap_err();
        assert!(error.to_string().contains("203.0.113.7"), "{error}");
        let listener = TcpListener::bind("localhost:0").await.unwrap();
        let near = listener.local_addr().unwrap();
        assert!(near.ip().is_loopback() && near.port() != 0);
        let (mine, theirs) = myrt::join!(TcpStream::connect(near), listener.accept());
        let (mine, (theirs, peer)) = (mine.unwrap(), theirs.unwrap());
        assert_eq!(peer, mine.local_addr().unwrap());
        assert_eq!(mine.peer_addr().unwrap(), theirs.local_addr().unwrap());
    });
    world.run().unwrap();
}

#[test]
fn blocking_work_runs_and_does_not_stop_time() {
    let mut world = World::new(5);
    world.client("client", async {
        let before = Instant::now();
        let sum = myrt::spawn_blocking(|| (1..=100).sum::<u32>())
            .await
            .unwrap();
        assert_eq!(sum, 5050);
        assert_eq!(before.elapsed(), Duration::ZERO);
    });
    world.run().unwrap();
}

#[test]
fn what_is_not_simulated_says_so() {
    let mut world = World::new(6);
    world.client("client", async {
        let errors = [
            myrt::net::UnixStream::pair().map(drop).unwrap_err(),
            myrt::net::UnixListener::bind("/tmp/none")
                .map(drop)
                .unwrap_err(),
            myrt::fs::read("/etc/hostname").await.map(drop).unwrap_err(),
            myrt::process::Command::new("true")
                .spawn()
                .map(drop)
                .unwrap_err(),
            myrt::signal::ctrl_c().await.unwrap_err(),
            myrt::io::stdin().read(&mut [0]).await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), io::ErrorKind::Unsupported, "{error}");
            assert!(error.to_string().contains("myrt::sim"), "{error}");
        }
        assert!(myrt::sim::is_simulated());
    });
    world.run().unwrap();
    assert!(!myrt::sim::is_simulated());
}

fn failure_of(world: &mut World) -> (FailureKind, String) {
    let failure = world.run().unwrap_err();
    (failure.kind(), failure.to_string())
}

#[test]
fn a_panic_of_a_client_a_host_or_a_task_ends_the_run() {
    let mut world = World::new(7);
    world.client("client", async { panic!("of the client") });
    let (kind, said) = failure_of(&mut world);
    assert_eq!(kind, FailureKind::Panic);
    assert!(
        said.contains("on client") && said.contains("of the client"),
        "{said}"
    );
    assert!(said.contains("sim_world.rs:"), "{said}");

    let mut world = World::new(7);
    world.host("host", || async {
        drop(myrt::spawn(async { panic!("of a task") }));
        std::future::pending::<()>().await;
    });
    world.client("client", sleep(ms(1)));
    let (kind, said) = failure_of(&mut world);
    assert_eq!(kind, FailureKind::Panic);
    assert!(
        said.contains("on host") && said.contains("of a task"),
        "{said}"
    );

    let mut world = World::new(7);
    world.host("host", || async {
        Err::<(), _>(io::Error::other("of main"))
    });
    world.client("client", sleep(ms(1)));
    let (kind, said) = failure_of(&mut world);
    assert_eq!(kind, FailureKind::Panic);
    assert!(said.contains("of main"), "{said}");
}

#[test]
fn waiting_for_ever_is_found_at_once() {
    let mut world = World::new(8);
    world.host("server", || async {
        let listener = TcpListener::bind("0.0.0.0:7").await?;
        let (stream, _) = listener.accept().await?;
        std::future::pending::<()>().await;
        drop(stream);
        io::Result::Ok(())
    });
    world.client("client", async { ask("server:7", b"hello").await.unwrap() });
    let (kind, said) = failure_of(&mut world);
    assert_eq!(kind, FailureKind::Stuck, "{said}");
    assert!(said.contains("client"), "{said}");
}

#[test]
fn a_host_that_never_waits_is_found() {
    let mut world = World::new(9);
    world.client("client", async {
        loop {
            myrt::yield_now().await;
        }
    });
    let (kind, said) = failure_of(&mut world);
    assert_eq!(kind, FailureKind::Busy, "{said}");
}

#[test]
fn a_client_that_sleeps_for_ever_is_found() {
    let mut world = World::new(10);
    world.client("client", async {
        loop {
            sleep(Duration::from_secs(3600)).await;
        }
    });
    let (kind, said) = failure_of(&mut world);
    assert_eq!(kind, FailureKind::Endless, "{said}");
}

#[test]
fn run_until_asks_between_steps() {
    let done = Rc::new(Cell::new(false));
    let mut world = World::new(11);
    let it = Rc::clone(&done);
    world.host("host", move || {
        let it = Rc::clone(&it);
        async move {
            sleep(ms(250)).await;
            it.set(true);
            std::future::pending::<()>().await;
        }
    });
    let summary = world.run_until(|_| done.get()).unwrap();
    assert_eq!(summary.simulated, ms(250));
    let error = world.run_until(|_| false).unwrap_err();
    assert_eq!(error.kind(), FailureKind::Stuck);
}

#[test]
fn assertions_end_the_run() {
    let mut world = World::new(12);
    world.client("client", async {
        let owners = 2;
        myrt::sim::always!(owners < 2, "{owners} owners of one lease");
        std::future::pending::<()>().await;
    });
    let (kind, said) = failure_of(&mut world);
    assert_eq!(kind, FailureKind::Always);
    assert!(said.contains("2 owners of one lease"), "{said}");

    let mut world = World::new(12);
    world.client("client", async {
        for _ in 0..100 {
            myrt::sim::eventually!(false, Duration::from_secs(5), "a leader");
            sleep(Duration::from_secs(1)).await;
        }
    });
    let failure = world.run().unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Eventually);
    assert_eq!(failure.at(), Duration::from_secs(5));
    // Outside of a world they are nothing.
    myrt::sim::always!(false, "nothing");
    myrt::sim::eventually!(false, Duration::ZERO, "nothing");
}

/// The panic's message of a misuse.
fn misuse(f: impl FnOnce() + std::panic::UnwindSafe) -> String {
    let panic = std::panic::catch_unwind(f).unwrap_err();
    let text = panic.downcast_ref::<String>().cloned();
    text.unwrap_or_else(|| (*panic.downcast_ref::<&str>().unwrap()).to_owned())
}

#[test]
fn misuse_says_what_to_do_instead() {
    let twice = misuse(|| {
        let mut world = World::new(1);
        world.host("a", std::future::pending::<()>);
        world.client("a", async {});
    });
    assert!(
        twice.contains("\"a\"") && twice.contains("name of its own"),
        "{twice}"
    );
    let unknown = misuse(|| {
        let mut world = World::new(1);
        world.host("a", std::future::pending::<()>);
        world.net().partition("a", "b");
    });
    assert!(
        unknown.contains("\"b\"") && unknown.contains("its hosts: a"),
        "{unknown}"
    );
    let itself = misuse(|| World::new(1).net().partition("a", "a"));
    assert!(itself.contains("two hosts"), "{itself}");
    let client = misuse(|| World::new(1).client("a", async {}).restart());
    assert!(client.contains("World::host"), "{client}");
    let mut world = World::new(1);
    world.client("a", async { drop(World::new(2)) });
    let inside = world.run().unwrap_err().to_string();
    assert!(inside.contains("inside of a world"), "{inside}");
}

#[test]
fn a_hosts_clock_may_run_fast_and_be_ahead() {
    let mut world = World::new(13);
    let said = Rc::new(Cell::new((Duration::ZERO, Duration::ZERO)));
    let it = Rc::clone(&said);
    let host = world.client("client", async move {
        let (before, wall) = (Instant::now(), SystemTime::now());
        sleep(Duration::from_secs(100)).await;
        it.set((before.elapsed(), wall.elapsed().unwrap()));
    });
    host.skew(100_000, Duration::from_secs(5));
    let summary = world.run().unwrap();
    let (there, wall) = said.get();
    // Its own timer is right by its own clock; by the world's it comes early.
    assert!(there >= Duration::from_secs(100) && there < Duration::from_millis(100_010));
    assert_eq!(there, wall);
    let early = summary.simulated.as_secs_f64();
    assert!((90.8..91.1).contains(&early), "{early}");
}

#[test]
fn datagrams_arrive_with_their_senders_address() {
    let mut world = World::new(14);
    world.host("server", || async {
        let socket = UdpSocket::bind("0.0.0.0:53").await?;
        let mut buf = [0; 64];
        loop {
            let (count, peer) = socket.recv_from(&mut buf).await?;
            socket.send_to(&buf[..count], peer).await?;
        }
        #[expect(unreachable_code, reason = "gives the block its type")]
        io::Result::Ok(())
    });
    world.client("client", async {
        let socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
        socket.connect("server:53").await.unwrap();
        sleep(ms(1)).await;
        socket.send(b"question").await.unwrap();
        let mut buf = [0; 4];
        let count = socket.recv(&mut buf).await.unwrap();
        assert_eq!(&buf[..count], b"ques", "what does not fit is cut off");
        socket.connect("server:54").await.unwrap();
        socket.send(b"x").await.unwrap();
        let error = socket.recv(&mut buf).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    });
    world.run().unwrap();
}

#[test]
fn a_world_that_is_dropped_leaves_no_descriptor() {
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let one = |seed| {
        let mut world = World::new(seed);
        world.host("server", echo_server);
        world.client("client", async { ask("server:7", b"hello").await.unwrap() });
        world.run().unwrap();
    };
    one(0);
    let before = open();
    (1..50).for_each(one);
    // Other tests of this program open and close some meanwhile.
    assert!(open() < before + 200, "{} of {before}", open());
}
