//! A hundred clients on one thread, timers beside them, and wakes from other threads while it
//! sleeps.

use std::cell::Cell;
use std::future::poll_fn;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use step06::{Direction, block_on, ready, sleep, spawn};

use self::echo::serve;

#[path = "../src/demo/echo.rs"]
mod echo;

#[test]
fn a_hundred_clients_are_served_in_any_order() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let clients = thread::spawn(move || {
        let mut clients: Vec<_> = (0..100).map(|_| TcpStream::connect(address).unwrap()).collect();
        for client in clients.iter_mut().rev() {
            client.write_all(b"hello").unwrap();
            let mut answer = [0; 5];
            client.read_exact(&mut answer).unwrap();
            assert_eq!(&answer, b"hello");
        }
    });
    block_on(serve(listener, 100)).unwrap();
    clients.join().unwrap();
}

#[test]
fn a_timer_goes_on_while_a_socket_is_waited_for() {
    let (here, mut there) = UnixStream::pair().unwrap();
    let ticks = Rc::new(Cell::new(0));
    let count = Rc::clone(&ticks);
    block_on(async move {
        drop(spawn(async move {
            for _ in 0..3 {
                sleep(Duration::from_millis(1)).await;
                count.set(count.get() + 1);
            }
            there.write_all(b"x").unwrap();
        }));
        ready(&here, Direction::Read).await.unwrap();
    });
    assert_eq!(ticks.get(), 3);
}

#[test]
fn a_thread_wakes_a_loop_that_sleeps_in_poll() {
    for _ in 0..100 {
        let mut polls = 0;
        block_on(poll_fn(|cx| {
            polls += 1;
            if polls == 2 {
                return Poll::Ready(());
            }
            let waker = cx.waker().clone();
            thread::spawn(move || waker.wake());
            Poll::Pending
        }));
    }
}

#[test]
fn a_wait_that_is_dropped_leaves_the_reactor() {
    let (mut here, mut there) = UnixStream::pair().unwrap();
    here.set_nonblocking(true).unwrap();
    block_on(async {
        {
            let mut wait = pin!(ready(&here, Direction::Read));
            let pending = poll_fn(|cx| Poll::Ready(wait.as_mut().poll(cx).is_pending())).await;
            assert!(pending);
        }
        there.write_all(b"x").unwrap();
        sleep(Duration::from_millis(1)).await;
    });
    assert_eq!(here.read(&mut [0; 2]).unwrap(), 1);
    assert_eq!(here.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
}
