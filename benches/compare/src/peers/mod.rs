//! One file a runtime: how it does, at its natural best, what the programs ask for.
//!
//! The table in this file is the only place that knows all of them by name.

mod bare;
#[cfg(feature = "compio")]
mod compio;
#[cfg(feature = "glommio")]
mod glommio;
#[cfg(feature = "libuv")]
mod libuv;
#[cfg(any(feature = "monoio", feature = "compio"))]
mod local;
#[cfg(feature = "monoio")]
mod monoio;
#[cfg(feature = "myrt")]
mod myrt;
mod neutral;
mod nginx;
mod raw;
#[cfg(feature = "smol")]
mod smol;
#[cfg(feature = "tokio")]
mod tokio;

use serde_json::Value;

#[cfg(feature = "hyper")]
use crate::peer::ServeHttp;
use crate::peer::{Peer, Serve, ServeHello, Unavailable};
use crate::programs::{self, Kind, Program};

/// A contestant.
#[derive(Debug)]
pub struct Contestant {
    pub name: &'static str,
    pub version: &'static str,
    pub run: Option<RunProgram>,
    pub serve: Option<ServeFunction>,
    /// Serves HTTP with hyper.
    pub serve_http: Option<ServeFunction>,
    /// Says hello over HTTP by hand.
    pub serve_hello: Option<ServeFunction>,
    /// Whether the rows about locks and channels make sense for it.
    pub has_sync: bool,
}

type ServeFunction = fn() -> Result<(), Unavailable>;
type RunProgram = fn(&Program, u64, u64) -> Result<Value, Unavailable>;

impl Contestant {
    /// Whether this contestant takes part in that program.
    pub fn plays(&self, program: &Program) -> bool {
        let combines = self.name != "myrt" || cfg!(feature = "myrt-combine");
        match program.kind {
            Kind::Core | Kind::Memory => self.run.is_some(),
            Kind::Sync => self.run.is_some() && self.has_sync,
            Kind::Combine => self.run.is_some() && self.has_sync && combines,
        }
    }
}

const fn runtime<P: Serve>(name: &'static str, version: &'static str) -> Contestant {
    Contestant {
        name,
        version,
        run: Some(programs::run::<P>),
        serve: Some(serve::<P>),
        serve_http: None,
        serve_hello: None,
        has_sync: P::HAS_SYNC,
    }
}

#[cfg(feature = "hyper")]
const fn with_http<P: Serve + ServeHello + ServeHttp>(
    name: &'static str,
    version: &'static str,
) -> Contestant {
    Contestant {
        serve_http: Some(serve_http::<P>),
        ..with_hello::<P>(name, version)
    }
}
#[cfg(not(feature = "hyper"))]
use with_hello as with_http;

const fn with_hello<P: Serve + ServeHello>(
    name: &'static str,
    version: &'static str,
) -> Contestant {
    Contestant {
        serve_hello: Some(serve_hello::<P>),
        ..runtime::<P>(name, version)
    }
}

fn serve_hello<P: ServeHello>() -> Result<(), Unavailable> {
    P::block_on(|peer| peer.serve_hello())?.map_err(Unavailable::because)
}

#[cfg(feature = "hyper")]
fn serve_http<P: ServeHttp>() -> Result<(), Unavailable> {
    P::block_on(programs::http::serve)?.map_err(Unavailable::because)
}

fn serve<P: Serve>() -> Result<(), Unavailable> {
    P::block_on(|peer| peer.serve())?.map_err(Unavailable::because)
}

/// A program of its own, for reference: its time is taken, its instructions and calls are not
/// counted.
pub const NGINX: &str = "nginx";

/// Everyone who was built in, in the order in which they are printed.
pub const CONTESTANTS: &[Contestant] = &[
    #[cfg(feature = "myrt")]
    with_http::<myrt::Myrt>("myrt", "this tree"),
    #[cfg(feature = "tokio")]
    with_http::<tokio::CurrentThread>("tokio", "1.54.1, current_thread"),
    #[cfg(feature = "tokio")]
    with_http::<tokio::Local>("tokio-local", "1.54.1, LocalRuntime"),
    #[cfg(feature = "smol")]
    runtime::<smol::Smol>(
        "smol",
        "async-executor 1.14.1 LocalExecutor, async-io 2.6.0",
    ),
    #[cfg(feature = "monoio")]
    runtime::<monoio::Epoll>("monoio", "0.2.4, legacy driver (epoll)"),
    #[cfg(feature = "monoio")]
    runtime::<monoio::Uring>("monoio-uring", "0.2.4, io_uring"),
    #[cfg(feature = "compio")]
    runtime::<compio::Uring>("compio", "0.19.2, io_uring"),
    #[cfg(feature = "compio")]
    runtime::<compio::Polling>("compio-poll", "0.19.2, polling driver (epoll)"),
    #[cfg(feature = "glommio")]
    runtime::<glommio::Glommio>("glommio", "0.9.0"),
    #[cfg(feature = "libuv")]
    Contestant {
        name: "libuv",
        version: "the system's",
        run: None,
        serve: Some(libuv::serve),
        serve_http: None,
        serve_hello: None,
        has_sync: false,
    },
    Contestant {
        name: "bare",
        version: "yardstick: non-atomic counts, no I/O, no cross-thread wake",
        run: Some(programs::run::<bare::Bare>),
        serve: None,
        serve_http: None,
        serve_hello: None,
        has_sync: false,
    },
    Contestant {
        name: "raw",
        version: "yardstick: an epoll loop by hand",
        run: None,
        serve: Some(raw::serve),
        serve_http: None,
        serve_hello: Some(raw::serve_hello),
        has_sync: false,
    },
    Contestant {
        name: NGINX,
        version: "the system's, for reference",
        run: None,
        serve: None,
        serve_http: None,
        serve_hello: Some(nginx::serve_hello),
        has_sync: false,
    },
];

/// The contestant of that name.
pub fn find(name: &str) -> Option<&'static Contestant> {
    CONTESTANTS
        .iter()
        .find(|contestant| contestant.name == name)
}

/// Keeps `HAS_SYNC` of the yardstick and the table from drifting apart.
const _: () = assert!(!<bare::Bare as Peer>::HAS_SYNC);
