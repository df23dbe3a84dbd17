//! A game server: sixty frames a second to every player, without drift.
//!
//! Frame k is due at the start plus k sixtieths, whatever the frames before took: `interval` counts
//! from its start. The course sleeps 16 ms after each frame (A27), so that the time of the work is
//! added each time and frames drift. A player that cannot keep up misses frames, whole ones, and
//! delays nobody.
//!
//! Course: 8.5, "Temps réel" (A27; the claim N10).
//!
//! ```text
//! cargo run --release -p course --bin game60 -- 127.0.0.1:7777 [--frames 600]
//! ```
//!
//! Clients: `nc localhost 7777`, thousands of them; each line is a frame. What a player sends is
//! not looked at.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use lexopt::ValueExt;
use myrt::net::{TcpListener, TcpStream};
use myrt::time::{Duration, Instant, MissedTickBehavior, interval_at};

const FRAME: Duration = Duration::from_nanos(1_000_000_000 / 60);
/// Frames between two reports.
const REPORT: u32 = 60;

struct Player {
    stream: TcpStream,
    /// The rest of a frame that did not fit into the system's buffer.
    left: Vec<u8>,
    missed: u32,
}

impl Player {
    /// Sends a frame, or its predecessor's rest. `false`: the player is gone.
    fn send(&mut self, frame: &[u8]) -> bool {
        let is_rest = !self.left.is_empty();
        let bytes = if is_rest {
            std::mem::take(&mut self.left)
        } else {
            frame.to_vec()
        };
        self.missed += u32::from(is_rest);
        match self.stream.try_write(&bytes) {
            Ok(sent) => self.left.extend_from_slice(&bytes[sent..]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && is_rest => self.left = bytes,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.missed += 1,
            Err(_) => return false,
        }
        true
    }

    /// Whether the player has hung up. What it says is thrown away.
    fn is_gone(&self) -> bool {
        loop {
            match self.stream.try_read(&mut [0; 1024]) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => return error.kind() != io::ErrorKind::WouldBlock,
            }
        }
    }
}

type Players = Rc<RefCell<Vec<Player>>>;

async fn welcome(listener: TcpListener, players: Players) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let _ = stream.set_nodelay(true);
                players.borrow_mut().push(Player {
                    stream,
                    left: Vec::new(),
                    missed: 0,
                });
            }
            Err(error) => eprintln!("accept: {error}"),
        }
    }
}

#[myrt::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut address = "127.0.0.1:7777".to_owned();
    let mut frames = u32::MAX;
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            lexopt::Arg::Value(value) => address = value.string()?,
            lexopt::Arg::Long("frames") => frames = arguments.value()?.parse()?,
            other => return Err(other.unexpected().into()),
        }
    }
    let _ = myrt::runtime::raise_fd_limit();
    let listener = TcpListener::bind(&*address).await?;
    println!("listening on {}", listener.local_addr()?);
    let players = Players::default();
    drop(myrt::spawn(welcome(listener, Rc::clone(&players))));
    let start = Instant::now();
    let mut ticks = interval_at(start, FRAME);
    // Late frames are not sent in a burst afterwards; the next one is on time again.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut lateness = Vec::new();
    for frame in 0..frames {
        let due = ticks.tick().await;
        lateness.push(Instant::now().saturating_duration_since(due));
        let at = (due - start).as_secs_f64();
        let line = format!("frame {frame} at {at:.4}\n");
        players
            .borrow_mut()
            .retain_mut(|player| !player.is_gone() && player.send(line.as_bytes()));
        if (frame + 1) % REPORT == 0 {
            lateness.sort_unstable();
            let missed: u32 = players.borrow().iter().map(|player| player.missed).sum();
            println!(
                "{} players, {missed} frames missed by them; frame {frame} due at {at:.3} s, late at most {:?}",
                players.borrow().len(),
                lateness[lateness.len() - 1],
            );
            lateness.clear();
        }
    }
    Ok(())
}
