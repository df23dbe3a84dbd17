//! [`Host`]: a machine of a world, and what a test does to it.

use std::fmt;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use crate::link::HostId;
use crate::world::{Command, Shared};

/// A host of a world. Copies mean the same host; all methods work from a test and from inside of
/// hosts, where they take effect after the present step.
#[derive(Clone)]
pub struct Host {
    pub(crate) shared: Rc<Shared>,
    pub(crate) id: HostId,
}

impl Host {
    /// Cuts its power: nothing of it is polled again, no cleanup runs, nothing is sent. Its peers
    /// learn of it by silence. Destructors run later, with every socket dead.
    pub fn crash(&self) {
        self.shared.command(Command::Crash(self.id));
    }

    /// Ends it in order: its tasks are cancelled, their cleanups run, connections are closed. What
    /// takes longer than five seconds is cut.
    pub fn stop(&self) {
        self.shared.command(Command::Stop(self.id));
    }

    /// Starts it again, by the function that it was made with; a host that runs crashes before.
    ///
    /// # Panics
    /// For a client: its future is gone.
    #[track_caller]
    pub fn restart(&self) {
        assert!(
            self.shared.can_restart(self.id),
            "{:?} is a client, whose future runs once: use World::host for what is started again",
            self.name()
        );
        self.shared.command(Command::Restart(self.id));
    }

    /// It stands still for a while of simulated time; what is sent to it waits.
    pub fn pause(&self, time: Duration) {
        self.shared.command(Command::Pause(self.id, time));
    }

    /// Its clocks run faster by `ppm` millionths (slower, if negative) from now on, and are ahead
    /// by `offset`.
    pub fn skew(&self, ppm: i32, offset: Duration) {
        self.shared.skew(self.id, ppm, offset);
    }

    /// Its address.
    #[must_use]
    pub fn ip(&self) -> IpAddr {
        self.shared.kernel.state.borrow().machines[self.id]
            .ip
            .into()
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> String {
        self.shared.kernel.state.borrow().machines[self.id]
            .name
            .clone()
    }

    /// Whether it runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.shared.is_running(self.id)
    }

    /// How many sockets it has open.
    #[must_use]
    pub fn open_sockets(&self) -> usize {
        self.shared.kernel.reap();
        self.shared.kernel.sockets_of(self.id)
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}
