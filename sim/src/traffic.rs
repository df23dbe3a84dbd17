//! Messages on their way, and what each does where it arrives.
//!
//! TCP never loses a byte and keeps its order: what the network loses is sent again and comes
//! later. UDP loses and reorders.

use std::net::SocketAddr;

use crate::kernel::{Kernel, State};
use crate::link::{Fate, HostId, RETRY};
use crate::socket::{Role, Socket, SocketId, Stream, code};

/// A message on its way.
pub(crate) enum Packet {
    Syn {
        client: SocketId,
        from: SocketAddr,
        to: SocketAddr,
        window: usize,
    },
    SynAck {
        client: SocketId,
        server: SocketId,
        window: usize,
    },
    /// The client has heard it: the connection may be accepted.
    Ack {
        client: SocketId,
        server: SocketId,
    },
    Refused {
        client: SocketId,
    },
    /// The bytes of a connection; none: its end.
    Segment {
        from: SocketId,
        to: SocketId,
        number: u64,
        bytes: Option<Vec<u8>>,
    },
    Reset {
        to: SocketId,
    },
    /// The peer's program has read these bytes: there is room again.
    Window {
        to: SocketId,
        bytes: usize,
    },
    Datagram {
        socket: SocketId,
        from: SocketAddr,
        to: SocketAddr,
        bytes: Vec<u8>,
    },
    /// Nobody has that port.
    Unreachable {
        to: SocketId,
        address: SocketAddr,
    },
}

/// A message with its way.
pub(crate) struct Flight {
    pub(crate) from: HostId,
    pub(crate) to: HostId,
    /// Of the sender: a host that lost its power sends nothing again.
    epoch: u64,
    tries: u32,
    packet: Packet,
}

impl Packet {
    fn kind(&self) -> u64 {
        match self {
            Self::Syn { .. } => 1,
            Self::SynAck { .. } => 2,
            Self::Refused { .. } => 3,
            Self::Segment { .. } => 4,
            Self::Reset { .. } => 5,
            Self::Window { .. } => 6,
            Self::Datagram { .. } => 7,
            Self::Unreachable { .. } => 8,
            Self::Ack { .. } => 9,
        }
    }
}

impl State {
    /// Sends a message to another host, or the own one.
    pub(crate) fn send(&mut self, from: HostId, to: HostId, packet: Packet, kernel: &Kernel) {
        let bytes = match &packet {
            Packet::Segment {
                bytes: Some(bytes), ..
            }
            | Packet::Datagram { bytes, .. } => bytes.len(),
            _ => 0,
        };
        let reliable = !matches!(packet, Packet::Datagram { .. } | Packet::Unreachable { .. });
        let now = kernel.now.get();
        let Fate::After(delay) = self
            .links
            .fate((from, to), bytes, reliable, &kernel.tapes, now)
        else {
            return;
        };
        let epoch = self.machines[from].epoch;
        let flight = Flight {
            from,
            to,
            epoch,
            tries: 0,
            packet,
        };
        self.fly(now + delay, flight);
    }

    pub(crate) fn fly(&mut self, arrives: u64, flight: Flight) {
        self.last_flight += 1;
        self.flights.insert((arrives, self.last_flight), flight);
    }

