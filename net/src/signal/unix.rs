//! Unix signals of every kind; see [`signal`].

use std::fmt;
use std::future::Future;
use std::io;
use std::os::unix::net::UnixStream;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use myrt_runtime::io::Async;
use myrt_runtime::os;

use super::registry::Listener;
use crate::caller::{self, Caller};
use crate::calls;
use crate::socket_op::Direction;

/// Listens to a signal from now on.
///
/// Any number of listeners may listen to one kind, each gets every signal (those that come before
/// one was received count once). A handler that the program has installed otherwise is called, too,
/// meanwhile. The child of a fork listens to nothing.
///
/// # Errors
/// [`InvalidInput`](io::ErrorKind::InvalidInput) for what cannot be caught (SIGKILL, SIGSTOP,
/// faults), and what the system says.
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> std::io::Result<()> {
/// use myrt::signal::unix::{SignalKind, signal};
///
/// let mut hangup = signal(SignalKind::hangup())?;
/// while hangup.recv().await.is_some() {
///     println!("reading the configuration again");
/// }
/// # Ok(())
/// # }
/// ```
pub fn signal(kind: SignalKind) -> io::Result<Signal> {
    calls::fence("a signal")?;
    let (reader, writer) = UnixStream::pair()?;
    let io = Async::new(reader)?;
    let listener = Listener::new(kind.0, writer)?;
    Ok(Signal {
        io,
        _listener: listener,
    })
}

/// A kind of signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SignalKind(i32);

/// Kinds by name.
macro_rules! kinds {
    ($($(#[$meta:meta])* $name:ident = $signal:ident;)*) => {
        impl SignalKind {
            $(
                $(#[$meta])*
                #[must_use]
                pub const fn $name() -> Self {
                    Self(os::$signal)
                }
            )*
        }
    };
}

kinds! {
    /// SIGALRM: a timer of the system's ran out.
    alarm = SIGALRM;
    /// SIGCHLD: a child process ended or stopped.
    child = SIGCHLD;
    /// SIGHUP: the terminal is gone; for daemons: read the configuration again.
    hangup = SIGHUP;
    /// SIGINT: Ctrl-C.
    interrupt = SIGINT;
    /// SIGIO: a descriptor is ready.
    io = SIGIO;
    /// SIGPIPE: a write to a pipe without a reader. Rust programs ignore it and get `BrokenPipe`
    /// instead.
    pipe = SIGPIPE;
    /// SIGQUIT: Ctrl-\.
    quit = SIGQUIT;
    /// SIGTERM: please end.
    terminate = SIGTERM;
    /// SIGUSR1: whatever the program says.
    user_defined1 = SIGUSR1;
    /// SIGUSR2: whatever the program says.
    user_defined2 = SIGUSR2;
    /// SIGWINCH: the terminal's size has changed.
    window_change = SIGWINCH;
}

impl SignalKind {
    /// A kind by the system's number.
    #[must_use]
    pub const fn from_raw(signal: i32) -> Self {
        Self(signal)
    }

    /// The system's number.
    #[must_use]
    pub const fn as_raw(self) -> i32 {
        self.0
    }
}

/// A listener to one kind of signal; see [`signal`]. A [`Stream`] that never ends. After the last
/// of a kind, the kind does again what it did before the first: its default action, nothing, or
/// what another handler does.
#[derive(Debug)]
#[must_use = "dropping it ends the listening"]
pub struct Signal {
    // First in order, so first to go: no handler writes once the reading end is gone.
    _listener: Listener,
    io: Async<UnixStream>,
}

impl Signal {
    /// The next signal; those that came before and were not received yet count as one. Never
    /// `None`. **Cancel safe.**
    #[track_caller]
    pub fn recv(&mut self) -> Recv<'_> {
        Recv {
            signal: self,
            at: Location::caller(),
        }
    }

    /// As [`recv`](Self::recv), for a `poll` function.
    #[track_caller]
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<()>> {
        self.poll_at(cx, Location::caller())
    }

    fn poll_at(&mut self, cx: &mut Context<'_>, at: Caller) -> Poll<Option<()>> {
        let mut bytes = [0; 64];
        let read = self
            .io
            .poll_transfer(cx, Direction::Read, 0, caller::of(at), |stream| {
                calls::read(stream, &mut bytes)
            });
        match ready!(read) {
            Ok(count) => debug_assert!(
                count > 0,
                "the handler holds the other end as long as we listen"
            ),
            Err(error) => debug_assert!(false, "reading a pair of our own failed: {error}"),
        }
        Poll::Ready(Some(()))
    }
}

impl Stream for Signal {
    type Item = ();

    #[track_caller]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<()>> {
        self.get_mut().poll_at(cx, Location::caller())
    }
}

/// Future of [`Signal::recv`].
#[must_use = "futures do nothing unless awaited"]
pub struct Recv<'a> {
    signal: &'a mut Signal,
    at: Caller,
}

impl Future for Recv<'_> {
    type Output = Option<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<()>> {
        let at = self.at;
        self.signal.poll_at(cx, at)
    }
}

impl fmt::Debug for Recv<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recv")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}
