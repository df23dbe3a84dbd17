//! `compat::tokio_context`: what asks the thread for tokio's runtime finds one.
#![cfg(feature = "tokio-context")]
#![allow(
    clippy::disallowed_methods,
    reason = "other threads are what is tested"
)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use myrt::compat::{Compat, Portable, tokio_context};
use myrt::io::{AsyncReadExt, AsyncWriteExt};
use myrt::net::TcpStream;
use myrt::{join, spawn};
use support::child;

#[myrt::test(tokio_context)]
async fn tokios_sockets_timers_tasks_and_files_work_in_tasks() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // Their stream over there, theirs here, and ours.
    let server = tokio::spawn(async move {
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                tokio::io::copy(&mut read, &mut write).await
            });
        }
    });
    let theirs =
        spawn(async move { Compat::new(tokio::net::TcpStream::connect(address).await.unwrap()) });
    let ours = spawn(TcpStream::connect(address));
    let mut theirs = theirs.await.unwrap();
    let ours = ours.await.unwrap().unwrap();
    let mut heard = [[0; 5]; 2];
    let [one, two] = &mut heard;
    join!(
        async {
            theirs.write_all(b"hello").await.unwrap();
            theirs.read_exact(one).await.unwrap();
        },
        async {
            ours.write_all(b"hello").await.unwrap();
            ours.read_exact(two).await.unwrap();
        },
    );
    assert_eq!(heard, [*b"hello"; 2]);
    server.await.unwrap();
    let slow = tokio::time::timeout(Duration::from_millis(1), std::future::pending::<()>());
    assert!(slow.await.is_err());
    let work = tokio::task::spawn_blocking(|| 6 * 7);
    assert_eq!(work.await.unwrap(), 42);
}

#[myrt::test(tokio_context)]
async fn a_portable_stream_goes_to_a_task_of_tokios() {
    let listener = myrt::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (mut near, far) = join!(TcpStream::connect(address), listener.accept());
    let near = near.as_mut().unwrap();
    let far = Portable::new(far.unwrap().0);
    let echo = tokio::spawn(async move {
        let (mut read, mut write) = tokio::io::split(far);
        tokio::io::copy(&mut read, &mut write).await.unwrap();
        tokio::io::AsyncWriteExt::shutdown(&mut write).await
    });
    near.write_all(b"there and back").await.unwrap();
    near.shutdown(std::net::Shutdown::Write).unwrap();
    let mut heard = String::new();
    near.read_to_string(&mut heard).await.unwrap();
    assert_eq!(heard, "there and back");
    echo.await.unwrap().unwrap();
}

struct Dropped(Arc<AtomicBool>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

#[test]
fn a_thread_has_one_and_the_last_to_go_ends_it() {
    let gone = Arc::new(AtomicBool::new(false));
    let first = tokio_context().unwrap();
    let second = tokio_context().unwrap();
    assert_eq!(first.handle().id(), second.handle().id());
    let held = Dropped(Arc::clone(&gone));
    drop(tokio::spawn(async move {
        std::future::pending::<()>().await;
        drop(held);
    }));
    drop(first);
    assert!(tokio::runtime::Handle::try_current().is_ok());
    assert!(!gone.load(SeqCst));
    drop(second);
    assert!(tokio::runtime::Handle::try_current().is_err());
    assert!(gone.load(SeqCst), "its tasks are dropped at the end");
    // And another one after it.
    let third = tokio_context().unwrap();
    assert_eq!(
        myrt::run(async { tokio::spawn(async { 3 }).await.unwrap() }),
        3
    );
    drop(third);
}

#[test]
fn other_threads_are_not_in_it() {
    let _context = tokio_context().unwrap();
    let other = std::thread::spawn(|| tokio::runtime::Handle::try_current().is_ok());
    assert!(!other.join().unwrap());
}

#[test]
fn the_main_attribute_enters_it() {
    #[myrt::main(tokio_context)]
    async fn program() -> Result<u8, tokio::task::JoinError> {
        tokio::time::sleep(Duration::from_millis(1)).await;
        tokio::spawn(async { 7 }).await
    }
    assert_eq!(program().unwrap(), 7);
    assert!(tokio::runtime::Handle::try_current().is_err());
}

/// Of a main future, of a task that is awaited, and of one that is not.
#[test]
fn without_it_a_line_names_the_feature() {
    const TEST: &str = "without_it_a_line_names_the_feature";
    if std::env::var("MYRT_TEST_CHILD").is_ok_and(|name| name == TEST) {
        let main = std::panic::catch_unwind(|| {
            myrt::run(async {
                drop(tokio::spawn(async {}));
            });
        });
        assert!(main.is_err());
        support::careless().block_on(async {
            let sleeps = async { tokio::time::sleep(Duration::ZERO).await };
            assert!(spawn(sleeps).await.is_err());
            drop(spawn(async { panic!("of another kind") }));
            myrt::yield_now().await;
        });
        return;
    }
    let output = child(TEST, ":");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let lines = said.lines().filter(|line| line.contains("`tokio-context`"));
    assert_eq!(lines.count(), 2, "{said}");
}
