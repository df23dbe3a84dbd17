//! The calls on simulated sockets: [`Network`] as the kernel answers it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr};
use std::os::fd::{OwnedFd, RawFd};
use std::time::Duration;

use myrt_net::world::{End, Ends, Kind, Network};

use crate::kernel::{Kernel, State};
use crate::link::HostId;
use crate::socket::{Role, Socket, SocketId, Stream, code, os};
use crate::tape::Purpose;
use crate::traffic::Packet;

/// The longest datagram of UDP over IPv4.
const LONGEST_DATAGRAM: usize = 65_507;

impl Network for Kernel {
    fn has(&self, fd: RawFd) -> bool {
        self.knows(fd)
    }

    fn socket(&self, kind: Kind, v6: bool) -> io::Result<OwnedFd> {
        let faults = self.state.borrow().faults;
        if self.strikes("EMFILE of socket", faults.errno) {
            return os(code::NO_FILES);
        }
        let Some(host) = self.state.borrow().current else {
            return os(code::NET_DOWN);
        };
        let role = match kind {
            Kind::Stream => Role::Fresh,
            Kind::Datagram => Role::Datagram {
                queue: Default::default(),
            },
        };
        let mut socket = Socket::new(host, role);
        socket.v6 = v6;
        self.open(socket)
    }

    fn bind(&self, fd: RawFd, address: SocketAddr) -> io::Result<()> {
        self.reap();
        self.on(fd, |state, id| state.bind(id, address))
    }

    fn listen(&self, fd: RawFd, backlog: i32) -> io::Result<()> {
        self.on(fd, |state, id| {
            if state.socket(id).local.is_none() {
                let any = unspecified(state.socket(id).v6);
                state.bind(id, any)?;
            }
            let backlog = usize::try_from(backlog).unwrap_or(0);
            let role = &mut state.socket(id).role;
            match role {
                Role::Fresh => {
                    *role = Role::Listener {
                        queue: Default::default(),
                        backlog,
                    };
                }
                Role::Listener { backlog: kept, .. } => *kept = backlog,
                _ => return os(code::INVALID),
            }
            Ok(())
        })
    }

    fn connect(&self, fd: RawFd, address: SocketAddr) -> io::Result<bool> {
        self.on(fd, |state, id| {
            let socket = state.socket(id);
            let host = socket.host;
            match &socket.role {
                Role::Fresh | Role::Datagram { .. } => {}
                Role::Stream(stream) if stream.connecting => return os(code::ALREADY),
                Role::Stream(_) => return os(code::IS_CONNECTED),
                Role::Listener { .. } => return os(code::INVALID),
            }
            let Some(to) = state.machine_of(host, address.ip()) else {
                return unreachable(address);
            };
            let address = meant(address);
            state.name_local(id, address)?;
            let client = state.socket(id);
            client.peer = Some(address);
            if matches!(client.role, Role::Datagram { .. }) {
                return Ok(true);
            }
            let (from, window) = (client.local.unwrap_or(address), client.receive_buffer);
            client.role = Role::Stream(Stream {
                connecting: true,
                ..Stream::default()
            });
            let packet = Packet::Syn {
                client: id,
                from,
                to: address,
                window,
            };
            state.send(host, to, packet, self);
            Ok(false)
        })
    }

    fn accept(&self, fd: RawFd) -> io::Result<(OwnedFd, SocketAddr)> {
        let faults = self.state.borrow().faults;
        let id = self.on(fd, |state, id| match &mut state.socket(id).role {
            Role::Listener { queue, .. } if queue.is_empty() => os(code::AGAIN),
            Role::Listener { .. } => {
                if self.strikes("a failed accept", faults.errno) {
                    let errors = [code::ABORTED, code::NO_FILES, code::NO_BUFFERS];
                    let now = self.now.get();
                    let which = self.tapes.draw(Purpose::Fault, "which of accept", 3, now);
                    state.notify(id); // the connection is still there
                    return os(errors[which as usize]);
                }
                let Role::Listener { queue, .. } = &mut state.socket(id).role else {
                    return os(code::INVALID);
                };
                let next = queue.pop_front();
                let more = !queue.is_empty();
                if more {
                    state.notify(id);
                }
                next.map_or_else(|| os(code::AGAIN), Ok)
            }
            _ => os(code::INVALID),
        })?;
        let peer = self.state.borrow_mut().socket(id).peer;
        let peer = peer.unwrap_or_else(|| unspecified(false));
        Ok((self.give_placeholder(id)?, peer))
    }

    fn take_error(&self, fd: RawFd) -> io::Result<Option<io::Error>> {
        self.on(fd, |state, id| {
            let error = state.socket(id).error.take();
            Ok(error.map(io::Error::from_raw_os_error))
        })
    }

