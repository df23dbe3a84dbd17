//! The simulated kernel: hosts, their sockets, and the messages on their way.
//!
//! Sockets behave as Linux's. A message between two hosts takes its time; within a host it takes
//! none, but comes in a later step.
//!
//! The user's descriptor is a placeholder: one end of a real pair, so that `AsFd`, duplicates and
//! limits are the system's own. The kernel keeps the other end, which ends when the user's last
//! copy is closed.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;

use myrt_runtime::simulated::{Change, Readiness};

use crate::chaos::Faults;
use crate::link::{HostId, Links};
use crate::socket::{Role, Socket, SocketId, code, os};
use crate::tape::{Purpose, Tapes};
use crate::traffic::{Flight, Packet};

/// A host, as the network sees it.
pub(crate) struct Machine {
    pub(crate) name: String,
    pub(crate) ip: Ipv4Addr,
    pub(crate) up: bool,
    pub(crate) epoch: u64,
    ready: VecDeque<Change>,
    next_port: u16,
    ports: BTreeMap<(bool, u16), Vec<SocketId>>,
}

pub(crate) struct State {
    pub(crate) machines: Vec<Machine>,
    pub(crate) links: Links,
    pub(crate) faults: Faults,
    /// Whose calls these are; none: a host without power, whose destructors run.
    pub(crate) current: Option<HostId>,
    pub(crate) sockets: BTreeMap<SocketId, Socket>,
    by_fd: BTreeMap<RawFd, SocketId>,
    /// What no selector watches: whether it was closed is asked.
    unwatched: BTreeSet<SocketId>,
    pub(crate) flights: BTreeMap<(u64, u64), Flight>,
    pub(crate) held: Vec<Flight>,
    last_socket: SocketId,
    pub(crate) last_flight: u64,
    pub(crate) events: u64,
    pub(crate) hash: u64,
}

/// See the module's head.
pub(crate) struct Kernel {
    pub(crate) now: Cell<u64>,
    pub(crate) tapes: Tapes,
    pub(crate) state: RefCell<State>,
}

/// The ports that are given out where none is chosen (Linux's range).
const EPHEMERAL: (u16, u16) = (32_768, 60_999);

impl Kernel {
    pub(crate) fn new(now: u64, tapes: Tapes) -> Rc<Self> {
        Rc::new(Self {
            now: Cell::new(now),
            tapes,
            state: RefCell::new(State {
                machines: Vec::new(),
                links: Links::new(),
                faults: Faults::default(),
                current: None,
                sockets: BTreeMap::new(),
                by_fd: BTreeMap::new(),
                unwatched: BTreeSet::new(),
                flights: BTreeMap::new(),
                held: Vec::new(),
                last_socket: 0,
                last_flight: 0,
                events: 0,
                hash: 0xcbf2_9ce4_8422_2325,
            }),
        })
    }

    /// Adds a host; its address is the next one of 10.0.0.0/16.
    pub(crate) fn add_machine(&self, name: &str) -> HostId {
        let mut state = self.state.borrow_mut();
        let id = state.machines.len();
        let number = u16::try_from(id + 1).expect("at most 65,534 hosts in a world");
        let [high, low] = number.to_be_bytes();
        state.machines.push(Machine {
            name: name.to_owned(),
            ip: Ipv4Addr::new(10, 0, high, low),
            up: true,
            epoch: 0,
            ready: VecDeque::new(),
            next_port: EPHEMERAL.0,
            ports: BTreeMap::new(),
        });
        id
    }

    pub(crate) fn has_changes(&self, host: HostId) -> bool {
        !self.state.borrow().machines[host].ready.is_empty()
    }

    /// When the next message arrives.
    pub(crate) fn next_arrival(&self) -> Option<u64> {
        self.state.borrow().flights.keys().next().map(|key| key.0)
    }

    /// Delivers the messages whose time has come.
    pub(crate) fn deliver(&self) {
        let now = self.now.get();
        let mut state = self.state.borrow_mut();
        while let Some(entry) = state.flights.first_entry().filter(|it| it.key().0 <= now) {
            let flight = entry.remove();
            state.events += 1;
            state.arrive(flight, self);
        }
    }

    /// Notices what was closed.
    pub(crate) fn reap(&self) {
        let mut state = self.state.borrow_mut();
        let ids: Vec<SocketId> = state.unwatched.iter().copied().collect();
        for id in ids {
            let Some(socket) = state.sockets.get_mut(&id) else {
                state.unwatched.remove(&id);
                continue;
            };
            let closed = match &mut socket.witness {
                Some(witness) => matches!(witness.read(&mut [0]), Ok(0)),
                None => false,
            };
            if closed {
                state.close(id, self);
            }
        }
    }

