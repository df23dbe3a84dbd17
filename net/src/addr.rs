//! Names to addresses: [`ToSocketAddrs`] and [`lookup_host`].
//!
//! A trait of its own, because std's blocks: here an address or a literal resolves on the spot,
//! without the pool, and only a real name goes to `getaddrinfo` on the blocking pool. It knows no
//! socket.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::vec;

use myrt_runtime::task::poll_budget;

use crate::blocking_op::BlockingOp;
use crate::caller::Caller;

/// What can be turned into socket addresses: addresses, `(ip, port)`, `("host", port)`,
/// `"host:port"`, slices of addresses.
///
/// Implemented for the same types as [`std::net::ToSocketAddrs`], and by them only.
pub trait ToSocketAddrs: sealed::Resolve {}

impl<T: sealed::Resolve + ?Sized> ToSocketAddrs for T {}

/// The addresses of a host, in the order in which the system prefers them.
///
/// Literals are answered at once. The lookup of a name cannot be interrupted: dropping this future
/// abandons it, and its thread of the pool stays busy until the system gives up.
///
/// # Errors
/// [`InvalidInput`](io::ErrorKind::InvalidInput) for text that is no `host:port`; else the system's
/// answer with the name in it.
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> std::io::Result<()> {
/// for address in myrt::net::lookup_host("localhost:80").await? {
///     println!("{address}");
/// }
/// # Ok(())
/// # }
/// ```
#[track_caller]
#[doc(alias = "getaddrinfo")]
pub fn lookup_host(host: impl ToSocketAddrs) -> LookupHost {
    LookupHost::new(&host)
}

/// Future of [`lookup_host`]. It is never ready with an empty iterator.
#[must_use = "futures do nothing unless awaited"]
pub struct LookupHost {
    state: State,
    at: Caller,
}

enum State {
    /// What the argument said; `None` once it was acted on.
    Found(Option<io::Result<sealed::Found>>),
    /// On the pool.
    Asking(BlockingOp<io::Result<Vec<SocketAddr>>>),
}

impl LookupHost {
    #[track_caller]
    pub(crate) fn new(host: &(impl ToSocketAddrs + ?Sized)) -> Self {
        Self {
            state: State::Found(Some(host.resolve())),
            at: Location::caller(),
        }
    }

    /// The address, where the argument was just one: nothing to wait for and nothing to allocate.
    pub(crate) const fn single(&self) -> Option<SocketAddr> {
        match &self.state {
            State::Found(Some(Ok(sealed::Found::One(address)))) => Some(*address),
            _ => None,
        }
    }
}

impl Future for LookupHost {
    type Output = io::Result<vec::IntoIter<SocketAddr>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        use std::net::ToSocketAddrs as _;

        let this = self.get_mut();
        loop {
            match &mut this.state {
                State::Found(found) => match ready!(poll_found(found, cx))? {
                    sealed::Found::One(address) => {
                        return Poll::Ready(Ok(vec![address].into_iter()));
                    }
                    sealed::Found::Addresses(list) if list.is_empty() => {
                        return Poll::Ready(Err(nothing()));
                    }
                    sealed::Found::Addresses(list) => return Poll::Ready(Ok(list.into_iter())),
                    sealed::Found::Name { host, port } => {
                        #[cfg(feature = "sim")]
                        if let Some(net) = crate::world::current() {
                            let found = net.resolve(&host)?;
                            let found = found.iter().map(|ip| SocketAddr::new(*ip, port));
                            return Poll::Ready(Ok(found.collect::<Vec<_>>().into_iter()));
                        }
                        let ask = move || match (host.as_str(), port).to_socket_addrs() {
                            Ok(list) => Ok(list.collect()),
                            Err(source) => {
                                Err(io::Error::new(source.kind(), LookupError { host, source }))
                            }
                        };
                        this.state = State::Asking(BlockingOp::begin(ask));
                    }
                },
                State::Asking(work) => {
                    let list = ready!(work.poll(cx, this.at))??;
                    this.state = State::Found(Some(Ok(sealed::Found::Addresses(list))));
                }
            }
        }
    }
}

