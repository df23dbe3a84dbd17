//! `start_server` and `open_connection`: serving, and every way to stop.

mod common;

use std::cell::{Cell, RefCell};
use std::io::ErrorKind;
use std::rc::Rc;
use std::time::Duration;

use common::run;
use futures_lite::future::zip;
use myrt_net::{TcpListener, open_connection, start_server};
use myrt_runtime::task::spawn;
use myrt_runtime::time::sleep;

/// A server that echoes lines.
macro_rules! echo_server {
    () => {
        start_server("127.0.0.1:0", async |mut reader, mut writer| {
            let mut line = String::new();
            while reader.read_line(&mut line).await? > 0 {
                writer.write_all(line.as_bytes()).await?;
                line.clear();
            }
            Ok::<(), myrt_net::io::ReadError>(())
        })
        .await
        .unwrap()
    };
}

#[test]
fn clients_are_served_side_by_side() {
    run(async {
        let server = echo_server!();
        let address = server.local_addr();
        let mut clients = Vec::new();
        for number in 0..50 {
            clients.push(spawn(async move {
                let (mut reader, mut writer) = open_connection(address).await.unwrap();
                for round in 0..3 {
                    let sent = format!("client {number} round {round}\n");
                    writer.write_all(sent.as_bytes()).await.unwrap();
                    let mut back = String::new();
                    reader.read_line(&mut back).await.unwrap();
                    assert_eq!(back, sent);
                }
                writer.close().await.unwrap();
                let mut rest = Vec::new();
                assert_eq!(reader.read_to_end(&mut rest).await.unwrap(), 0);
            }));
        }
        for client in clients {
            client.await.unwrap();
        }
        server.close();
        server.wait_closed().await;
        let numbers = server.statistics();
        assert_eq!(
            (numbers.accepted, numbers.active, numbers.failed),
            (50, 0, 0)
        );
    });
}

#[test]
fn closing_frees_the_port_and_lets_connections_go_on() {
    run(async {
        let server = echo_server!();
        let address = server.local_addr();
        let (mut reader, mut writer) = open_connection(address).await.unwrap();
        writer.write_all(b"one\n").await.unwrap();
        let mut line = String::new();
        reader.read_line(&mut line).await.unwrap();
        assert!(!server.is_closed());
        server.close();
        assert!(server.is_closed());
        sleep(Duration::from_millis(5)).await;
        assert_eq!(
            open_connection(address).await.unwrap_err().kind(),
            ErrorKind::ConnectionRefused
        );
        drop(
            TcpListener::bind(address)
                .await
                .expect("the port is free again"),
        );
        // The connection lives, and wait_closed waits for it.
        writer.write_all(b"two\n").await.unwrap();
        reader.read_line(&mut line).await.unwrap();
        assert_eq!(line, "one\ntwo\n");
        let ended = Cell::new(false);
        let client = async {
            sleep(Duration::from_millis(10)).await;
            ended.set(true);
            drop((reader, writer));
        };
        zip(server.wait_closed(), client).await;
        assert!(ended.get());
    });
}

#[test]
fn serve_forever_ends_when_closed_and_closes_when_dropped() {
    run(async {
        let server = Rc::new(echo_server!());
        let stopper = {
            let server = server.clone();
            spawn(async move {
                sleep(Duration::from_millis(5)).await;
                server.close();
            })
        };
        server.serve_forever().await;
        stopper.await.unwrap();
        let server = echo_server!();
        drop(server.serve_forever());
        assert!(
            server.is_closed(),
            "as in asyncio, cancelling serve_forever closes"
        );
    });
}

#[test]
fn drain_waits_for_those_that_end_and_cuts_those_that_do_not() {
    run(async {
        let server = echo_server!();
        let address = server.local_addr();
        let (short, long) = zip(open_connection(address), open_connection(address)).await;
        let (_long_reader, _long_writer) = long.unwrap();
        while server.statistics().active < 2 {
            sleep(Duration::from_millis(1)).await;
        }
        let leaving = async {
            sleep(Duration::from_millis(5)).await;
            drop(short.unwrap());
        };
        let (cut, ()) = zip(server.drain(Duration::from_millis(60)), leaving).await;
        assert_eq!(cut, 1);
        assert_eq!(server.statistics().active, 0);
    });
}

