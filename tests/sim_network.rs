//! The network of a simulated world: what it does to messages, and that its sockets are Linux's.
#![cfg(all(feature = "sim", target_os = "linux"))]

use std::cell::Cell;
use std::io;
use std::net::Shutdown;
use std::rc::Rc;
use std::time::Duration;

use myrt::io::AsyncReadExt;
use myrt::net::{TcpListener, TcpStream, UdpSocket};
use myrt::sim::{Net, World};
use myrt::time::{Instant, sleep, timeout};

mod support;
use support::sim::{ask, echo_server, ms};

/// A world with an echo server, and a client that does `main`.
fn with_client<F>(seed: u64, prepare: impl FnOnce(&Net), main: impl FnOnce(Net) -> F) -> Duration
where
    F: Future<Output = ()> + 'static,
{
    let mut world = World::new(seed);
    prepare(&world.net());
    world.host("server", echo_server);
    let net = world.net();
    world.client("client", main(net));
    world.run().unwrap().simulated
}

#[test]
fn a_partition_delays_what_tcp_sends_until_it_heals() {
    with_client(
        1,
        |_| {},
        |net| async move {
            let stream = TcpStream::connect("server:7").await.unwrap();
            net.partition("client", "server");
            stream.write_all(b"hello").await.unwrap();
            let mut buf = [0; 5];
            let early = timeout(Duration::from_secs(5), stream.read_exact(&mut buf)).await;
            assert!(early.is_err(), "nothing comes through a partition");
            net.heal();
            stream.read_exact(&mut buf).await.unwrap();
            assert_eq!(&buf, b"hello");
        },
    );
}

#[test]
fn a_partition_for_ever_times_a_connect_out() {
    let took = with_client(
        2,
        |_| {},
        |net| async move {
            net.partition_one_way("server", "client");
            let error = ask("server:7", b"x").await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{error}");
        },
    );
    assert!(
        took >= Duration::from_secs(60),
        "as tcp(7) has it: {took:?}"
    );
}

#[test]
fn what_is_held_arrives_when_it_is_let_go() {
    with_client(
        3,
        |_| {},
        |net| async move {
            let socket = UdpSocket::bind("0.0.0.0:9").await.unwrap();
            let me = socket.local_addr().unwrap();
            let stream = TcpStream::connect("server:7").await.unwrap();
            net.hold("client", "server");
            stream.write_all(b"held").await.unwrap();
            sleep(Duration::from_secs(30)).await;
            let before = Instant::now();
            net.heal();
            let mut buf = [0; 4];
            stream.read_exact(&mut buf).await.unwrap();
            assert!(before.elapsed() <= ms(2), "{:?}", before.elapsed());
            drop((socket, me));
        },
    );
}

#[test]
fn a_reset_ends_both_ends() {
    with_client(
        4,
        |_| {},
        |net| async move {
            let stream = TcpStream::connect("server:7").await.unwrap();
            net.reset("client", "server");
            let error = stream.read(&mut [0]).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
            let error = stream.write(b"x").await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        },
    );
}

#[test]
fn loss_costs_tcp_time_and_no_byte() {
    let sum = |loss| {
        with_client(
            5,
            |net| {
                net.loss(loss);
            },
            |_| async {
                let text: Vec<u8> = (0..20_000_u32).map(|it| it as u8).collect();
                for _ in 0..20 {
                    assert_eq!(ask("server:7", &text).await.unwrap(), text);
                }
            },
        )
    };
    let (with, without) = (sum(0.3), sum(0.0));
    assert!(with > without + ms(200), "{with:?}, {without:?}");
}

#[test]
fn loss_and_reorder_of_datagrams() {
    let mut world = World::new(6);
    world.net().loss(0.2).reorder(0.3);
    let got = Rc::new(Cell::new((0_u32, 0_u32)));
    let seen = Rc::clone(&got);
    world.host("sink", move || {
        let seen = Rc::clone(&seen);
        async move {
            let socket = UdpSocket::bind("0.0.0.0:9").await?;
            let mut last = 0;
            let mut buf = [0; 4];
            loop {
                socket.recv_from(&mut buf).await?;
                let number = u32::from_be_bytes(buf);
                let (count, back) = seen.get();
                seen.set((count + 1, back + u32::from(number < last)));
                last = number;
            }
            #[expect(unreachable_code, reason = "gives the block its type")]
            io::Result::Ok(())
        }
    });
    world.client("source", async {
        let socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
        for number in 1..=1000_u32 {
            socket
                .send_to(&number.to_be_bytes(), "sink:9")
                .await
                .unwrap();
            sleep(ms(1)).await;
        }
        sleep(ms(100)).await;
    });
    world.run().unwrap();
    let (count, back) = got.get();
    assert!((700..900).contains(&count), "{count} of 1,000 arrived");
    assert!(back > 50, "{back} came behind a later one");
}

#[test]
fn bandwidth_and_latency_make_the_time_of_a_transfer() {
    let mut world = World::new(7);
    world.net().bandwidth(1_000_000).latency(ms(50)..=ms(50));
    world.host("server", || async {
        let listener = TcpListener::bind("0.0.0.0:80").await?;
        let (stream, _) = listener.accept().await?;
        stream.write_all(&vec![7; 2_000_000]).await?;
        stream.shutdown(Shutdown::Write)?;
        stream.read(&mut [0]).await.map(drop)
    });
    world.client("client", async {
        let mut stream = TcpStream::connect("server:80").await.unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.unwrap();
        assert_eq!(all.len(), 2_000_000);
    });
    let took = world.run().unwrap().simulated.as_secs_f64();
    assert!((2.0..3.5).contains(&took), "{took}");
}