/// What is known; an answer, but not a question yet to be asked, counts as an operation that was
/// ready.
fn poll_found(
    found: &mut Option<io::Result<sealed::Found>>,
    cx: &mut Context<'_>,
) -> Poll<io::Result<sealed::Found>> {
    if !matches!(found, Some(Ok(sealed::Found::Name { .. }))) {
        ready!(poll_budget(cx));
    }
    Poll::Ready(found.take().expect("polled after it was ready"))
}

impl fmt::Debug for LookupHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LookupHost")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

/// A name that could not be looked up; inside the [`io::Error`].
#[derive(Debug)]
struct LookupError {
    host: String,
    source: io::Error,
}

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot look up {:?}: {}", self.host, self.source)
    }
}

impl Error for LookupError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

fn nothing() -> io::Error {
    io::Error::new(
        io::ErrorKind::AddrNotAvailable,
        "there is no address to use: the list is empty",
    )
}

mod sealed {
    use super::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, io};

    /// What is known without asking anyone.
    #[derive(Debug)]
    pub enum Found {
        One(SocketAddr),
        Addresses(Vec<SocketAddr>),
        Name { host: String, port: u16 },
    }

    pub trait Resolve {
        fn resolve(&self) -> io::Result<Found>;
    }

    impl Resolve for SocketAddr {
        fn resolve(&self) -> io::Result<Found> {
            Ok(Found::One(*self))
        }
    }

    /// Everything that converts into an address.
    macro_rules! converts {
        ($($type:ty),*) => {$(
            impl Resolve for $type {
                fn resolve(&self) -> io::Result<Found> {
                    SocketAddr::from(*self).resolve()
                }
            }
        )*};
    }
    converts!(
        SocketAddrV4,
        SocketAddrV6,
        (IpAddr, u16),
        (Ipv4Addr, u16),
        (Ipv6Addr, u16)
    );

    impl Resolve for (&str, u16) {
        fn resolve(&self) -> io::Result<Found> {
            let (host, port) = *self;
            if let Ok(ip) = host.parse::<IpAddr>() {
                return (ip, port).resolve();
            }
            Ok(Found::Name {
                host: host.to_owned(),
                port,
            })
        }
    }

    impl Resolve for (String, u16) {
        fn resolve(&self) -> io::Result<Found> {
            (self.0.as_str(), self.1).resolve()
        }
    }

    impl Resolve for str {
        fn resolve(&self) -> io::Result<Found> {
            if let Ok(address) = self.parse::<SocketAddr>() {
                return address.resolve();
            }
            let wrong = |what: &Self| {
                io::Error::new(io::ErrorKind::InvalidInput, format!("{self:?} {what}"))
            };
            let (host, port) = self
                .rsplit_once(':')
                .ok_or_else(|| wrong("has no port: host:port is wanted"))?;
            let port = port
                .parse()
                .map_err(|_| wrong("has no port number after its last colon"))?;
            (host, port).resolve()
        }
    }

    impl Resolve for String {
        fn resolve(&self) -> io::Result<Found> {
            self.as_str().resolve()
        }
    }

    impl Resolve for [SocketAddr] {
        fn resolve(&self) -> io::Result<Found> {
            Ok(Found::Addresses(self.to_vec()))
        }
    }

    impl Resolve for Vec<SocketAddr> {
        fn resolve(&self) -> io::Result<Found> {
            self.as_slice().resolve()
        }
    }

    impl<const N: usize> Resolve for [SocketAddr; N] {
        fn resolve(&self) -> io::Result<Found> {
            self.as_slice().resolve()
        }
    }

    impl<T: Resolve + ?Sized> Resolve for &T {
        fn resolve(&self) -> io::Result<Found> {
            (**self).resolve()
        }
    }
}
