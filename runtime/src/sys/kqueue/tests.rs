//! What only kqueue has: the meaning of its flags, and the model's flavours and order.
//!
//! The contract as a whole is checked in `sys/tests.rs`, over this backend as over the others.

use super::abi::{EV_CLEAR, EV_EOF, EV_ERROR, EVFILT_READ, EVFILT_WRITE, Kevent};
use super::translate;
use crate::sys::{Event, Ready};

#[test]
fn r12_the_end_of_writing_is_not_the_end_of_reading() {
    let reset = Kevent::new(5, EVFILT_WRITE, EV_CLEAR | EV_EOF, 7);
    let event = translate(&reset.with_fflags(libc::ECONNRESET as u32));
    let wanted = Ready::WRITABLE | Ready::WRITE_CLOSED | Ready::ERROR;
    assert_eq!(event, Event::new(7, wanted));
}

#[test]
fn the_end_of_reading_is_not_the_end_of_writing() {
    let event = translate(&Kevent::new(5, EVFILT_READ, EV_CLEAR | EV_EOF, 7));
    let wanted = Ready::READABLE | Ready::READ_CLOSED;
    assert_eq!(event, Event::new(7, wanted));
}

#[test]
fn an_error_instead_of_an_event_lets_both_directions_try() {
    assert_eq!(
        translate(&Kevent::new(5, EVFILT_READ, EV_ERROR, 7)),
        Event::broken(7)
    );
}

#[cfg(myrt_kqueue_model)]
mod on_the_model {
    //! The same backend over each flavour of the model.

    use std::io::Write;
    use std::os::fd::{AsRawFd, IntoRawFd};
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    use super::super::model::{Flavour, Model};
    use super::super::{Kernel, Kqueue, abi};
    use super::{EVFILT_READ, EVFILT_WRITE};
    use crate::sys::cvt::cvt;
    use crate::sys::{Event, Interest, Ready};

    const FLAVOURS: [Flavour; 3] = [Flavour::FreeBsd, Flavour::MacOs, Flavour::NetBsd];

    fn queue(flavour: Flavour, seed: u64) -> Kqueue {
        Kqueue::on(Model::with(flavour, seed).expect("a model")).expect("a queue")
    }

    fn now(queue: &mut Kqueue) -> Vec<Event> {
        let mut events = Vec::new();
        queue
            .wait(&mut events, 1024, Some(Duration::ZERO))
            .expect("wait");
        events
    }

    fn close(socket: UnixStream) {
        let number = socket.into_raw_fd();
        // SAFETY: the number was given up by its owner just now, so it is ours to close.
        cvt(unsafe { libc::close(number) }).expect("close");
    }

    #[test]
    fn r07_every_flavour_of_deleting_what_is_gone_is_taken() {
        for flavour in FLAVOURS {
            let mut queue = queue(flavour, 1);
            let (ours, _theirs) = UnixStream::pair().expect("a socket pair");
            let number = ours.as_raw_fd();
            queue.delete(number).expect("never added");
            queue.add(number, 7, Interest::BOTH).expect("add");
            queue.delete(number).expect("delete");
            queue.delete(number).expect("twice");
            queue.add(number, 7, Interest::BOTH).expect("add");
            close(ours);
            queue.delete(number).expect("closed");
            assert_eq!(now(&mut queue), []);
        }
    }

    #[test]
    fn flavours_differ_in_what_they_say_about_a_closed_descriptor() {
        for (flavour, wanted) in [
            (Flavour::FreeBsd, libc::EBADF),
            (Flavour::MacOs, libc::ENOENT),
        ] {
            let model = Model::with(flavour, 1).expect("a model");
            let gone = abi::Kevent::new(usize::MAX >> 40, EVFILT_READ, abi::EV_DELETE, 0);
            let error = model.kevent(&[gone], &mut [], None).expect_err("not open");
            assert_eq!(error.raw_os_error(), Some(wanted));
        }
    }

    #[test]
    fn a_knote_dies_with_its_descriptor_although_a_duplicate_lives() {
        for flavour in FLAVOURS {
            let mut queue = queue(flavour, 1);
            let (ours, mut theirs) = UnixStream::pair().expect("a socket pair");
            let copy = ours.try_clone().expect("dup");
            queue
                .add(ours.as_raw_fd(), 7, Interest::READABLE)
                .expect("add");
            close(ours);
            theirs.write_all(b"x").expect("write");
            assert_eq!(now(&mut queue), []);
            queue
                .add(copy.as_raw_fd(), 8, Interest::READABLE)
                .expect("add");
            assert_eq!(now(&mut queue).len(), 1);
        }
    }

    #[test]
    fn registering_takes_no_event_out_of_the_queue() {
        for flavour in FLAVOURS {
            let mut queue = queue(flavour, 1);
            let (one, mut one_peer) = UnixStream::pair().expect("a socket pair");
            let (two, _two_peer) = UnixStream::pair().expect("a socket pair");
            queue
                .add(one.as_raw_fd(), 1, Interest::READABLE)
                .expect("add");
            one_peer.write_all(b"x").expect("write");
            queue
                .add(two.as_raw_fd(), 2, Interest::READABLE)
                .expect("add");
            queue.delete(two.as_raw_fd()).expect("delete");
            let events = now(&mut queue);
            let about = events.iter().map(|event| event.token);
            assert_eq!(about.collect::<Vec<_>>(), [1]);
            assert!(events[0].ready.contains(Ready::READABLE), "{events:?}");
        }
    }

    #[test]
    fn each_direction_is_an_event_of_its_own_and_an_edge_of_its_own() {
        let mut queue = queue(Flavour::FreeBsd, 1);
        let (ours, mut theirs) = UnixStream::pair().expect("a socket pair");
        queue.add(ours.as_raw_fd(), 7, Interest::BOTH).expect("add");
        assert_eq!(now(&mut queue), [Event::new(7, Ready::WRITABLE)]);
        theirs.write_all(b"x").expect("write");
        // News about reading does not repeat that there is room to write.
        assert_eq!(now(&mut queue), [Event::new(7, Ready::READABLE)]);
        assert_eq!(now(&mut queue), []);
    }

    #[test]
    fn the_order_of_events_depends_on_the_seed_alone() {
        let order = |seed| {
            let mut queue = queue(Flavour::FreeBsd, seed);
            let pairs: Vec<_> = (0..8)
                .map(|_| UnixStream::pair().expect("a socket pair"))
                .collect();
            for (token, (ours, _)) in pairs.iter().enumerate() {
                queue
                    .add(ours.as_raw_fd(), token as u64, Interest::WRITABLE)
                    .expect("add");
            }
            now(&mut queue)
                .iter()
                .map(|event| event.token)
                .collect::<Vec<_>>()
        };
        assert_eq!(order(3), order(3));
        assert!((5..20).any(|seed| order(seed) != order(3)));
    }

    #[test]
    fn filters_have_the_portable_numbers() {
        assert_eq!((EVFILT_READ, EVFILT_WRITE), (-1, -2));
    }
}
