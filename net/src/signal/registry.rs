//! Who listens to which signal in this process, so that the default action is off exactly while somebody does.
//!
//! Handlers belong to the process, so this is one of the few global states. What a handler itself reads is one atomic flag a kind.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};

use myrt_runtime::os;
use myrt_runtime::os::complain;
use signal_hook::{SigId, flag, low_level};

/// A kind of signal that was listened to at least once.
struct Kind {
    /// Read by the handler: nobody listens, do what the system would have done.
    default_action: Arc<AtomicBool>,
    listeners: usize,
    stand_in: Option<StandIn>,
}

/// Who is told while nobody listens: what ends a program in order when it is interrupted.
struct StandIn {
    to: UnixStream,
    /// Read by the handler: a signal has come already, so the next one ends the process at once, whatever the loop is
    /// doing.
    pressed: Arc<AtomicBool>,
    /// The process's exit code then.
    exit_code: i32,
    /// Its handlers; none while somebody listens.
    handlers: Vec<SigId>,
}

static KINDS: Mutex<Option<HashMap<i32, Kind>>> = Mutex::new(None);

/// A registration; dropping it ends it.
#[derive(Debug)]
pub(super) struct Listener {
    signal: i32,
    id: SigId,
}

impl Listener {
    /// Writes a byte to `to` for each signal from now on.
    pub(super) fn new(signal: i32, to: UnixStream) -> io::Result<Self> {
        // signal-hook panics for these.
        if signal_hook::consts::FORBIDDEN.contains(&signal) {
            let message = format!("signal {signal} cannot be caught");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        with_kind(signal, |kind| {
            let id = low_level::pipe::register(signal, to)?;
            kind.listeners += 1;
            kind.settle(signal)?;
            Ok(Self { signal, id })
        })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let settled = with_kind(self.signal, |kind| {
            kind.listeners -= 1;
            kind.settle(self.signal)
        });
        if let Err(error) = settled {
            complain(format_args!(
                "myrt: signal {} is not heard any more: {error}",
                self.signal
            ));
        }
        low_level::unregister(self.id);
    }
}

/// The registration of a stand-in; dropping it ends it.
#[derive(Debug)]
pub(super) struct StandInGuard {
    signal: i32,
}

impl StandInGuard {
    /// Writes a byte to `to` for each signal that comes while nobody listens, from now on; the second one ends the process
    /// with `exit_code`. None when the signal has a stand-in already, or when something else in the process handles or
    /// ignores it: that decides then.
    pub(super) fn new(signal: i32, to: UnixStream, exit_code: i32) -> io::Result<Option<Self>> {
        if !is_known(signal) && !os::has_default_action(signal) {
            return Ok(None);
        }
        with_kind(signal, |kind| {
            if kind.stand_in.is_some() {
                return Ok(None);
            }
            let pressed = Arc::new(AtomicBool::new(false));
            let handlers = Vec::new();
            kind.stand_in = Some(StandIn {
                to,
                pressed,
                exit_code,
                handlers,
            });
            match kind.settle(signal) {
                Ok(()) => Ok(Some(Self { signal })),
                Err(error) => {
                    kind.end_stand_in();
                    Err(error)
                }
            }
        })
    }
}

impl Drop for StandInGuard {
    fn drop(&mut self) {
        // Nothing is registered by this, so nothing fails.
        let _ = with_kind(self.signal, |kind| {
            kind.end_stand_in();
            kind.settle(self.signal)
        });
    }
}

fn is_known(signal: i32) -> bool {
    let kinds = KINDS.lock().unwrap_or_else(PoisonError::into_inner);
    kinds
        .as_ref()
        .is_some_and(|kinds| kinds.contains_key(&signal))
}

fn with_kind<R>(signal: i32, f: impl FnOnce(&mut Kind) -> io::Result<R>) -> io::Result<R> {
    let mut kinds = KINDS.lock().unwrap_or_else(PoisonError::into_inner);
    match kinds.get_or_insert_with(HashMap::new).entry(signal) {
        Entry::Occupied(kind) => f(kind.into_mut()),
        Entry::Vacant(place) => f(place.insert(Kind::new(signal)?)),
    }
}

impl Kind {
    fn new(signal: i32) -> io::Result<Self> {
        let default_action = Arc::new(AtomicBool::new(true));
        // Handlers run in the order of registration and this one stays: it comes before every listener's. Real-time signals
        // have no name and are not known to it; theirs stays off.
        if low_level::signal_name(signal).is_some() {
            flag::register_conditional_default(signal, default_action.clone())?;
        }
        Ok(Self {
            default_action,
            listeners: 0,
            stand_in: None,
        })
    }

    /// Makes true what listeners and stand-in ask for.
    fn settle(&mut self, signal: i32) -> io::Result<()> {
        let nobody = self.listeners == 0;
        if let Some(stand_in) = &mut self.stand_in {
            if nobody {
                stand_in.begin(signal)?;
            } else {
                stand_in.pause();
            }
        }
        self.default_action
            .store(nobody && self.stand_in.is_none(), SeqCst);
        Ok(())
    }

    fn end_stand_in(&mut self) {
        if let Some(mut stand_in) = self.stand_in.take() {
            stand_in.pause();
        }
    }
}

impl StandIn {
    fn begin(&mut self, signal: i32) -> io::Result<()> {
        if !self.handlers.is_empty() {
            return Ok(());
        }
        // In this order: the second signal finds what the first has set.
        let pressed = &self.pressed;
        let end = flag::register_conditional_shutdown(signal, self.exit_code, pressed.clone())?;
        self.handlers.push(end);
        self.handlers.push(flag::register(signal, pressed.clone())?);
        self.handlers
            .push(low_level::pipe::register(signal, self.to.try_clone()?)?);
        Ok(())
    }

    fn pause(&mut self) {
        for handler in self.handlers.drain(..) {
            low_level::unregister(handler);
        }
        self.pressed.store(false, SeqCst);
    }
}