#[test]
fn one_link_may_be_unlike_the_others() {
    let mut world = World::new(8);
    world.net().latency(ms(1)..=ms(1));
    world.host("near", echo_server);
    world.host("far", echo_server);
    let net = world.net();
    world.client("client", async {
        let time = async |to: &str| {
            let before = Instant::now();
            ask(to, b"x").await.unwrap();
            before.elapsed()
        };
        assert_eq!(time("near:7").await, ms(4));
        assert_eq!(time("far:7").await, ms(400));
    });
    net.link("client", "far").latency(ms(100)..=ms(100));
    world.run().unwrap();
}

#[test]
fn connects_are_refused_where_nobody_listens() {
    with_client(
        9,
        |_| {},
        |_| async {
            for port in ["server:8", "localhost:7"] {
                let error = ask(port, b"x").await.unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused, "{port}");
            }
        },
    );
}

#[test]
fn a_port_is_taken_once_and_free_again_at_once() {
    with_client(
        10,
        |_| {},
        |_| async {
            let one = TcpListener::bind("0.0.0.0:80").await.unwrap();
            let error = TcpListener::bind("127.0.0.1:80").await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
            drop(one);
            let again = TcpListener::bind("127.0.0.1:80").await.unwrap();
            assert_eq!(again.local_addr().unwrap().to_string(), "127.0.0.1:80");
            let elsewhere = TcpListener::bind("10.0.77.77:80").await.unwrap_err();
            assert_eq!(elsewhere.kind(), io::ErrorKind::AddrNotAvailable);
        },
    );
}

#[test]
fn half_a_connection_goes_on() {
    let mut world = World::new(11);
    world.host("server", || async {
        let listener = TcpListener::bind("0.0.0.0:80").await?;
        let (mut stream, _) = listener.accept().await?;
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await?;
        stream.write_all(&all).await?;
        drop(stream);
        std::future::pending::<io::Result<()>>().await
    });
    world.client("client", async {
        let mut stream = TcpStream::connect("server:80").await.unwrap();
        stream.write_all(b"to the end").await.unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let error = stream.write(b"x").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, b"to the end");
    });
    world.run().unwrap();
}

#[test]
fn a_slow_reader_stops_the_writer() {
    let written = Rc::new(Cell::new(0));
    let mut world = World::new(12);
    world.host("reader", || async {
        let listener = TcpListener::bind("0.0.0.0:80").await?;
        let (stream, _) = listener.accept().await?;
        sleep(Duration::from_secs(10)).await;
        let mut buf = vec![0; 65_536];
        while stream.read(&mut buf).await? > 0 {}
        io::Result::Ok(())
    });
    let count = Rc::clone(&written);
    world.client("writer", async move {
        let stream = TcpStream::connect("reader:80").await.unwrap();
        for _ in 0..64 {
            stream.write_all(&[1; 65_536]).await.unwrap();
            count.set(count.get() + 65_536);
        }
    });
    world.run_for(Duration::from_secs(9)).unwrap();
    let stopped = written.get();
    assert!(
        (65_536..=1_000_000).contains(&stopped),
        "{stopped} bytes without a reader"
    );
    world.run().unwrap();
    assert_eq!(written.get(), 64 * 65_536);
}

#[test]
fn closing_with_unread_data_resets() {
    let mut world = World::new(13);
    world.host("server", || async {
        let listener = TcpListener::bind("0.0.0.0:80").await?;
        let (stream, _) = listener.accept().await?;
        sleep(ms(100)).await;
        drop(stream); // without reading
        std::future::pending::<io::Result<()>>().await
    });
    world.client("client", async {
        let stream = TcpStream::connect("server:80").await.unwrap();
        stream.write_all(b"never read").await.unwrap();
        let error = stream.read(&mut [0]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    });
    world.run().unwrap();
}

#[test]
fn a_full_backlog_has_clients_ask_again() {
    let mut world = World::new(14);
    world.host("server", || async {
        let socket = myrt::net::TcpSocket::new_v4()?;
        socket.bind("0.0.0.0:80".parse().unwrap())?;
        let listener = socket.listen(1)?;
        sleep(Duration::from_secs(5)).await;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.write_all(b"x").await?;
        }
        #[expect(unreachable_code, reason = "gives the block its type")]
        io::Result::Ok(())
    });
    world.client("client", async {
        let one = async || {
            let stream = TcpStream::connect("server:80").await.unwrap();
            let mut buf = [0];
            stream.read_exact(&mut buf).await.unwrap();
            Instant::now()
        };
        let tasks: Vec<_> = (0..6).map(|_| one()).collect();
        let ends = myrt::gather(tasks).await;
        let last = ends
            .iter()
            .max()
            .unwrap()
            .duration_since(ends[0].min(ends[1]));
        assert!(last >= ms(500), "some waited for the next SYN: {last:?}");
    });
    world.run().unwrap();
}
