//! Who listens to which signal in this process, so that the default action is off exactly while somebody does.
//!
//! Handlers belong to the process, so this is one of the few global states. What a handler itself reads is one atomic flag a kind.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};

use signal_hook::{SigId, flag, low_level};

/// A kind of signal that was listened to at least once.
struct Kind {
    /// Read by the handler: nobody listens, do what the system would have done.
    default_action: Arc<AtomicBool>,
    listeners: usize,
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
        let mut kinds = KINDS.lock().unwrap_or_else(PoisonError::into_inner);
        let kinds = kinds.get_or_insert_with(HashMap::new);
        let kind = match kinds.entry(signal) {
            Entry::Occupied(kind) => kind.into_mut(),
            Entry::Vacant(place) => {
                let default_action = Arc::new(AtomicBool::new(true));
                // Handlers run in the order of registration and this one stays: it comes before every listener's. Real-time
                // signals have no name and are not known to it; theirs stays off.
                if low_level::signal_name(signal).is_some() {
                    flag::register_conditional_default(signal, default_action.clone())?;
                }
                place.insert(Kind {
                    default_action,
                    listeners: 0,
                })
            }
        };
        let id = low_level::pipe::register(signal, to)?;
        kind.listeners += 1;
        kind.default_action.store(false, SeqCst);
        Ok(Self { signal, id })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut kinds = KINDS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kind) = kinds.as_mut().and_then(|kinds| kinds.get_mut(&self.signal)) {
            kind.listeners -= 1;
            kind.default_action.store(kind.listeners == 0, SeqCst);
        }
        low_level::unregister(self.id);
    }
}