    /// A host loses its power: its sockets are shells from here on, and say nothing to anyone.
    pub(crate) fn cut_power(&self, host: HostId) {
        let mut state = self.state.borrow_mut();
        let state = &mut *state;
        let machine = &mut state.machines[host];
        machine.up = false;
        machine.epoch += 1;
        machine.ready.clear();
        machine.ports.clear();
        for (id, socket) in &mut state.sockets {
            if socket.host == host && !socket.dead {
                socket.dead = true;
                socket.token = None;
                state.unwatched.insert(*id);
            }
        }
        // What waits to be accepted has no descriptor that could be closed.
        state
            .sockets
            .retain(|_, socket| !(socket.dead && socket.fd.is_none()));
    }

    pub(crate) fn power_on(&self, host: HostId) {
        self.state.borrow_mut().machines[host].up = true;
    }

    /// Both ends of every connection between two hosts are reset.
    pub(crate) fn reset_between(&self, a: HostId, b: HostId) {
        let mut state = self.state.borrow_mut();
        let ips = [state.machines[a].ip, state.machines[b].ip].map(IpAddr::V4);
        let between = |socket: &Socket| {
            let peer = socket.peer.map(|it| it.ip());
            (socket.host == a && peer == Some(ips[1])) || (socket.host == b && peer == Some(ips[0]))
        };
        let connections = state
            .sockets
            .iter_mut()
            .filter(|(_, socket)| between(socket) && matches!(socket.role, Role::Stream(_)));
        let ids: Vec<SocketId> = connections.map(|(id, _)| *id).collect();
        for id in ids {
            state.reset(id);
        }
    }

    /// Lets go what [`Links::held`] keeps no more.
    pub(crate) fn release(&self) {
        let mut state = self.state.borrow_mut();
        for flight in std::mem::take(&mut state.held) {
            if state.links.held.contains(&(flight.from, flight.to)) {
                state.held.push(flight);
            } else {
                state.fly(self.now.get(), flight);
            }
        }
    }

    /// Open sockets of a host, for reports.
    pub(crate) fn sockets_of(&self, host: HostId) -> usize {
        let state = self.state.borrow();
        let of_host = |socket: &&Socket| socket.host == host && !socket.dead;
        state.sockets.values().filter(of_host).count()
    }

    /// Makes a socket with its placeholder.
    pub(crate) fn open(&self, socket: Socket) -> io::Result<OwnedFd> {
        let id = self.state.borrow_mut().insert(socket);
        self.give_placeholder(id).inspect_err(|_| {
            self.state.borrow_mut().sockets.remove(&id);
        })
    }

    /// Gives a socket the user's descriptor.
    pub(crate) fn give_placeholder(&self, id: SocketId) -> io::Result<OwnedFd> {
        // The new descriptor may have the number of one that was closed in this step. Whether it
        // has is the system's business, so closed ones are noticed here in any case.
        self.reap();
        let (user, witness) = UnixStream::pair()?;
        user.set_nonblocking(true)?;
        witness.set_nonblocking(true)?;
        let fd = user.as_raw_fd();
        let mut state = self.state.borrow_mut();
        let socket = state.socket(id);
        socket.fd = Some(fd);
        socket.witness = Some(witness);
        // A number that is given out again was closed before.
        if let Some(before) = state.by_fd.remove(&fd) {
            state.close(before, self);
        }
        state.by_fd.insert(fd, id);
        state.unwatched.insert(id);
        Ok(user.into())
    }

    /// Runs a call on a socket of the host that calls.
    pub(crate) fn on<R>(
        &self,
        fd: RawFd,
        call: impl FnOnce(&mut State, SocketId) -> io::Result<R>,
    ) -> io::Result<R> {
        let mut state = self.state.borrow_mut();
        let id = *state.by_fd.get(&fd).ok_or(io::ErrorKind::NotFound)?;
        match state.sockets.get(&id) {
            Some(socket) if !socket.dead && state.current == Some(socket.host) => {
                call(&mut state, id)
            }
            _ => os(code::NET_DOWN),
        }
    }

    pub(crate) fn knows(&self, fd: RawFd) -> bool {
        self.state.borrow().by_fd.contains_key(&fd)
    }
}

