//! The servers that tell everybody: a chat that relays at once, and a game that tells its state
//! sixty times a second.
//!
//! Messages have 16 bytes, a frame number and the number of the last message of a client. A client
//! that does not read loses frames in the game, as in any game, and its connection in the chat;
//! nobody waits for it.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::rc::Rc;

use myrt::net::TcpStream;
use myrt::time::{Duration, MissedTickBehavior, interval};

use super::{Shared, receive, serve};

pub(super) const MESSAGE: usize = 16;
const FRAME: Duration = Duration::from_nanos(1_000_000_000 / 60);

type Members = Shared<HashMap<u64, Rc<TcpStream>>>;

/// Sends `bytes` to every member but one; returns the members that it could not be sent to.
fn tell(members: &Members, but: Option<u64>, bytes: &[u8]) -> Vec<u64> {
    let members = members.borrow();
    let others = members.iter().filter(|(member, _)| Some(**member) != but);
    others
        .filter(|(_, stream)| !matches!(stream.try_write(bytes), Ok(count) if count == bytes.len()))
        .map(|(member, _)| *member)
        .collect()
}

/// Serves members, with `heard` for each message of one.
fn members(members: Members, heard: impl Fn(u64, &[u8]) + 'static) -> io::Result<()> {
    let next = Cell::new(0);
    let heard = Rc::new(heard);
    serve(move |stream| {
        let member = next.replace(next.get() + 1);
        let (members, heard) = (Rc::clone(&members), Rc::clone(&heard));
        async move {
            let stream = Rc::new(stream);
            members.borrow_mut().insert(member, Rc::clone(&stream));
            let mut bytes = Vec::new();
            while let Ok(1..) = receive(&stream, &mut bytes).await {
                let whole = bytes.len() / MESSAGE * MESSAGE;
                bytes[..whole]
                    .chunks_exact(MESSAGE)
                    .for_each(|message| heard(member, message));
                bytes.drain(..whole);
                if bytes.is_empty() {
                    bytes = Vec::new();
                }
            }
            members.borrow_mut().remove(&member);
            Ok(())
        }
    })
}

/// Everybody but the sender gets what he says.
pub(super) fn chat() -> io::Result<()> {
    let all = Members::new(RefCell::default());
    let room = Rc::clone(&all);
    members(all, move |sender, message| {
        for member in tell(&room, Some(sender), message) {
            room.borrow_mut().remove(&member);
        }
    })
}

/// Everybody gets the state each frame.
pub(super) fn game() -> io::Result<()> {
    let all = Members::new(RefCell::default());
    let players = Rc::clone(&all);
    let last = Rc::new(Cell::new([0; 8]));
    let input = Rc::clone(&last);
    let started = Cell::new(false);
    members(all, move |_, message| {
        input.set(message[8..].try_into().expect("eight of sixteen bytes"));
        if !started.replace(true) {
            let (players, last) = (Rc::clone(&players), Rc::clone(&last));
            drop(myrt::spawn(async move {
                let mut frames = interval(FRAME);
                // A frame that is missed is not made up for: that would keep the loop even longer.
                frames.set_missed_tick_behavior(MissedTickBehavior::Skip);
                for frame in 0_u64.. {
                    frames.tick().await;
                    let mut state = [0; MESSAGE];
                    state[..8].copy_from_slice(&frame.to_le_bytes());
                    state[8..].copy_from_slice(&last.get());
                    tell(&players, None, &state);
                }
            }));
        }
    })
}
