//! Faults of issue 11, part H: streams, channels and their handles.
//!
//! Looked at for H.2 (a sum that does not fit): `merge` and `split` of both permits, `PermitIterator`, `RwLock`'s readers.
//! For H.3 (an end that is said before it was told): `oneshot::Receiver`, the only one with `is_terminated`.
//! For H.6 (patterns): each way to bind, in one branch and among others, with and without `biased`.

mod support;

use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Waker};

use myrt::sync::{Semaphore, oneshot};

const MANY: usize = u32::MAX as usize;

#[test]
fn h2_permits_that_are_merged_beyond_32_bits_are_all_given_back() {
    let semaphore = Rc::new(Semaphore::new(3 * MANY));
    let mut all = semaphore.try_acquire_many(u32::MAX).unwrap();
    for _ in 0..2 {
        all.merge(semaphore.try_acquire_many(u32::MAX).unwrap());
    }
    assert_eq!(all.num_permits(), 3 * MANY);
    let part = all.split(2 * MANY).unwrap();
    assert_eq!((part.num_permits(), all.num_permits()), (2 * MANY, MANY));
    assert!(all.split(MANY + 1).is_none());
    drop(all);
    drop(part);
    assert_eq!(semaphore.available_permits(), 3 * MANY);

    let take = || {
        Rc::clone(&semaphore)
            .try_acquire_many_owned(u32::MAX)
            .unwrap()
    };
    let mut all = take();
    all.merge(take());
    all.merge(take());
    assert_eq!(all.num_permits(), 3 * MANY);
    let part = all.split(2 * MANY).unwrap();
    assert_eq!((part.num_permits(), all.num_permits()), (2 * MANY, MANY));
    all.forget();
    drop(part);
    assert_eq!(semaphore.available_permits(), 2 * MANY);
}

#[test]
fn h3_a_oneshot_is_terminated_once_its_receiver_was_told() {
    let mut cx = Context::from_waker(Waker::noop());
    // The sender is gone.
    let (sender, receiver) = oneshot::channel::<u8>();
    let mut receiver = pin!(receiver);
    assert!(!receiver.is_terminated());
    drop(sender);
    assert!(!receiver.is_terminated());
    assert!(receiver.as_mut().poll(&mut cx).is_ready());
    assert!(receiver.is_terminated());
    // A message was sent.
    let (sender, receiver) = oneshot::channel();
    let mut receiver = pin!(receiver);
    sender.send(1).unwrap();
    assert!(!receiver.is_terminated());
    assert!(receiver.as_mut().poll(&mut cx).is_ready());
    assert!(receiver.is_terminated());
    // The receiver has closed it itself.
    let (_sender, mut receiver) = oneshot::channel::<u8>();
    receiver.close();
    assert!(!receiver.is_terminated());
    assert_eq!(
        receiver.try_recv(),
        Err(oneshot::error::TryRecvError::Closed)
    );
    assert!(receiver.is_terminated());
    // Nothing has come yet, then it was taken without an await.
    let (sender, mut receiver) = oneshot::channel();
    assert_eq!(
        receiver.try_recv(),
        Err(oneshot::error::TryRecvError::Empty)
    );
    assert!(!receiver.is_terminated());
    sender.send(2).unwrap();
    assert_eq!(receiver.try_recv(), Ok(2));
    assert!(receiver.is_terminated());
}

/// Not `Copy`, so that a pattern that moves it where it should not does not compile.
#[derive(Debug, PartialEq)]
struct Word(String);

fn word() -> Word {
    Word(String::from("word"))
}

#[test]
fn h6_select_takes_every_pattern_that_a_match_takes() {
    myrt::run(async {
        let long = myrt::select! {
            Some(ref mut word) = async { Some(word()) } => {
                word.0.push('s');
                word.0.len()
            }
            else => 0,
        };
        assert_eq!(long, 5);
        let seen = myrt::select! {
            biased;
            Err(ref mut wrong) = async { Ok::<_, Word>(word()) } => std::mem::take(&mut wrong.0),
            Ok(ref mut right) = async { Ok::<_, Word>(word()) } => {
                right.0.insert(0, 's');
                std::mem::take(&mut right.0)
            },
            else => String::new(),
        };
        assert_eq!(seen, "sword");
        let (left, right) = myrt::select! {
            (ref mut left, mut right) = async { (word(), word()) } => {
                left.0.clear();
                right.0.push('y');
                (std::mem::take(&mut left.0), right)
            }
        };
        assert_eq!((left.as_str(), right.0.as_str()), ("", "wordy"));
        let bound = myrt::select! {
            whole @ Some(_) = async { Some(word()) } => whole,
            else => None,
        };
        assert_eq!(bound, Some(word()));
        let by_ref = myrt::select! {
            Some(ref word) = async { Some(word()) } => word.0.len(),
            else => 0,
        };
        assert_eq!(by_ref, 4);
        let any = myrt::select! {
            1 | 2 = async { 2 } => "few",
            3.. = async { 2 } => "many",
            else => "none",
        };
        assert_eq!(any, "few");
        let mut text = word();
        let lent = myrt::select! {
            Word(inner) = async { &mut text } => {
                inner.push('!');
                inner.len()
            }
        };
        assert_eq!((lent, text.0.as_str()), (5, "word!"));
    });
}