#[test]
fn drain_is_over_as_soon_as_the_last_connection_is() {
    run(async {
        let server = echo_server!();
        let connection = open_connection(server.local_addr()).await.unwrap();
        while server.statistics().active < 1 {
            sleep(Duration::from_millis(1)).await;
        }
        drop(connection);
        assert_eq!(server.drain(Duration::from_secs(3600)).await, 0);
    });
}

#[test]
fn abort_drops_every_connection() {
    run(async {
        let dropped = Rc::new(Cell::new(0));
        let counter = dropped.clone();
        struct OnDrop(Rc<Cell<i32>>);
        impl Drop for OnDrop {
            fn drop(&mut self) {
                self.0.set(self.0.get() + 1);
            }
        }
        let server = start_server("127.0.0.1:0", async move |mut reader, _writer| {
            let _guard = OnDrop(counter.clone());
            let _ = reader.read(&mut [0; 1]).await;
        })
        .await
        .unwrap();
        let (mut reader, _writer) = open_connection(server.local_addr()).await.unwrap();
        let _other = open_connection(server.local_addr()).await.unwrap();
        while server.statistics().active < 2 {
            sleep(Duration::from_millis(1)).await;
        }
        sleep(Duration::from_millis(5)).await;
        assert_eq!(server.abort(), 2);
        server.wait_closed().await;
        assert_eq!(dropped.get(), 2);
        assert_eq!(reader.read(&mut [0; 1]).await.unwrap(), 0);
    });
}

#[test]
fn a_failed_handler_is_counted_and_told_and_harms_nobody() {
    run(async {
        let server = start_server("127.0.0.1:0", async |mut reader, mut writer| {
            let mut line = String::new();
            reader
                .read_line(&mut line)
                .await
                .map_err(|error| error.to_string())?;
            if line == "fail\n" {
                return Err("asked to".to_owned());
            }
            writer
                .write_all(b"fine")
                .await
                .map_err(|error| error.to_string())
        })
        .await
        .unwrap();
        let told = Rc::new(RefCell::new(Vec::new()));
        let list = told.clone();
        server.on_error(move |address, message| {
            list.borrow_mut().push((address, message.to_owned()));
        });
        let (mut reader, mut writer) = open_connection(server.local_addr()).await.unwrap();
        writer.write_all(b"fail\n").await.unwrap();
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).await.unwrap();
        assert!(rest.is_empty());
        assert_eq!(
            *told.borrow(),
            [(
                Some(writer.get_ref().local_addr().unwrap()),
                "asked to".to_owned()
            )]
        );
        let (mut reader, mut writer) = open_connection(server.local_addr()).await.unwrap();
        writer.write_all(b"go\n").await.unwrap();
        reader.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"fine");
        assert_eq!(server.statistics().failed, 1);
    });
}

#[test]
fn a_server_listens_on_every_address_of_a_name() {
    run(async {
        let server = start_server("localhost:0", async |_reader, _writer| {})
            .await
            .unwrap();
        let port = server.local_addr().port();
        for address in server.sockets() {
            assert_eq!(address.port(), port, "one port for all");
            open_connection(*address).await.unwrap();
        }
        let taken = start_server(server.local_addr(), async |_reader, _writer| {}).await;
        assert_eq!(taken.unwrap_err().kind(), ErrorKind::AddrInUse);
    });
}

#[test]
fn drain_of_a_writer_waits_while_the_peer_does_not_read() {
    run(async {
        let server = start_server("127.0.0.1:0", async |mut reader, _writer| {
            sleep(Duration::from_millis(20)).await;
            let mut all = Vec::new();
            reader.read_to_end(&mut all).await?;
            assert_eq!(all.len(), 32 << 20);
            Ok::<(), std::io::Error>(())
        })
        .await
        .unwrap();
        let (_reader, mut writer) = open_connection(server.local_addr()).await.unwrap();
        let chunk = vec![5; 32 << 10];
        let mut most = 0;
        for _ in 0..1024 {
            writer.feed(&chunk).await.unwrap();
            most = most.max(writer.queued());
        }
        assert!(
            most < writer.high_water() + chunk.len(),
            "{most} bytes were queued"
        );
        writer.close().await.unwrap();
        server.close();
        server.wait_closed().await;
        assert_eq!(server.statistics().failed, 0);
    });
}