    fn read(&self, fd: RawFd, buf: &mut [u8], peek: bool) -> io::Result<usize> {
        let faults = self.state.borrow().faults;
        self.on(fd, |state, id| {
            let socket = state.socket(id);
            let Role::Stream(stream) = &mut socket.role else {
                return os(code::NOT_CONNECTED);
            };
            if stream.connecting {
                return os(code::AGAIN);
            }
            if stream.inbox.is_empty() {
                // After the peer's end Linux says so for ever, whatever error came later.
                if stream.ended {
                    return Ok(0);
                }
                let over = stream.shut_read || stream.reset;
                socket.take_error()?;
                return if over { Ok(0) } else { os(code::AGAIN) };
            }
            let there = stream.inbox.len().min(buf.len());
            let count = match self.short(there, faults.short_io, "a short read") {
                Some(count) => count,
                None => {
                    state.notify(id);
                    return os(code::AGAIN);
                }
            };
            let (front, back) = stream.inbox.as_slices();
            let first = count.min(front.len());
            buf[..first].copy_from_slice(&front[..first]);
            buf[first..count].copy_from_slice(&back[..count - first]);
            if peek {
                return Ok(count);
            }
            stream.inbox.drain(..count);
            let (to, left) = (stream.other, stream.inbox.len());
            if count < buf.len() && left > 0 {
                state.notify(id); // a short count says "drained" to who reads
            }
            state.send_to_peer(id, Packet::Window { to, bytes: count }, self);
            state.note(self, [id, count as u64, 1]);
            Ok(count)
        })
    }

    fn write(&self, fd: RawFd, buf: &[u8]) -> io::Result<usize> {
        let faults = self.state.borrow().faults;
        self.on(fd, |state, id| {
            let socket = state.socket(id);
            let Role::Stream(stream) = &mut socket.role else {
                return os(code::PIPE);
            };
            if stream.connecting {
                return os(code::AGAIN);
            }
            let over = stream.reset || stream.shut_write;
            if over || socket.error.is_some() {
                socket.take_error()?;
                return os(code::PIPE);
            }
            let room = stream.window.saturating_sub(stream.unread);
            if room == 0 {
                stream.wants_room = true;
                return os(code::AGAIN);
            }
            let possible = buf.len().min(room);
            let count = match self.short(possible, faults.short_io, "a short write") {
                Some(count) => count,
                None => {
                    state.notify(id);
                    return os(code::AGAIN);
                }
            };
            stream.unread += count;
            stream.wants_room = count < buf.len();
            let packet = Packet::Segment {
                from: id,
                to: stream.other,
                number: stream.next_out,
                bytes: Some(buf[..count].to_vec()),
            };
            stream.next_out += 1;
            if count < possible {
                state.notify(id);
            }
            state.note(self, [id, count as u64, 2]);
            match state.send_to_peer(id, packet, self) {
                true => Ok(count),
                false => os(code::PIPE),
            }
        })
    }

    fn shutdown(&self, fd: RawFd, how: Shutdown) -> io::Result<()> {
        self.on(fd, |state, id| {
            let socket = state.socket(id);
            let Role::Stream(stream) = &mut socket.role else {
                return os(code::NOT_CONNECTED);
            };
            if stream.connecting || stream.reset {
                return os(code::NOT_CONNECTED);
            }
            if how != Shutdown::Write {
                stream.shut_read = true;
            }
            if how != Shutdown::Read && !stream.shut_write {
                stream.shut_write = true;
                let packet = Packet::Segment {
                    from: id,
                    to: stream.other,
                    number: stream.next_out,
                    bytes: None,
                };
                stream.next_out += 1;
                state.send_to_peer(id, packet, self);
            }
            state.notify(id);
            Ok(())
        })
    }

    fn send_to(&self, fd: RawFd, datagram: &[u8], to: Option<SocketAddr>) -> io::Result<usize> {
        let faults = self.state.borrow().faults;
        self.on(fd, |state, id| {
            let socket = state.socket(id);
            let host = socket.host;
            socket.take_error()?;
            let Some(to) = to.or(socket.peer) else {
                return os(code::NO_DESTINATION);
            };
            if datagram.len() > LONGEST_DATAGRAM {
                return os(code::TOO_LONG);
            }
            if self.strikes("ENOBUFS of a send", faults.errno) {
                return os(code::NO_BUFFERS);
            }
            let Some(machine) = state.machine_of(host, to.ip()) else {
                return unreachable(to).map(|_| 0);
            };
            let to = meant(to);
            state.name_local(id, to)?;
            let mut from = state.socket(id).local.unwrap_or(to);
            if from.ip().is_unspecified() {
                from.set_ip(state.source(host, to.ip()));
            }
            let packet = Packet::Datagram {
                socket: id,
                from,
                to,
                bytes: datagram.to_vec(),
            };
            state.send(host, machine, packet, self);
            Ok(datagram.len())
        })
    }