impl State {
    pub(crate) fn insert(&mut self, socket: Socket) -> SocketId {
        self.last_socket += 1;
        self.sockets.insert(self.last_socket, socket);
        self.last_socket
    }

    pub(crate) fn socket(&mut self, id: SocketId) -> &mut Socket {
        self.sockets
            .get_mut(&id)
            .expect("its caller has looked it up")
    }

    /// The machine that an address means, seen from `host`.
    pub(crate) fn machine_of(&self, host: HostId, ip: IpAddr) -> Option<HostId> {
        if ip.is_loopback() || ip.is_unspecified() {
            return Some(host);
        }
        let is_it = |machine: &Machine| IpAddr::V4(machine.ip) == ip.to_canonical();
        self.machines.iter().position(is_it)
    }

    /// The machine at the other end of a socket.
    fn machine_of_peer(&self, socket: &Socket) -> Option<HostId> {
        let peer = socket.peer?;
        self.machine_of(socket.host, peer.ip())
    }

    /// Sends a message to the machine at the other end of a socket. False: it has no other end.
    pub(crate) fn send_to_peer(&mut self, id: SocketId, packet: Packet, kernel: &Kernel) -> bool {
        let socket = self.sockets.get(&id);
        let way = socket.and_then(|it| Some((it.host, self.machine_of_peer(it)?)));
        if let Some((host, peer)) = way {
            self.send(host, peer, packet, kernel);
        }
        way.is_some()
    }

    /// Who takes what comes from `peer` to `address`: a listener, or a datagram socket. One that is
    /// connected to that peer comes before others, one with that very address before a wildcard.
    pub(crate) fn receiver(
        &self,
        host: HostId,
        datagram: bool,
        address: SocketAddr,
        peer: SocketAddr,
    ) -> Option<SocketId> {
        let all = self.machines[host].ports.get(&(datagram, address.port()))?;
        let rank = |id: &&SocketId| {
            let socket = self.sockets.get(id)?;
            let local = socket.local?.ip();
            let exact = local == address.ip() || local == address.ip().to_canonical();
            let hears = match (&socket.role, socket.peer) {
                (Role::Listener { .. }, _) | (Role::Datagram { .. }, None) => true,
                (Role::Datagram { .. }, Some(its)) => its == peer,
                (Role::Fresh | Role::Stream(_), _) => false,
            };
            let fits = hears && (exact || local.is_unspecified());
            fits.then_some((socket.peer.is_some(), exact))
        };
        let fitting = all.iter().filter(|id| rank(id).is_some());
        fitting.max_by_key(rank).copied()
    }

    /// Binds a socket: port 0 is any that is free.
    pub(crate) fn bind(&mut self, id: SocketId, address: SocketAddr) -> io::Result<()> {
        let (host, datagram) = {
            let socket = self.socket(id);
            if socket.local.is_some() {
                return os(code::INVALID);
            }
            (socket.host, matches!(socket.role, Role::Datagram { .. }))
        };
        if self.machine_of(host, address.ip()) != Some(host) {
            return os(code::NOT_AVAILABLE);
        }
        let port = match address.port() {
            0 => self
                .free_port(host, datagram)
                .ok_or(io::ErrorKind::AddrInUse)?,
            port => port,
        };
        let ip = address.ip();
        let taken = self.machines[host].ports.get(&(datagram, port));
        let clashes = |other: &SocketId| {
            let socket = self.sockets.get(other);
            // A connection keeps no listener from its port (`SO_REUSEADDR`, which we always set).
            socket.is_some_and(|socket| {
                let there = socket.local.map(|it| it.ip());
                let same = there.is_some_and(|there| {
                    there == ip || there.is_unspecified() || ip.is_unspecified()
                });
                same && !matches!(socket.role, Role::Stream(_))
            })
        };
        if taken.is_some_and(|all| all.iter().any(clashes)) {
            return os(code::IN_USE);
        }
        self.socket(id).local = Some(SocketAddr::new(ip, port));
        self.take_port(id);
        Ok(())
    }

    pub(crate) fn take_port(&mut self, id: SocketId) {
        let socket = self.socket(id);
        let (host, datagram) = (socket.host, matches!(socket.role, Role::Datagram { .. }));
        let port = socket.local.map_or(0, |it| it.port());
        self.machines[host]
            .ports
            .entry((datagram, port))
            .or_default()
            .push(id);
    }

