//! A turn of the loop, in its order: what is ready, then timers, then the selector.
//!
//! Each of the things that can come is prepared, so that all are due in the same turn; what runs is
//! written down with the turn. Node has phases for timers, I/O, immediates and closing. Here all of
//! these only make tasks ready, and ready tasks run in the order in which they became so, at the
//! beginning of the next turn.
//!
//! Course: 8.6, case 3, the phases of libuv (B19).
//!
//! ```text
//! cargo run --release -p course --bin loop_phases
//! ```

use std::cell::{Cell, RefCell};
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::rc::Rc;

use myrt::io::Async;
use myrt::runtime::{Builder, Observer};
use myrt::time::{Duration, call_later, sleep};

/// Knows the number of the turn.
struct Turns(Rc<Cell<u64>>);

impl Observer for Turns {
    fn turn_started(&self, turn: u64) {
        self.0.set(turn);
    }
}

fn main() -> io::Result<()> {
    let turn = Rc::new(Cell::new(0));
    let runtime = Builder::new().observer(Turns(Rc::clone(&turn))).build()?;
    let log = Rc::new(RefCell::new(Vec::new()));
    let note = {
        let (log, turn) = (Rc::clone(&log), Rc::clone(&turn));
        Rc::new(move |what: &str| log.borrow_mut().push((turn.get(), what.to_owned())))
    };
    let (reader, mut writer) = UnixStream::pair()?;
    runtime.block_on(async {
        let reader = Async::new(reader)?;
        let said = Rc::clone(&note);
        let reading = myrt::spawn(async move {
            let _ = reader.readable().await;
            said("I/O: the socket is readable");
        });
        let said = Rc::clone(&note);
        let sleeping = myrt::spawn(async move {
            sleep(Duration::from_millis(1)).await;
            said("timer: a sleep is over");
        });
        let said = Rc::clone(&note);
        let _timer = call_later(Duration::from_millis(1), move || {
            said("timer: call_later, in the timers' own phase");
        });
        myrt::yield_now().await; // both tasks wait now

        writer.write_all(b"!")?;
        #[expect(
            clippy::disallowed_methods,
            reason = "the timers shall be overdue when the turn ends"
        )]
        std::thread::sleep(Duration::from_millis(5));
        note("now: the socket is readable and the timers are due");
        let said = Rc::clone(&note);
        let immediate = myrt::spawn(async move { said("immediate: a spawned task") });
        let said = Rc::clone(&note);
        immediate.on_done(move |_, _| said("close: its on_done"));
        myrt::yield_now().await;
        note("main goes on after a yield");
        for task in [reading, sleeping, immediate] {
            let _ = task.await;
        }
        io::Result::Ok(())
    })?;
    let first = log.borrow().first().map_or(0, |(turn, _)| *turn);
    for (turn, what) in &*log.borrow() {
        println!("turn +{}: {what}", turn - first);
    }
    Ok(())
}
