//! `duplex`, `split`, `copy`, `copy_bidirectional`: wakes counted, half-close kept, nobody served
//! twice.

mod common;

use std::io::ErrorKind;
use std::pin::Pin;
use std::task::{Context, Poll};

use common::{Count, Hesitant, finish};
use futures_lite::future::zip;
use myrt_net::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufWriter, copy, copy_bidirectional,
    duplex, split,
};

#[test]
fn a_write_wakes_the_waiting_reader_once() {
    let (mut near, mut far) = duplex(8);
    let (count, waker) = Count::new();
    let cx = &mut Context::from_waker(&waker);
    let mut buf = [0; 4];
    assert!(Pin::new(&mut far).poll_read(cx, &mut buf).is_pending());
    assert!(Pin::new(&mut far).poll_read(cx, &mut buf).is_pending());
    finish(near.write_all(b"ab")).unwrap();
    finish(near.write_all(b"cd")).unwrap();
    assert_eq!(count.wakes(), 1);
    assert!(matches!(
        Pin::new(&mut far).poll_read(cx, &mut buf),
        Poll::Ready(Ok(4))
    ));
    assert_eq!(&buf, b"abcd");
    assert_eq!(
        count.wakes(),
        1,
        "a reader that got its bytes is not woken again"
    );
}

#[test]
fn a_read_wakes_the_writer_that_waits_for_room_once() {
    let (mut near, mut far) = duplex(2);
    let (count, waker) = Count::new();
    let cx = &mut Context::from_waker(&waker);
    assert!(matches!(
        Pin::new(&mut near).poll_write(cx, b"abc"),
        Poll::Ready(Ok(2))
    ));
    assert!(Pin::new(&mut near).poll_write(cx, b"c").is_pending());
    let mut one = [0; 1];
    finish(far.read_exact(&mut one)).unwrap();
    finish(far.read_exact(&mut one)).unwrap();
    assert_eq!(count.wakes(), 1);
}

#[test]
fn closing_and_dropping_wake_and_end() {
    let (mut near, mut far) = duplex(2);
    let (count, waker) = Count::new();
    let cx = &mut Context::from_waker(&waker);
    let mut buf = [0; 4];
    assert!(Pin::new(&mut far).poll_read(cx, &mut buf).is_pending());
    finish(near.close()).unwrap();
    assert_eq!(count.wakes(), 1);
    assert!(matches!(
        Pin::new(&mut far).poll_read(cx, &mut buf),
        Poll::Ready(Ok(0))
    ));
    // The other direction still works, and writing after one's own close does not.
    finish(far.write_all(b"ok")).unwrap();
    assert_eq!(finish(near.read(&mut buf)).unwrap(), 2);
    assert_eq!(
        finish(near.write_all(b"x")).unwrap_err().kind(),
        ErrorKind::BrokenPipe
    );
    finish(far.write_all(b"no")).unwrap();
    assert!(Pin::new(&mut far).poll_write(cx, b"room").is_pending());
    drop(near);
    assert_eq!(count.wakes(), 2);
    assert_eq!(
        finish(far.write_all(b"x")).unwrap_err().kind(),
        ErrorKind::BrokenPipe
    );
}

#[test]
fn bytes_written_before_a_drop_still_arrive() {
    let (mut near, mut far) = duplex(8);
    finish(near.write_all(b"bye")).unwrap();
    drop(near);
    let mut all = Vec::new();
    finish(far.read_to_end(&mut all)).unwrap();
    assert_eq!(all, b"bye");
}

#[test]
#[should_panic(expected = "size of 0")]
fn a_duplex_that_lets_nothing_pass_is_refused() {
    drop(duplex(0));
}