    fn leave_port(&mut self, id: SocketId) {
        let Some(socket) = self.sockets.get(&id) else {
            return;
        };
        let datagram = matches!(socket.role, Role::Datagram { .. });
        let Some(local) = socket.local else { return };
        let ports = &mut self.machines[socket.host].ports;
        if let Some(all) = ports.get_mut(&(datagram, local.port())) {
            all.retain(|it| *it != id);
            if all.is_empty() {
                ports.remove(&(datagram, local.port()));
            }
        }
    }

    pub(crate) fn free_port(&mut self, host: HostId, datagram: bool) -> Option<u16> {
        let machine = &mut self.machines[host];
        for _ in EPHEMERAL.0..=EPHEMERAL.1 {
            let port = machine.next_port;
            machine.next_port = if port == EPHEMERAL.1 {
                EPHEMERAL.0
            } else {
                port + 1
            };
            if !machine.ports.contains_key(&(datagram, port)) {
                return Some(port);
            }
        }
        None
    }

    /// Tells the host's selector what is ready of a socket now.
    pub(crate) fn notify(&mut self, id: SocketId) {
        if let Some(socket) = self.sockets.get(&id) {
            if let Some(token) = socket.token {
                let change = socket.change(token);
                if change.readable || change.writable || change.error {
                    self.machines[socket.host].ready.push_back(change);
                }
            }
        }
    }

    fn mix(&mut self, value: u64) {
        self.hash = (self.hash ^ value).wrapping_mul(0x0100_0000_01b3);
    }

    /// Notes something that happened, for the hash of all events.
    pub(crate) fn note(&mut self, kernel: &Kernel, values: [u64; 3]) {
        self.mix(kernel.now.get());
        values.into_iter().for_each(|value| self.mix(value));
    }

    /// The user has closed the last copy of a descriptor.
    fn close(&mut self, id: SocketId, kernel: &Kernel) {
        self.leave_port(id);
        self.unwatched.remove(&id);
        let Some(mut socket) = self.sockets.remove(&id) else {
            return;
        };
        if let Some(fd) = socket.fd {
            if self.by_fd.get(&fd) == Some(&id) {
                self.by_fd.remove(&fd);
            }
        }
        if socket.dead {
            return;
        }
        let (host, peer) = (socket.host, self.machine_of_peer(&socket));
        match &mut socket.role {
            Role::Listener { queue, .. } => {
                for waiting in std::mem::take(queue) {
                    // Nobody will accept it.
                    self.socket(waiting).linger_zero = true;
                    self.close(waiting, kernel);
                }
            }
            Role::Stream(stream) => {
                let unread = !stream.inbox.is_empty() || socket.linger_zero;
                // After both ends the connection is over, and nothing is said of it.
                let over = stream.reset || (stream.ended && stream.shut_write);
                if !over && stream.other != 0 {
                    let Some(peer) = peer else { return };
                    let (from, to, number) = (id, stream.other, stream.next_out);
                    let packet = match unread {
                        true => Packet::Reset { to },
                        false if stream.shut_write => return,
                        false => Packet::Segment {
                            from,
                            to,
                            number,
                            bytes: None,
                        },
                    };
                    self.send(host, peer, packet, kernel);
                }
            }
            Role::Fresh | Role::Datagram { .. } => {}
        }
    }
}

/// One host's selector.
pub(crate) struct HostSelector {
    pub(crate) kernel: Rc<Kernel>,
    pub(crate) host: HostId,
}

impl Readiness for HostSelector {
    fn add(&self, fd: RawFd, token: u64) -> io::Result<()> {
        let mut state = self.kernel.state.borrow_mut();
        let Some(id) = state.by_fd.get(&fd).copied() else {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "this descriptor is none of the simulated world's: see \"What a world has not\" in myrt::sim",
            ));
        };
        state.socket(id).token = Some(token);
        state.unwatched.remove(&id);
        state.notify(id);
        Ok(())
    }

    fn delete(&self, fd: RawFd) {
        let mut state = self.kernel.state.borrow_mut();
        if let Some(id) = state.by_fd.get(&fd).copied() {
            state.socket(id).token = None;
            state.unwatched.insert(id);
        }
    }

    fn next(&self) -> Option<Change> {
        self.kernel.state.borrow_mut().machines[self.host]
            .ready
            .pop_front()
    }
}

impl Kernel {
    /// Whether a fault of that probability happens now.
    pub(crate) fn strikes(&self, what: &'static str, p: f64) -> bool {
        self.tapes.chance(Purpose::Fault, what, p, self.now.get())
    }
}
