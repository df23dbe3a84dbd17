//! What a server, its accepting tasks and its connections share.
//!
//! Connections are kept by number, each with its task's handle, so that they can be counted and cancelled; a task's end is told by
//! `on_done`, which comes after its asynchronous cleanup. No borrow is held while anything is cancelled, woken or called back.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use myrt_runtime::sync::Event;
use myrt_runtime::sync::futures::EventWait;
use myrt_runtime::task::{self, JoinHandle, Outcome};

use super::{Served, ServerStatistics, sealed};
use crate::io::{Reader, Writer};
use crate::tcp::{OwnedReadHalf, OwnedWriteHalf, TcpListener};

/// What is told of an error: the connection's address, if it is one's, and the words.
pub(super) type ErrorHook = Rc<dyn Fn(Option<SocketAddr>, &str)>;

/// See the module's head.
pub(super) struct Shared {
    pub(super) addresses: Vec<SocketAddr>,
    /// The accepting tasks, which own the listeners; empty once closed.
    acceptors: RefCell<Vec<JoinHandle<()>>>,
    connections: RefCell<HashMap<u64, Rc<JoinHandle<()>>>>,
    accepted: Cell<u64>,
    failed: Cell<u64>,
    closed: Cell<bool>,
    /// Set once it is closed and its last connection has ended.
    over: Event,
    on_error: RefCell<Option<ErrorHook>>,
}

impl Shared {
    /// Begins to accept.
    pub(super) fn start<H, T>(listeners: Vec<TcpListener>, handler: H) -> io::Result<Rc<Self>>
    where
        H: AsyncFn(Reader<OwnedReadHalf>, Writer<OwnedWriteHalf>) -> T + 'static,
        T: Served + 'static,
    {
        let addresses = listeners
            .iter()
            .map(TcpListener::local_addr)
            .collect::<io::Result<_>>()?;
        let shared = Rc::new(Self {
            addresses,
            acceptors: RefCell::default(),
            connections: RefCell::default(),
            accepted: Cell::new(0),
            failed: Cell::new(0),
            closed: Cell::new(false),
            over: Event::new(),
            on_error: RefCell::default(),
        });
        let handler = Rc::new(handler);
        for listener in listeners {
            let acceptor = task::spawn(accept_all(listener, shared.clone(), handler.clone()));
            shared.acceptors.borrow_mut().push(acceptor);
        }
        Ok(shared)
    }

    pub(super) fn statistics(&self) -> ServerStatistics {
        ServerStatistics {
            accepted: self.accepted.get(),
            active: self.connections.borrow().len(),
            failed: self.failed.get(),
        }
    }

    pub(super) fn set_hook(&self, hook: ErrorHook) {
        let old = self.on_error.borrow_mut().replace(hook);
        drop(old);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    pub(super) fn close(&self) {
        if self.closed.replace(true) {
            return;
        }
        let acceptors = self.acceptors.take();
        for acceptor in &acceptors {
            let _cleanup = acceptor.cancel();
        }
        self.wake();
    }

    pub(super) fn cancel_all(&self) -> usize {
        // Cancelling runs destructors and `on_done`, which come back here: no borrow may be held.
        let handles: Vec<_> = self.connections.borrow().values().cloned().collect();
        for handle in &handles {
            let _cleanup = handle.cancel();
        }
        handles.len()
    }

    fn connection_ended(&self, key: u64, outcome: Outcome) {
        let handle = self.connections.borrow_mut().remove(&key);
        drop(handle);
        if matches!(outcome, Outcome::Panicked) {
            self.failed.set(self.failed.get() + 1);
        }
        self.wake();
    }

    fn report(&self, address: Option<SocketAddr>, message: &str) {
        self.failed.set(self.failed.get() + 1);
        let hook = self.on_error.borrow().clone();
        if let Some(hook) = hook {
            hook(address, message);
        }
    }

    fn wake(&self) {
        if self.closed.get() && self.connections.borrow().is_empty() {
            self.over.set();
        }
    }

    /// Waits until it is closed and its last connection has ended.
    #[track_caller]
    pub(super) fn wait_over(&self) -> EventWait<'_> {
        self.over.wait()
    }
}

/// Accepts from one listener until cancelled, which is how the server closes.
async fn accept_all<H, T>(listener: TcpListener, shared: Rc<Shared>, handler: Rc<H>)
where
    H: AsyncFn(Reader<OwnedReadHalf>, Writer<OwnedWriteHalf>) -> T + 'static,
    T: Served + 'static,
{
    loop {
        let (stream, address) = match listener.accept().await {
            Ok(accepted) => accepted,
            // The listener pauses before the next try, so this does not spin.
            Err(error) => {
                shared.report(
                    None,
                    &format!("a connection could not be accepted: {error}"),
                );
                continue;
            }
        };
        let key = shared.accepted.get();
        shared.accepted.set(key + 1);
        let (read, write) = stream.into_split();
        let connection = {
            let (shared, handler) = (shared.clone(), handler.clone());
            async move {
                let served = handler(Reader::new(read), Writer::new(write)).await;
                if let Some(message) = sealed::Failure::failure(served) {
                    shared.report(Some(address), &message);
                }
            }
        };
        let handle = Rc::new(task::spawn(connection));
        shared.connections.borrow_mut().insert(key, handle.clone());
        let told = shared.clone();
        handle.on_done(move |_, outcome| told.connection_ended(key, outcome));
    }
}
