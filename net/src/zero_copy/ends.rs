//! Which types can be spliced from and to, and how each waits.

use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::task::{Context, Poll};

use crate::caller::Caller;
use crate::socket_op::Direction;
use crate::tcp::TcpStream;
use crate::unix::UnixStream;
use crate::unix::pipe::{Receiver, Sender};

/// What bytes can be spliced from: sockets and pipes of this crate.
pub trait SpliceFrom: sealed::From {}
impl<T: sealed::From + ?Sized> SpliceFrom for T {}

/// What bytes can be spliced to: sockets and pipes of this crate.
pub trait SpliceTo: sealed::To {}
impl<T: sealed::To + ?Sized> SpliceTo for T {}

/// One attempt on a descriptor.
pub(super) type Attempt<'a> = &'a mut dyn FnMut(BorrowedFd<'_>) -> io::Result<usize>;

pub(super) mod sealed {
    use super::{Attempt, Caller, Context, Poll, io};

    pub trait From {
        /// Tries until it does not say `WouldBlock`.
        fn poll_from(
            &self,
            cx: &mut Context<'_>,
            at: Caller,
            attempt: Attempt<'_>,
        ) -> Poll<io::Result<usize>>;
    }

    pub trait To {
        /// Tries until it does not say `WouldBlock`.
        fn poll_to(
            &self,
            cx: &mut Context<'_>,
            at: Caller,
            attempt: Attempt<'_>,
        ) -> Poll<io::Result<usize>>;
        /// Says that no more comes, where that is possible.
        fn end(&self) -> io::Result<()>;
    }
}

macro_rules! from {
    ($($type:ty: |$this:ident| $io:expr;)*) => {$(
        impl sealed::From for $type {
            fn poll_from(&self, cx: &mut Context<'_>, at: Caller, attempt: Attempt<'_>) -> Poll<io::Result<usize>> {
                let $this = self;
                $io.poll_transfer(cx, Direction::Read, 0, at, |source| attempt(source.as_fd()))
            }
        }
    )*};
}
from! {
    TcpStream: |this| this.inner();
    UnixStream: |this| this.inner();
    Receiver: |this| this.inner();
}

macro_rules! to {
    ($($type:ty: |$this:ident| $io:expr, $end:expr;)*) => {$(
        impl sealed::To for $type {
            fn poll_to(&self, cx: &mut Context<'_>, at: Caller, attempt: Attempt<'_>) -> Poll<io::Result<usize>> {
                let $this = self;
                $io.poll_transfer(cx, Direction::Write, 0, at, |target| attempt(target.as_fd()))
            }

            fn end(&self) -> io::Result<()> {
                let $this = self;
                $end
            }
        }
    )*};
}
to! {
    TcpStream: |this| this.inner(), this.shutdown(Shutdown::Write);
    UnixStream: |this| this.inner(), this.shutdown(Shutdown::Write);
    // Only dropping it says that no more comes.
    Sender: |_this| _this.inner()?, Ok(());
}

/// The pipes to a child are pipes.
#[cfg(feature = "process")]
mod children {
    use super::{AsFd, Attempt, Caller, Context, Direction, Poll, io, sealed};
    use crate::process::{ChildStderr, ChildStdin, ChildStdout};

    from! {
        ChildStdout: |this| this.pipe().inner();
        ChildStderr: |this| this.pipe().inner();
    }
    to! {
        ChildStdin: |_this| _this.pipe().inner()?, Ok(());
    }
}
