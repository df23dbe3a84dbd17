//! The channel: order, back-pressure, both ends, and a receive that is cancelled.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use exercises_11::channel::channel;
use step11::{block_on, spawn, timeout, yield_now};

#[test]
fn messages_come_in_order_and_the_end_comes_last() {
    block_on(async {
        let (sender, mut receiver) = channel(2);
        spawn(async move {
            for n in 0..5 {
                sender.send(n).await.unwrap();
            }
        });
        let mut got = Vec::new();
        while let Some(n) = receiver.recv().await {
            got.push(n);
        }
        assert_eq!(got, [0, 1, 2, 3, 4]);
        assert_eq!(receiver.recv().await, None);
    });
}

#[test]
fn a_sender_waits_for_room() {
    block_on(async {
        let (sender, mut receiver) = channel(1);
        let sent = Rc::new(RefCell::new(Vec::new()));
        let log = Rc::clone(&sent);
        spawn(async move {
            for n in 0..3 {
                sender.send(n).await.unwrap();
                log.borrow_mut().push(n);
            }
        });
        yield_now().await;
        assert_eq!(*sent.borrow(), [0]);
        assert_eq!(receiver.recv().await, Some(0));
        yield_now().await;
        assert_eq!(*sent.borrow(), [0, 1]);
    });
}

#[test]
fn all_senders_get_their_message_back_when_the_receiver_is_gone() {
    block_on(async {
        let (sender, receiver) = channel(1);
        let sender = Rc::new(sender);
        sender.send(0).await.unwrap();
        let senders: Vec<_> = (1..=2)
            .map(|n| {
                let sender = Rc::clone(&sender);
                spawn(async move { sender.send(n).await })
            })
            .collect();
        yield_now().await; // both wait for the gap
        drop(receiver);
        for (n, sender) in senders.into_iter().enumerate() {
            assert_eq!(sender.await.unwrap(), Err(n + 1));
        }
        assert_eq!(sender.send(3).await, Err(3));
    });
}

#[test]
fn a_receive_that_is_cancelled_loses_nothing() {
    block_on(async {
        let (sender, mut receiver) = channel(1);
        let short = Duration::from_millis(1);
        assert!(timeout(short, receiver.recv()).await.is_err());
        sender.send("kept").await.unwrap();
        assert_eq!(receiver.recv().await, Some("kept"));
    });
}
