//! The futures of servers: starting, waiting, stopping.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use myrt_runtime::io::Async;
use myrt_runtime::sync::futures::EventWait;
use myrt_runtime::time::{Sleep, sleep};

use super::{Served, Server};
use crate::addr::LookupHost;
use crate::calls;
use crate::io::{Reader, Writer};
use crate::tcp::{BACKLOG, Connect, OwnedReadHalf, OwnedWriteHalf, TcpListener};

/// Future of [`start_server`](super::start_server).
#[must_use = "futures do nothing unless awaited"]
pub struct StartServer<H> {
    lookup: LookupHost,
    handler: Option<H>,
}

impl<H> StartServer<H> {
    pub(super) const fn new(lookup: LookupHost, handler: H) -> Self {
        Self {
            lookup,
            handler: Some(handler),
        }
    }
}

impl<H> Unpin for StartServer<H> {}

impl<H, T> Future for StartServer<H>
where
    H: AsyncFn(Reader<OwnedReadHalf>, Writer<OwnedWriteHalf>) -> T + 'static,
    T: Served + 'static,
{
    type Output = io::Result<Server>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let addresses: Vec<SocketAddr> = ready!(Pin::new(&mut this.lookup).poll(cx))?.collect();
        let listeners = listen_on_all(&addresses)?;
        let handler = this.handler.take().expect("polled after it was ready");
        Poll::Ready(Server::start(listeners, handler))
    }
}

/// Listens on every address; on all with one port where the system chooses.
fn listen_on_all(addresses: &[SocketAddr]) -> io::Result<Vec<TcpListener>> {
    let chooses = addresses.iter().any(|address| address.port() == 0);
    // A port that was free on one address may be taken on another. Kept, so that the system chooses
    // a different one each time.
    let mut spent = Vec::new();
    loop {
        let mut listeners = Vec::new();
        match listen_on_each(addresses, &mut listeners) {
            Ok(()) => return Ok(listeners),
            Err(error)
                if chooses
                    && error.kind() == io::ErrorKind::AddrInUse
                    && !listeners.is_empty()
                    && spent.len() < MOST_PORTS =>
            {
                spent.push(listeners);
            }
            Err(error) => return Err(error),
        }
    }
}

/// Ports that the system is asked for, one after the other.
const MOST_PORTS: usize = 64;

/// Addresses that this machine has not are passed over as long as one is left (`localhost` often
/// names an IPv6 address that is not there).
fn listen_on_each(addresses: &[SocketAddr], listeners: &mut Vec<TcpListener>) -> io::Result<()> {
    let mut absent = None;
    for address in addresses {
        let mut address = *address;
        if let (0, Some(first)) = (address.port(), listeners.first()) {
            address.set_port(first.local_addr()?.port());
        }
        match calls::listen(address, BACKLOG, addresses.len() > 1) {
            Ok(listener) => listeners.push(TcpListener::fresh(Async::new_nonblocking(listener))),
            Err(error) if calls::is_absent(&error) => absent = Some(error),
            Err(error) => return Err(error),
        }
    }
    match (listeners.is_empty(), absent) {
        (true, Some(error)) => Err(error),
        _ => Ok(()),
    }
}

/// Future of [`open_connection`](super::open_connection).
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct OpenConnection {
    connect: Connect,
}

impl OpenConnection {
    pub(super) const fn new(connect: Connect) -> Self {
        Self { connect }
    }
}

impl Future for OpenConnection {
    type Output = io::Result<(Reader<OwnedReadHalf>, Writer<OwnedWriteHalf>)>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (read, write) = ready!(Pin::new(&mut self.connect).poll(cx))?.into_split();
        Poll::Ready(Ok((Reader::new(read), Writer::new(write))))
    }
}

/// Future of [`Server::wait_closed`].
#[must_use = "futures do nothing unless awaited"]
pub struct WaitClosed<'a> {
    server: &'a Server,
    wait: EventWait<'a>,
}

impl<'a> WaitClosed<'a> {
    #[track_caller]
    pub(super) fn new(server: &'a Server) -> Self {
        Self {
            server,
            wait: server.shared.wait_over(),
        }
    }
}

impl Future for WaitClosed<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.wait).poll(cx)
    }
}

/// Future of [`Server::serve_forever`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct ServeForever<'a> {
    wait: WaitClosed<'a>,
}

impl<'a> ServeForever<'a> {
    #[track_caller]
    pub(super) fn new(server: &'a Server) -> Self {
        Self {
            wait: WaitClosed::new(server),
        }
    }
}

impl Future for ServeForever<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.wait).poll(cx)
    }
}

impl Drop for ServeForever<'_> {
    fn drop(&mut self) {
        self.wait.server.close();
    }
}

/// Future of [`Server::drain`].
#[must_use = "futures do nothing unless awaited"]
pub struct DrainServer<'a> {
    wait: WaitClosed<'a>,
    grace: Option<Pin<Box<Sleep>>>,
    cut: usize,
}

impl<'a> DrainServer<'a> {
    #[track_caller]
    pub(super) fn new(server: &'a Server, grace: Duration) -> Self {
        Self {
            wait: WaitClosed::new(server),
            grace: Some(Box::pin(sleep(grace))),
            cut: 0,
        }
    }
}

impl Future for DrainServer<'_> {
    type Output = usize;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<usize> {
        let this = self.get_mut();
        if Pin::new(&mut this.wait).poll(cx).is_ready() {
            return Poll::Ready(this.cut);
        }
        if let Some(grace) = &mut this.grace {
            ready!(grace.as_mut().poll(cx));
            this.grace = None;
            this.cut = this.wait.server.shared.cancel_all();
            ready!(Pin::new(&mut this.wait).poll(cx));
            return Poll::Ready(this.cut);
        }
        Poll::Pending
    }
}

impl<H> fmt::Debug for StartServer<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartServer")
            .field("lookup", &self.lookup)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for WaitClosed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitClosed")
            .field("server", &self.server)
            .field("wait", &self.wait)
            .finish()
    }
}

impl fmt::Debug for DrainServer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DrainServer")
            .field("wait", &self.wait)
            .field("cut", &self.cut)
            .finish_non_exhaustive()
    }
}