/// A waker whose clone, wake and drop use the stream that holds it must not find a borrow (rows 30
/// and 31).
#[test]
fn r30_r31_wakers_that_call_back_into_the_stream_find_no_borrow() {
    use std::cell::RefCell;
    use std::sync::Arc;
    use std::task::{Wake, Waker};

    use myrt_net::io::DuplexStream;
    thread_local! { static FAR: RefCell<Option<DuplexStream>> = const { RefCell::new(None) }; }
    fn touch() {
        let taken = FAR.with(|far| far.borrow_mut().take());
        if let Some(mut far) = taken {
            let mut buf = [0; 1];
            let _ = Pin::new(&mut far).poll_read(&mut Context::from_waker(Waker::noop()), &mut buf);
            let _ = Pin::new(&mut far).poll_write(&mut Context::from_waker(Waker::noop()), b"!");
            FAR.with(|cell| *cell.borrow_mut() = Some(far));
        }
    }
    struct Touches;
    impl Wake for Touches {
        fn wake(self: Arc<Self>) {
            touch();
        }
    }
    impl Drop for Touches {
        fn drop(&mut self) {
            touch();
        }
    }
    let (mut near, far) = duplex(1);
    FAR.with(|cell| *cell.borrow_mut() = Some(far));
    for _ in 0..3 {
        let waker = Waker::from(Arc::new(Touches));
        let mut buf = [0; 4];
        let _ = Pin::new(&mut near).poll_read(&mut Context::from_waker(&waker), &mut buf);
        let _ = Pin::new(&mut near).poll_write(&mut Context::from_waker(&waker), b"abc");
        let _ = Pin::new(&mut near).poll_write(&mut Context::from_waker(&waker), b"abc");
        touch();
    }
    drop(near);
}

#[test]
fn r2_half_close_passes_a_proxy_in_both_directions() {
    // The client closes its direction before the answer exists; the answer must still come (the
    // course's proxy returns 0 bytes).
    let (mut client, mut front) = duplex(4);
    let (mut back, mut server) = duplex(4);
    let proxy = async { copy_bidirectional(&mut front, &mut back).await.unwrap() };
    let client = async {
        client.write_all(b"a long question").await.unwrap();
        client.close().await.unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.unwrap();
        answer
    };
    let server = async {
        let mut question = Vec::new();
        server.read_to_end(&mut question).await.unwrap();
        server.write_all(b"answer to: ").await.unwrap();
        server.write_all(&question).await.unwrap();
        server.close().await.unwrap();
    };
    let (counts, (answer, ())) = finish(zip(proxy, zip(client, server)));
    assert_eq!(answer, b"answer to: a long question");
    assert_eq!(counts, (15, 26));
}

#[test]
fn the_counts_of_a_failed_proxy_can_be_asked() {
    let (mut client, mut front) = duplex(64);
    let (mut back, server) = duplex(64);
    finish(client.write_all(b"12345")).unwrap();
    let mut proxy = copy_bidirectional(&mut front, &mut back);
    assert!(common::poll_once(&mut proxy).is_pending());
    assert_eq!(proxy.counts(), (5, 0));
    drop(server);
    finish(client.write_all(b"6")).unwrap();
    let error = finish(&mut proxy).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    assert_eq!(proxy.counts(), (5, 0));
}

#[test]
fn copy_flushes_when_the_reader_has_nothing_for_now() {
    // The far side answers only once it has seen the request, which sits in a buffering writer.
    let (mut client, source) = duplex(64);
    let (sink, mut server) = duplex(64);
    finish(client.write_all(b"request")).unwrap();
    let mut copying = Box::pin(copy(source, BufWriter::new(sink)));
    assert!(common::poll_once(&mut copying).is_pending());
    let mut seen = [0; 7];
    finish(server.read_exact(&mut seen)).unwrap();
    assert_eq!(&seen, b"request");
    drop(client);
    assert_eq!(finish(copying).unwrap(), 7);
}

#[test]
fn copy_moves_everything_through_hesitant_ends() {
    let all: Vec<u8> = (0..100_000_u32).map(|n| (n % 251) as u8).collect();
    let mut writer = Hesitant::writing(777);
    let count = finish(copy(Hesitant::reading(&all, 1000), &mut writer)).unwrap();
    assert_eq!(count, 100_000);
    assert!(writer.taken == all);
    assert_eq!(writer.flushed, all.len());
    assert!(!writer.closed, "copy does not close");
}

#[test]
fn r48_halves_of_strangers_do_not_reunite() {
    let (a, _a) = duplex(1);
    let (b, _b) = duplex(1);
    let (a_read, a_write) = split(a);
    let (b_read, b_write) = split(b);
    let error = a_read.reunite(b_write).unwrap_err();
    assert!(error.to_string().contains("different streams"));
    let (a_read, b_write) = (error.read, error.write);
    assert!(a_read.reunite(a_write).is_ok());
    assert!(b_write.reunite(b_read).is_ok());
}
