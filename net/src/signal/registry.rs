//! Who listens to which signal in this process, so that a stand-in hears it exactly while nobody
//! does.
//!
//! Handlers belong to the process, so this is one of the few global states; the child of a fork
//! begins with an empty one.

use std::collections::HashMap;
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};

use myrt_runtime::os::{self, Listening, PerProcess};

/// A kind of signal that was listened to at least once.
#[derive(Default)]
struct Kind {
    listeners: usize,
    stand_in: Option<StandIn>,
}

/// Who is told while nobody listens: what ends a program in order when it is interrupted.
struct StandIn {
    to: UnixStream,
    /// The process's exit code when a signal has come already, whatever the loop is doing.
    exit_code: i32,
    /// None while somebody listens.
    listening: Option<Listening>,
}

static KINDS: PerProcess<Mutex<HashMap<i32, Kind>>> = PerProcess::new();

/// A registration; dropping it ends it.
#[derive(Debug)]
pub(super) struct Listener {
    listening: Option<Listening>,
    signal: i32,
    pid: u32,
}

impl Listener {
    /// Writes a byte to `to` for each signal from now on.
    pub(super) fn new(signal: i32, to: UnixStream) -> io::Result<Self> {
        to.set_nonblocking(true)?;
        with_kind(signal, |kind| {
            let listening = os::listen(signal, to.into(), None)?;
            kind.listeners += 1;
            kind.settle(signal)?;
            Ok(Self {
                listening: Some(listening),
                signal,
                pid: std::process::id(),
            })
        })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if self.pid != std::process::id() {
            return; // a fork's child, which has a registry of its own
        }
        let settled = with_kind(self.signal, |kind| {
            kind.listeners -= 1;
            kind.settle(self.signal)
        });
        if let Err(error) = settled {
            os::complain(format_args!(
                "myrt: signal {} is not heard any more: {error}",
                self.signal
            ));
        }
        // After the stand-in has begun: no signal meets a gap.
        drop(self.listening.take());
    }
}

/// The registration of a stand-in; dropping it ends it.
#[derive(Debug)]
pub(super) struct StandInGuard {
    signal: i32,
    pid: u32,
}

impl StandInGuard {
    /// Writes a byte to `to` for each signal that comes while nobody listens, from now on; the
    /// second one ends the process with `exit_code`. None when the signal has a stand-in already,
    /// or when something else in the process handles or ignores it: that decides then.
    pub(super) fn new(signal: i32, to: UnixStream, exit_code: i32) -> io::Result<Option<Self>> {
        if !os::has_default_action(signal) {
            return Ok(None);
        }
        to.set_nonblocking(true)?;
        with_kind(signal, |kind| {
            if kind.stand_in.is_some() {
                return Ok(None);
            }
            kind.stand_in = Some(StandIn {
                to,
                exit_code,
                listening: None,
            });
            match kind.settle(signal) {
                Ok(()) => {
                    let pid = std::process::id();
                    Ok(Some(Self { signal, pid }))
                }
                Err(error) => {
                    kind.stand_in = None;
                    Err(error)
                }
            }
        })
    }
}

impl Drop for StandInGuard {
    fn drop(&mut self) {
        if self.pid != std::process::id() {
            return; // a fork's child, which has a registry of its own
        }
        // Nothing is registered by this, so nothing fails.
        let _ = with_kind(self.signal, |kind| {
            kind.stand_in = None;
            Ok(())
        });
    }
}

fn with_kind<R>(signal: i32, f: impl FnOnce(&mut Kind) -> io::Result<R>) -> io::Result<R> {
    let kinds = KINDS.get().lock();
    let mut kinds = kinds.unwrap_or_else(PoisonError::into_inner);
    f(kinds.entry(signal).or_default())
}

impl Kind {
    /// The stand-in hears the signal exactly while nobody else does.
    fn settle(&mut self, signal: i32) -> io::Result<()> {
        let Some(stand_in) = &mut self.stand_in else {
            return Ok(());
        };
        if self.listeners > 0 {
            stand_in.listening = None;
        } else if stand_in.listening.is_none() {
            let to = stand_in.to.try_clone()?;
            let listening = os::listen(signal, to.into(), Some(stand_in.exit_code))?;
            stand_in.listening = Some(listening);
        }
        Ok(())
    }
}
