//! Hosts that lose their power, stop, pause and start again; calls that fail; chaos.
#![cfg(all(feature = "sim", target_os = "linux"))]

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::time::Duration;

use myrt::net::{TcpListener, TcpStream};
use myrt::sim::{Chaos, World};
use myrt::time::{sleep, timeout};

mod support;
use support::sim::{ask, echo_server, ms};

#[derive(Default)]
struct Log(RefCell<Vec<&'static str>>);

impl Log {
    fn add(&self, what: &'static str) {
        self.0.borrow_mut().push(what);
    }
}

struct Says(Rc<Log>);

impl Drop for Says {
    fn drop(&mut self) {
        self.0.add("destructor");
    }
}

/// A host with a task that has a destructor and a cleanup, and that waits for ever.
fn with_cleanup(world: &mut World, log: &Rc<Log>) -> myrt::sim::Host {
    let log = Rc::clone(log);
    world.host("host", move || {
        let log = Rc::clone(&log);
        async move {
            log.add("begins");
            let _says = Says(Rc::clone(&log));
            let cleanup = {
                let log = Rc::clone(&log);
                async move || {
                    sleep(ms(1)).await;
                    log.add("cleanup");
                }
            };
            myrt::finally(sleep(Duration::from_secs(86_400)), cleanup).await;
        }
    })
}

#[test]
fn a_crash_is_a_power_cut_and_a_stop_is_an_orderly_end() {
    for (crash, expected) in [
        (true, vec!["begins", "destructor"]),
        (false, vec!["begins", "destructor", "cleanup"]),
    ] {
        let log = Rc::new(Log::default());
        let mut world = World::new(1);
        let host = with_cleanup(&mut world, &log);
        world.run_for(ms(10)).unwrap();
        assert!(host.is_running());
        if crash {
            host.crash();
        } else {
            host.stop();
        }
        world.run_for(ms(100)).unwrap();
        assert!(!host.is_running());
        assert_eq!(*log.0.borrow(), expected, "crash: {crash}");
    }
}

#[test]
fn a_restart_calls_main_again() {
    let log = Rc::new(Log::default());
    let mut world = World::new(2);
    let host = with_cleanup(&mut world, &log);
    world.run_for(ms(10)).unwrap();
    for _ in 0..3 {
        host.restart();
        world.run_for(ms(10)).unwrap();
    }
    let begins = log.0.borrow().iter().filter(|it| **it == "begins").count();
    assert_eq!(begins, 4);
}

#[test]
fn peers_of_a_crashed_host_hear_nothing_and_a_reset_after_its_restart() {
    let mut world = World::new(3);
    let server = world.host("server", echo_server);
    world.client("client", async move {
        let stream = TcpStream::connect("server:7").await.unwrap();
        server.crash();
        let silence = timeout(Duration::from_secs(3600), stream.read(&mut [0])).await;
        assert!(silence.is_err(), "a host without power says nothing");
        server.restart();
        sleep(ms(10)).await;
        stream.write_all(b"are you there?").await.unwrap();
        let error = stream.read(&mut [0]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        assert_eq!(ask("server:7", b"again").await.unwrap(), b"again");
    });
    world.run().unwrap();
}

#[test]
fn peers_of_a_stopped_host_see_the_end() {
    let mut world = World::new(4);
    let server = world.host("server", echo_server);
    world.client("client", async move {
        let stream = TcpStream::connect("server:7").await.unwrap();
        assert_eq!(ask("server:7", b"x").await.unwrap(), b"x");
        server.stop();
        assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    });
    world.run().unwrap();
}

/// What its destructor does on a dead host must not work, and not panic.
struct WritesAtTheEnd(TcpStream, Rc<Cell<u32>>);

impl Drop for WritesAtTheEnd {
    fn drop(&mut self) {
        let error = self.0.try_write(b"a last word").unwrap_err();
        assert_ne!(error.kind(), io::ErrorKind::WouldBlock, "{error}");
        self.1.set(self.1.get() + 1);
    }
}

#[test]
fn destructors_of_a_crashed_host_find_dead_sockets() {
    let dropped = Rc::new(Cell::new(0));
    let mut world = World::new(5);
    world.host("server", echo_server);
    let count = Rc::clone(&dropped);
    let host = world.host("host", move || {
        let count = Rc::clone(&count);
        async move {
            let stream = TcpStream::connect("server:7").await?;
            let _it = WritesAtTheEnd(stream, count);
            std::future::pending::<io::Result<()>>().await
        }
    });
    world.run_for(ms(10)).unwrap();
    host.crash();
    world.run_for(ms(10)).unwrap();
    assert_eq!(dropped.get(), 1);
}

#[test]
fn a_thousand_crashes_leave_no_socket() {
    let mut world = World::new(6);
    let server = world.host("server", echo_server);
    let client = world.host("loader", || async {
        loop {
            let _ = timeout(ms(50), ask("server:7", b"load")).await;
        }
    });
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    world.run_for(ms(100)).unwrap();
    let before = open();
    for round in 0..1000 {
        if round % 2 == 0 {
            server.restart();
        } else {
            client.restart();
        }
        world.run_for(ms(7)).unwrap();
    }
    // Other tests of this program open and close some meanwhile.
    assert!(open() < before + 300, "{} of {before}", open());
    assert!(server.open_sockets() < 64 && client.open_sockets() < 64);
}

#[test]
fn a_paused_host_answers_later() {
    let mut world = World::new(7);
    let server = world.host("server", echo_server);
    world.client("client", async move {
        let stream = TcpStream::connect("server:7").await.unwrap();
        server.pause(Duration::from_secs(2));
        let before = myrt::time::Instant::now();
        stream.write_all(b"x").await.unwrap();
        stream.read_exact(&mut [0]).await.unwrap();
        assert!(
            before.elapsed() >= Duration::from_secs(2),
            "{:?}",
            before.elapsed()
        );
    });
    world.run().unwrap();
}

#[test]
fn short_transfers_and_failed_calls_lose_nothing() {
    let mut failed = 0;
    for seed in 0..30 {
        let mut world = World::new(seed);
        world.chaos(Chaos::new().short_io(0.5).errno(0.1));
        world.host("server", echo_server);
        let errors = Rc::new(Cell::new(0));
        let count = Rc::clone(&errors);
        world.client("client", async move {
            let text: Vec<u8> = (0..10_000_u32).map(|it| it as u8).collect();
            let mut right = 0;
            while right < 10 {
                match ask("server:7", &text).await {
                    Ok(back) => {
                        assert_eq!(back, text);
                        right += 1;
                    }
                    Err(_) => count.set(count.get() + 1),
                }
            }
        });
        world.run().unwrap();
        failed += errors.get();
    }
    assert!(failed > 0, "no call failed in 30 seeds");
}

#[test]
fn chaos_of_hosts_and_links_ends_again() {
    for seed in 0..20 {
        let mut world = World::new(seed);
        world.net().latency(ms(1)..ms(20)).loss(0.01);
        world.chaos(
            Chaos::new()
                .partitions(0.2)
                .crashes(0.1)
                .pauses(0.1)
                .resets(0.1),
        );
        for name in ["a", "b", "c"] {
            world.host(name, echo_server);
        }
        world.client("client", async {
            let mut right = 0;
            for round in 0.. {
                let to = ["a:7", "b:7", "c:7"][round % 3];
                let asked = timeout(Duration::from_secs(3), ask(to, b"hello")).await;
                right += u32::from(matches!(asked, Ok(Ok(_))));
                if right == 100 {
                    return;
                }
                sleep(ms(100)).await;
            }
        });
        world.run().unwrap();
    }
}

#[test]
fn what_a_server_has_not_accepted_is_reset_by_its_crash() {
    let mut world = World::new(8);
    let server = world.host("server", || async {
        let listener = TcpListener::bind("0.0.0.0:7").await?;
        std::future::pending::<()>().await;
        drop(listener);
        io::Result::Ok(())
    });
    world.client("client", async move {
        let stream = TcpStream::connect("server:7").await.unwrap();
        sleep(ms(10)).await;
        server.restart();
        sleep(ms(10)).await;
        stream.write_all(b"x").await.unwrap();
        let error = stream.read(&mut [0]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    });
    world.run().unwrap();
}
