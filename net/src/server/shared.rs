//! What a server, its accepting tasks and its connections share.
//!
//! Connections are kept by number, each with its task's handle, so that they can be counted and
//! cancelled; a task's end is told by `on_done`, which comes after its asynchronous cleanup. No
//! borrow is held while anything is cancelled, woken or called back.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use myrt_runtime::sync::Event;
use myrt_runtime::sync::futures::EventWait;
use myrt_runtime::task::{self, JoinHandle, Outcome};

use super::linger::linger;
use super::{Served, ServerStatistics, sealed};
use crate::halves;
use crate::io::{Reader, Writer};
use crate::tcp::{BACKLOG, OwnedReadHalf, OwnedWriteHalf, TcpListener, TcpStream};

/// What is told of an error: the connection's address, if it is one's, and the words.
pub(super) type ErrorHook = Rc<dyn Fn(Option<SocketAddr>, &str)>;

/// See the module's head.
pub(super) struct Shared {
    pub(super) addresses: Vec<SocketAddr>,
    /// Empty once closed.
    listening: RefCell<Vec<Listening>>,
    connections: RefCell<HashMap<u64, Rc<JoinHandle<()>>>>,
    /// Those of them whose handler has returned.
    lingering: RefCell<HashSet<u64>>,
    accepted: Cell<u64>,
    failed: Cell<u64>,
    closed: Cell<bool>,
    /// Set once it is closed and its last connection has ended.
    over: Event,
    on_error: RefCell<Option<ErrorHook>>,
}

/// Begins to serve a connection.
type Serve = Rc<dyn Fn(&Rc<Shared>, TcpStream, SocketAddr)>;

/// A listener, which its accepting task shares.
struct Listening {
    listener: Rc<TcpListener>,
    acceptor: JoinHandle<()>,
    serve: Serve,
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
            listening: RefCell::default(),
            connections: RefCell::default(),
            lingering: RefCell::default(),
            accepted: Cell::new(0),
            failed: Cell::new(0),
            closed: Cell::new(false),
            over: Event::new(),
            on_error: RefCell::default(),
        });
        let handler = Rc::new(handler);
        let serve: Serve = Rc::new(move |shared, stream, address| {
            serve(shared, stream, address, Rc::clone(&handler));
        });
        for listener in listeners {
            let (listener, serve) = (Rc::new(listener), Rc::clone(&serve));
            let accepting = accept_all(listener.clone(), shared.clone(), serve.clone());
            let acceptor = task::spawn(accepting);
            shared.listening.borrow_mut().push(Listening {
                listener,
                acceptor,
                serve,
            });
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
        let listening = self.listening.take();
        for listening in &listening {
            let _cleanup = listening.acceptor.cancel();
        }
        drop(listening);
        self.wake();
    }

    /// Accepts the connections that wait already.
    pub(super) fn take_in(self: &Rc<Self>) {
        // Accepting runs the error hook, which may close: no borrow may be held.
        let listening = self.listening.borrow();
        let waiting: Vec<_> = listening
            .iter()
            .map(|listening| (Rc::clone(&listening.listener), Rc::clone(&listening.serve)))
            .collect();
        drop(listening);
        for (listener, serve) in waiting {
            // More than the queue holds are new ones.
            for _ in 0..=BACKLOG {
                match listener.try_accept() {
                    Ok((stream, address)) => serve(self, stream, address),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) => {
                        self.report_refused(&error);
                        break;
                    }
                }
            }
        }
    }

    fn report_refused(&self, error: &io::Error) {
        self.report(
            None,
            &format!("a connection could not be accepted: {error}"),
        );
    }

    pub(super) fn cancel_all(&self) -> usize {
        // Cancelling runs destructors and `on_done`, which come back here: no borrow may be held.
        let handles: Vec<_> = self.connections.borrow().values().cloned().collect();
        for handle in &handles {
            let _cleanup = handle.cancel();
        }
        handles.len()
    }

    /// Cancels the connections that are only waiting for their clients' ends.
    pub(super) fn cancel_lingering(&self) {
        let lingering = self.lingering.take();
        let connections = self.connections.borrow();
        let handles: Vec<_> = lingering
            .iter()
            .filter_map(|key| connections.get(key).cloned())
            .collect();
        drop(connections);
        for handle in &handles {
            let _cleanup = handle.cancel();
        }
    }

    fn connection_ended(&self, key: u64, outcome: Outcome) {
        let handle = self.connections.borrow_mut().remove(&key);
        drop(handle);
        self.lingering.borrow_mut().remove(&key);
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
async fn accept_all(listener: Rc<TcpListener>, shared: Rc<Shared>, serve: Serve) {
    loop {
        match listener.accept().await {
            Ok((stream, address)) => serve(&shared, stream, address),
            // The listener pauses before the next try, so this does not spin.
            Err(error) => shared.report_refused(&error),
        }
    }
}

/// Starts the task of a connection.
fn serve<H, T>(shared: &Rc<Shared>, stream: TcpStream, address: SocketAddr, handler: Rc<H>)
where
    H: AsyncFn(Reader<OwnedReadHalf>, Writer<OwnedWriteHalf>) -> T + 'static,
    T: Served + 'static,
{
    let key = shared.accepted.get();
    shared.accepted.set(key + 1);
    let (read, write, keeper) = halves::kept(stream);
    let connection = {
        let shared = shared.clone();
        async move {
            let served = handler(Reader::new(read), Writer::new(write)).await;
            if let Some(message) = sealed::Failure::failure(served) {
                shared.report(Some(address), &message);
            }
            if let Some(stream) = keeper.release() {
                shared.lingering.borrow_mut().insert(key);
                linger(stream).await;
            }
        }
    };
    let handle = Rc::new(task::spawn(connection));
    shared.connections.borrow_mut().insert(key, handle.clone());
    let told = shared.clone();
    handle.on_done(move |_, outcome| told.connection_ended(key, outcome));
}