    fn recv_from(&self, fd: RawFd, buf: &mut [u8], peek: bool) -> io::Result<(usize, SocketAddr)> {
        self.on(fd, |state, id| {
            let socket = state.socket(id);
            socket.take_error()?;
            let Role::Datagram { queue } = &mut socket.role else {
                return os(code::INVALID);
            };
            let Some((peer, bytes)) = queue.front() else {
                return os(code::AGAIN);
            };
            let count = bytes.len().min(buf.len());
            buf[..count].copy_from_slice(&bytes[..count]);
            let peer = *peer;
            if !peek {
                queue.pop_front();
            }
            state.note(self, [id, count as u64, 3]);
            Ok((count, peer))
        })
    }

    fn ends(&self, fd: RawFd) -> io::Result<Ends> {
        self.on(fd, |state, id| {
            let socket = state.socket(id);
            let error = socket.error.is_some();
            let (read_closed, hung_up) = match &socket.role {
                // A socket that is in no connection hangs, see poll(2).
                Role::Fresh => (true, true),
                Role::Stream(stream) => {
                    let over = stream.ended || stream.reset || stream.shut_read;
                    (over, stream.reset || (over && stream.shut_write))
                }
                Role::Listener { .. } | Role::Datagram { .. } => (false, false),
            };
            Ok(Ends {
                read_closed,
                write_closed: hung_up || error,
                error,
            })
        })
    }

    fn name(&self, fd: RawFd, end: End) -> io::Result<SocketAddr> {
        self.on(fd, |state, id| {
            let socket = state.socket(id);
            match end {
                End::Local => Ok(socket.local.unwrap_or_else(|| unspecified(socket.v6))),
                End::Peer => {
                    let connected = match &socket.role {
                        Role::Stream(stream) => !stream.connecting && !stream.reset,
                        Role::Datagram { .. } => true,
                        _ => false,
                    };
                    let peer = socket.peer.filter(|_| connected);
                    peer.map_or_else(|| os(code::NOT_CONNECTED), Ok)
                }
            }
        })
    }

    fn set_linger(&self, fd: RawFd, linger: Option<Duration>) -> io::Result<()> {
        self.on(fd, |state, id| {
            state.socket(id).linger_zero = linger == Some(Duration::ZERO);
            Ok(())
        })
    }

    fn set_buffer(&self, fd: RawFd, receive: bool, bytes: usize) -> io::Result<()> {
        // As Linux: doubled, and no less than this.
        let bytes = bytes.saturating_mul(2).max(2304);
        self.on(fd, |state, id| {
            let socket = state.socket(id);
            match receive {
                true => socket.receive_buffer = bytes,
                false => socket.send_buffer = bytes,
            }
            Ok(())
        })
    }

    fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let state = self.state.borrow();
        if host == "localhost" {
            return Ok(vec![Ipv4Addr::LOCALHOST.into()]);
        }
        let found = state.machines.iter().find(|machine| machine.name == host);
        match found {
            Some(machine) => Ok(vec![machine.ip.into()]),
            None => Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!("no host of this world is called {host:?}"),
            )),
        }
    }
}

impl Kernel {
    /// How much of a transfer is made, where it may come short. None: try again.
    fn short(&self, possible: usize, p: f64, what: &'static str) -> Option<usize> {
        if possible == 0 || !self.strikes(what, p) {
            return Some(possible);
        }
        let now = self.now.get();
        let less = self
            .tapes
            .draw(Purpose::Fault, what, possible as u64 + 1, now) as usize;
        match possible - less.min(possible) {
            0 => None,
            count => Some(count),
        }
    }
}

impl State {
    /// Gives a socket that has no name yet one that reaches `to`.
    fn name_local(&mut self, id: SocketId, to: SocketAddr) -> io::Result<()> {
        let socket = self.socket(id);
        let host = socket.host;
        let datagram = matches!(socket.role, Role::Datagram { .. });
        match socket.local {
            Some(local) if local.ip().is_unspecified() && !datagram => {
                let ip = self.source(host, to.ip());
                self.socket(id).local = Some(SocketAddr::new(ip, local.port()));
            }
            Some(_) => {}
            None => {
                let port = self.free_port(host, datagram);
                let port = port.ok_or(io::ErrorKind::AddrNotAvailable)?;
                let ip = match datagram {
                    true => unspecified(to.is_ipv6()).ip(),
                    false => self.source(host, to.ip()),
                };
                self.socket(id).local = Some(SocketAddr::new(ip, port));
                self.take_port(id);
            }
        }
        Ok(())
    }

    /// The own address that a message to `to` comes from.
    fn source(&self, host: HostId, to: IpAddr) -> IpAddr {
        match to.is_loopback() {
            true => to,
            false => self.machines[host].ip.into(),
        }
    }
}

/// Linux takes "any address" as a target for the own machine.
fn meant(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        ip => address.set_ip(ip.to_canonical()),
    }
    address
}

fn unspecified(v6: bool) -> SocketAddr {
    match v6 {
        true => SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), 0),
        false => SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0),
    }
}

fn unreachable(address: SocketAddr) -> io::Result<bool> {
    let code = io::Error::from_raw_os_error(code::NET_UNREACHABLE);
    let message = format!("{address} is no host of this simulated world ({code})");
    Err(io::Error::new(code.kind(), message))
}