    /// A message is at the end of its way.
    pub(crate) fn arrive(&mut self, flight: Flight, kernel: &Kernel) {
        let way = (flight.from, flight.to);
        if self.links.held.contains(&way) {
            self.held.push(flight);
            return;
        }
        if self.links.cut.contains(&way)
            || !self.machines[flight.to].up
            || self.finds_backlog_full(&flight)
        {
            self.again(flight, kernel);
            return;
        }
        let (from, to) = way;
        self.note(kernel, [from as u64, to as u64, flight.packet.kind()]);
        match flight.packet {
            Packet::Syn {
                client,
                from: peer,
                to: address,
                window,
            } => {
                self.syn(way, client, peer, address, window, kernel);
            }
            Packet::SynAck {
                client,
                server,
                window,
            } => self.connected(way, client, server, window, kernel),
            Packet::Ack { client, server } => {
                if !self.establish(server) {
                    self.send(to, from, Packet::Reset { to: client }, kernel);
                }
            }
            Packet::Refused { client } => {
                if let Some(socket) = self.sockets.get_mut(&client) {
                    socket.error = Some(code::REFUSED);
                    socket.role = Role::Fresh;
                }
                self.notify(client);
            }
            Packet::Segment {
                from: sender,
                to: id,
                number,
                bytes,
            } => {
                let known = self
                    .sockets
                    .get(&id)
                    .is_some_and(|it| !it.dead && it.host == to);
                if known && self.establish(id) {
                    if bytes.is_some() && self.has_shut_down(id) {
                        // RFC 1122, 4.2.2.13: nobody can read it, so the sender is told.
                        self.reset(id);
                        self.send(to, from, Packet::Reset { to: sender }, kernel);
                        return;
                    }
                    self.segment(id, number, bytes, kernel);
                } else if bytes.is_some() || !self.has_ended(sender) {
                    self.send(to, from, Packet::Reset { to: sender }, kernel);
                }
            }
            Packet::Reset { to: id } => self.reset(id),
            Packet::Window { to: id, bytes } => self.room(id, bytes),
            Packet::Datagram {
                socket,
                from: peer,
                to: address,
                bytes,
            } => match self.receiver(to, true, address, peer) {
                Some(id) => self.datagram(id, peer, bytes),
                None => {
                    let packet = Packet::Unreachable {
                        to: socket,
                        address,
                    };
                    self.send(to, from, packet, kernel);
                }
            },
            Packet::Unreachable { to: id, address } => {
                // Only who is connected to that very port is told, see udp(7).
                let told = self.sockets.get_mut(&id);
                if let Some(socket) = told.filter(|it| it.peer == Some(address)) {
                    socket.error = Some(code::REFUSED);
                    self.notify(id);
                }
            }
        }
    }

    /// A message that the network does not let through, or whose host is down: what is reliable is
    /// sent again, until its sender gives up.
    fn again(&mut self, mut flight: Flight, kernel: &Kernel) {
        if self.machines[flight.from].epoch != flight.epoch {
            return;
        }
        flight.tries += 1;
        let (sender, most, first) = match &flight.packet {
            // tcp_syn_retries: 1 + 2 + … + 64 s.
            Packet::Syn { client, .. } | Packet::SynAck { client, .. } => {
                (*client, 7, 1_000_000_000)
            }
            Packet::Ack { .. } => (0, 7, 1_000_000_000),
            // tcp_retries2: about a quarter of an hour.
            Packet::Segment { from, .. } => (*from, 15, RETRY),
            Packet::Window { .. } | Packet::Refused { .. } => (0, 15, RETRY),
            _ => return,
        };
        if flight.tries > most {
            if let Some(socket) = self.sockets.get_mut(&sender) {
                socket.error = Some(code::TIMED_OUT);
                match &mut socket.role {
                    Role::Stream(stream) if !stream.connecting => stream.reset = true,
                    role => *role = Role::Fresh,
                }
            }
            self.notify(sender);
            return;
        }
        let wait = (first << (flight.tries - 1)).min(120_000_000_000);
        self.fly(kernel.now.get() + wait, flight);
    }

    fn syn(
        &mut self,
        (from, to): (HostId, HostId),
        client: SocketId,
        peer: SocketAddr,
        address: SocketAddr,
        window: usize,
        kernel: &Kernel,
    ) {
        let Some(listener) = self.receiver(to, false, address, peer) else {
            self.send(to, from, Packet::Refused { client }, kernel);
            return;
        };
        let receive_buffer = self.socket(listener).receive_buffer;
        let mut socket = Socket::new(to, Role::Fresh);
        socket.local = Some(address);
        socket.peer = Some(peer);
        socket.receive_buffer = receive_buffer;
        socket.role = Role::Stream(Stream {
            other: client,
            window: window + socket.send_buffer,
            ..Stream::default()
        });
        socket.listener = Some(listener);
        let server = self.insert(socket);
        let packet = Packet::SynAck {
            client,
            server,
            window: receive_buffer,
        };
        self.send(to, from, packet, kernel);
    }

    fn connected(
        &mut self,
        (from, to): (HostId, HostId),
        client: SocketId,
        server: SocketId,
        window: usize,
        kernel: &Kernel,
    ) {
        let send_buffer = self.sockets.get(&client).map_or(0, |it| it.send_buffer);
        let stream = self
            .sockets
            .get_mut(&client)
            .filter(|it| !it.dead)
            .and_then(Socket::stream);
        match stream.filter(|it| it.connecting) {
            Some(stream) => {
                stream.connecting = false;
                stream.other = server;
                stream.window = window + send_buffer;
                self.notify(client);
                self.send(to, from, Packet::Ack { client, server }, kernel);
            }
            // The client has given up.
            None => self.send(to, from, Packet::Reset { to: server }, kernel),
        }
    }

