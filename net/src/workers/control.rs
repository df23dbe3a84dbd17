//! What the workers of one run share: whether to stop, how to reach each, and their listeners.
//!
//! This is the one thing here that several threads touch, a few times in a program's life; a lock
//! does. No waker is woken or dropped under it. It knows nothing of threads.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::{self, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use myrt_runtime::runtime::Remote;

use myrt_runtime::task::poll_budget;

use crate::tcp::{BACKLOG, TcpSocket};

/// See the module's head.
#[derive(Debug)]
pub(super) struct Control {
    pub(super) count: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    stopping: bool,
    /// Workers whose first runtime is not made yet.
    starting: usize,
    /// Workers that have not ended finally.
    living: usize,
    remotes: Vec<Option<Remote>>,
    /// Every listening socket by worker and the address that was asked for: kept so that its queue
    /// survives the worker's death.
    listeners: HashMap<(usize, SocketAddr), net::TcpListener>,
    /// What the first worker got for an address whose port the system chose.
    chosen: HashMap<SocketAddr, SocketAddr>,
    waiting: HashMap<u64, Waker>,
    last: u64,
}

/// What a [`Waiting`] waits for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Until {
    Stopping,
    #[cfg(feature = "signal")]
    AllEnded,
}

impl Control {
    pub(super) fn new(count: usize) -> Self {
        Self {
            count,
            state: Mutex::new(State {
                stopping: false,
                starting: count,
                living: count,
                remotes: vec![None; count],
                listeners: HashMap::new(),
                chosen: HashMap::new(),
                waiting: HashMap::new(),
                last: 0,
            }),
            changed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes something that somebody may wait for.
    fn change<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.lock();
        let result = change(&mut state);
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        self.changed.notify_all();
        for waker in waiting.into_values() {
            waker.wake();
        }
        result
    }

    pub(super) fn stop(&self) {
        // Closed here, so that a worker that drops its own listener refuses connections from then
        // on.
        let listeners = self.change(|state| {
            state.stopping = true;
            std::mem::take(&mut state.listeners)
        });
        drop(listeners);
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.lock().stopping
    }

    /// This many workers will never start.
    pub(super) fn give_up(&self, count: usize) {
        self.change(|state| {
            state.starting -= count;
            state.living -= count;
        });
        self.stop();
    }

    /// A worker's first runtime is made: waits until all are, so that each can reach the others
    /// from its first moment.
    pub(super) fn start(&self, id: usize, remote: Remote) {
        self.change(|state| {
            state.starting -= 1;
            state.remotes[id] = Some(remote);
        });
        let state = self.lock();
        let all = self
            .changed
            .wait_while(state, |state| state.starting > 0 && !state.stopping);
        drop(all);
    }

    pub(super) fn set_remote(&self, id: usize, remote: Option<Remote>) {
        let before = std::mem::replace(&mut self.lock().remotes[id], remote);
        drop(before);
    }

    pub(super) fn remote(&self, id: usize) -> Option<Remote> {
        self.lock().remotes.get(id).cloned().flatten()
    }

    /// A worker has ended and is not restarted. `started`: its first runtime was made.
    pub(super) fn end(&self, id: usize, started: bool) {
        let gone = self.change(|state| {
            state.living -= 1;
            state.starting -= usize::from(!started);
            state.remotes[id] = None;
            state.listeners.extract_if_of(id)
        });
        drop(gone);
    }

    /// Waits before a worker is started again. False: all are to stop.
    pub(super) fn pause(&self, pause: Duration) -> bool {
        let state = self.lock();
        let (state, _) = self
            .changed
            .wait_timeout_while(state, pause, |state| !state.stopping)
            .unwrap_or_else(PoisonError::into_inner);
        !state.stopping
    }

    pub(super) fn wait(self: &Arc<Self>, until: Until) -> Waiting {
        Waiting {
            control: Arc::clone(self),
            until,
            place: None,
        }
    }

    #[cfg(feature = "signal")]
    pub(super) fn all_ended(self: &Arc<Self>) -> Waiting {
        self.wait(Until::AllEnded)
    }

    /// The listening socket of a worker for an address: the one that it had before, or a new one
    /// beside the others'.
    pub(super) fn listener(&self, id: usize, address: SocketAddr) -> io::Result<net::TcpListener> {
        // Only Linux spreads connections over sockets of one address; elsewhere all accept from
        // one.
        let owner = if cfg!(any(target_os = "linux", target_os = "android")) {
            id
        } else {
            0
        };
        let mut state = self.lock();
        if let Some(kept) = state.listeners.get(&(owner, address)) {
            return kept.try_clone();
        }
        let actual = state.chosen.get(&address).copied().unwrap_or(address);
        let socket = match actual {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        socket.set_reuseaddr(true)?;
        socket.set_reuseport(true)?;
        socket.bind(actual)?;
        let listener = socket.listen(BACKLOG.unsigned_abs())?.into_std()?;
        if address.port() == 0 {
            let chosen = listener.local_addr()?;
            state.chosen.entry(address).or_insert(chosen);
        }
        if !state.stopping {
            state
                .listeners
                .insert((owner, address), listener.try_clone()?);
        }
        Ok(listener)
    }
}

trait ExtractOf {
    /// Takes out what belongs to one worker.
    fn extract_if_of(&mut self, id: usize) -> Vec<net::TcpListener>;
}

impl ExtractOf for HashMap<(usize, SocketAddr), net::TcpListener> {
    fn extract_if_of(&mut self, id: usize) -> Vec<net::TcpListener> {
        if !cfg!(any(target_os = "linux", target_os = "android")) {
            return Vec::new(); // shared by all
        }
        let keys: Vec<_> = self
            .keys()
            .filter(|(owner, _)| *owner == id)
            .copied()
            .collect();
        keys.iter().filter_map(|key| self.remove(key)).collect()
    }
}

/// Waits, in any runtime, for something that is told once.
#[derive(Debug)]
pub(super) struct Waiting {
    control: Arc<Control>,
    until: Until,
    place: Option<u64>,
}

impl Future for Waiting {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let waker = cx.waker().clone();
        let this = &mut *self;
        let mut state = this.control.lock();
        let over = match this.until {
            Until::Stopping => state.stopping,
            #[cfg(feature = "signal")]
            Until::AllEnded => state.living == 0,
        };
        if over {
            drop(state);
            return poll_budget(cx);
        }
        let place = *this.place.get_or_insert_with(|| {
            state.last += 1;
            state.last
        });
        let old = state.waiting.insert(place, waker);
        drop(state);
        drop(old);
        Poll::Pending
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            let waker = self.control.lock().waiting.remove(&place);
            drop(waker);
        }
    }
}