    /// Whether a listener has no place yet for the connection that this begins or establishes.
    /// Linux drops it, and it is sent again.
    fn finds_backlog_full(&self, flight: &Flight) -> bool {
        let listener = match &flight.packet {
            Packet::Syn { from, to, .. } => self.receiver(flight.to, false, *to, *from),
            Packet::Ack { server: id, .. } | Packet::Segment { to: id, .. } => {
                self.sockets.get(id).and_then(|it| it.listener)
            }
            _ => None,
        };
        let listener = listener.and_then(|id| self.sockets.get(&id));
        match listener.map(|it| &it.role) {
            Some(Role::Listener { queue, backlog }) => queue.len() > *backlog,
            _ => false,
        }
    }

    /// The client of a connection is heard: it may be accepted. False: nobody listens any more.
    fn establish(&mut self, id: SocketId) -> bool {
        let Some(socket) = self.sockets.get_mut(&id).filter(|it| !it.dead) else {
            return false;
        };
        let Some(listener) = socket.listener.take() else {
            return true;
        };
        match self.sockets.get_mut(&listener).map(|it| &mut it.role) {
            Some(Role::Listener { queue, .. }) => {
                queue.push_back(id);
                self.notify(listener);
                true
            }
            _ => {
                self.sockets.remove(&id);
                false
            }
        }
    }

    /// Whether the peer of a connection has closed it: it then waits for this end's own end, which
    /// is no surprise.
    fn has_ended(&mut self, id: SocketId) -> bool {
        let stream = self.sockets.get_mut(&id).and_then(Socket::stream);
        stream.is_none_or(|it| it.ended)
    }

    /// Whether both directions of a connection were shut down here.
    fn has_shut_down(&mut self, id: SocketId) -> bool {
        let stream = self.socket(id).stream();
        stream.is_some_and(|it| it.shut_read && it.shut_write && !it.ended)
    }

    fn segment(&mut self, id: SocketId, number: u64, bytes: Option<Vec<u8>>, kernel: &Kernel) {
        let Some(stream) = self.socket(id).stream() else {
            return;
        };
        if stream.reset {
            return;
        }
        stream.early.insert(number, bytes);
        let before = stream.next_in;
        while let Some(next) = stream.early.remove(&stream.next_in) {
            stream.next_in += 1;
            match next {
                Some(bytes) => stream.inbox.extend(bytes),
                None => stream.ended = true,
            }
        }
        if stream.next_in > before {
            let length = stream.inbox.len() as u64;
            self.note(kernel, [id, number, length]);
            self.notify(id);
        }
    }

    /// The connection is reset by its peer.
    pub(crate) fn reset(&mut self, id: SocketId) {
        let Some(socket) = self.sockets.get_mut(&id).filter(|it| !it.dead) else {
            return;
        };
        if socket.listener.is_some() {
            self.sockets.remove(&id); // never accepted
            return;
        }
        let Role::Stream(stream) = &mut socket.role else {
            return;
        };
        if stream.reset {
            return;
        }
        let connecting = stream.connecting;
        let ended = stream.ended;
        stream.reset = true;
        stream.connecting = false;
        socket.error = Some(match (connecting, ended) {
            (true, _) => code::REFUSED,
            (_, true) => code::PIPE,
            _ => code::RESET,
        });
        self.notify(id);
    }

    fn room(&mut self, id: SocketId, bytes: usize) {
        let Some(stream) = self.sockets.get_mut(&id).and_then(Socket::stream) else {
            return;
        };
        stream.unread = stream.unread.saturating_sub(bytes);
        // As Linux: told when a third is free.
        if stream.wants_room && stream.unread <= stream.window / 3 * 2 {
            stream.wants_room = false;
            self.notify(id);
        }
    }

    fn datagram(&mut self, id: SocketId, peer: SocketAddr, bytes: Vec<u8>) {
        let Some(socket) = self.sockets.get_mut(&id) else {
            return;
        };
        if let Role::Datagram { queue } = &mut socket.role {
            let held: usize = queue.iter().map(|(_, bytes)| bytes.len()).sum();
            if held + bytes.len() <= socket.receive_buffer {
                queue.push_back((peer, bytes));
            }
        }
        self.notify(id);
    }
}
