//! `send_file`: a file's bytes to a socket, from the system's cache of the file, without a copy in
//! the program.
//!
//! sendfile(2) waits for the disk when the bytes are not in the cache, so it runs on the blocking
//! pool; the socket does not block, so a job ends when the socket is full, and the loop waits for
//! room. Where sendfile is refused, a job reads and writes.

use std::fmt;
use std::fs::File;
use std::future::Future;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use myrt_runtime::io::{Ready, writable};
use myrt_runtime::os;

use super::ends::SpliceTo;
use crate::blocking_op::BlockingOp;
use crate::caller::{self, Caller};

/// What one job sends at most.
const MOST: u64 = 4 * 1024 * 1024;
/// What one copy moves, where sendfile is refused.
const PIECE: usize = 64 * 1024;

/// Sends a part of a file (a [`std::fs::File`] or `fs::File`) to a socket, and says how many bytes
/// that were: fewer than asked for if the file ends before. The file's position does not matter and
/// does not move. On Linux the bytes go from the system's cache to the socket.
///
/// It works on duplicates of both descriptors, which it opens at the call. Dropped half-way, what
/// was sent is not told, and a piece that is being sent may still go out: the connection is of no
/// use then.
///
/// # Errors
/// [`InvalidInput`](io::ErrorKind::InvalidInput) for what is no file, and what the system says of
/// either side.
///
/// # Examples
///
/// ```no_run
/// # async fn example(stream: myrt::net::TcpStream) -> std::io::Result<()> {
/// use std::fs::File;
///
/// let page = File::open("index.html")?;
/// let length = page.metadata()?.len();
/// stream.write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n").as_bytes()).await?;
/// myrt::net::send_file(&page, 0..length, &stream).await?;
/// # Ok(())
/// # }
/// ```
#[doc(alias = "sendfile")]
#[track_caller]
pub fn send_file<'a, W>(file: &impl AsFd, range: impl RangeBounds<u64>, to: &'a W) -> SendFile<'a>
where
    W: SpliceTo + AsFd,
{
    let from = match range.start_bound() {
        Bound::Included(&first) => first,
        Bound::Excluded(&before) => before.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(&last) => last.saturating_add(1),
        Bound::Excluded(&end) => end,
        Bound::Unbounded => u64::MAX,
    };
    let duplicates = (|| {
        Ok((
            file.as_fd().try_clone_to_owned()?,
            to.as_fd().try_clone_to_owned()?,
        ))
    })();
    SendFile {
        sides: duplicates.map(|(file, socket)| Sides {
            file: Arc::new(file.into()),
            socket: Arc::new(socket),
        }),
        step: Step::Send,
        from,
        end,
        sent: 0,
        at: Location::caller(),
        to: std::marker::PhantomData,
    }
}

/// Future of [`send_file`].
#[must_use = "futures do nothing unless awaited"]
pub struct SendFile<'a> {
    sides: io::Result<Sides>,
    step: Step,
    from: u64,
    end: u64,
    sent: u64,
    at: Caller,
    /// The socket is nobody else's meanwhile.
    to: std::marker::PhantomData<&'a ()>,
}

#[derive(Clone)]
struct Sides {
    file: Arc<File>,
    socket: Arc<OwnedFd>,
}

enum Step {
    Send,
    Sending(BlockingOp<Sent>),
    Wait(Ready<Arc<OwnedFd>>),
}

/// What a job has sent, and why it ended.
struct Sent {
    count: u64,
    ended: io::Result<End>,
}

enum End {
    /// All that it was to send.
    Done,
    /// The file has no more.
    OfFile,
}

impl Future for SendFile<'_> {
    type Output = io::Result<u64>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let sides = match &this.sides {
            Ok(sides) => sides,
            Err(error) => return Poll::Ready(Err(again(error))),
        };
        let at = caller::of(this.at);
        loop {
            match &mut this.step {
                Step::Send => {
                    let offset = this.from.saturating_add(this.sent);
                    let rest = this.end.saturating_sub(offset).min(MOST);
                    if rest == 0 {
                        return Poll::Ready(Ok(this.sent));
                    }
                    crate::calls::fence("send_file")?;
                    let sides = sides.clone();
                    this.step = Step::Sending(BlockingOp::begin(move || sides.send(offset, rest)));
                }
                Step::Sending(work) => {
                    let sent = ready!(work.poll(cx, at));
                    this.step = Step::Send;
                    let Sent { count, ended } = sent?;
                    this.sent += count;
                    match ended {
                        Ok(End::Done) => {}
                        Ok(End::OfFile) => return Poll::Ready(Ok(this.sent)),
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                            this.step = Step::Wait(writable(Arc::clone(&sides.socket)));
                        }
                        Err(error) => return Poll::Ready(Err(error)),
                    }
                }
                Step::Wait(wait) => {
                    ready!(caller::within(at, || Pin::new(wait).poll(cx)))?;
                    this.step = Step::Send;
                }
            }
        }
    }
}

impl Sides {
    /// Sends until `length` bytes are through, the file ends or the socket is full.
    fn send(&self, offset: u64, length: u64) -> Sent {
        let mut count = 0;
        while count < length {
            let most = usize::try_from(length - count).unwrap_or(usize::MAX);
            match self.send_some(offset + count, most) {
                Ok(0) => {
                    return Sent {
                        count,
                        ended: Ok(End::OfFile),
                    };
                }
                Ok(sent) => count += sent as u64,
                Err(error) => {
                    return Sent {
                        count,
                        ended: Err(error),
                    };
                }
            }
        }
        Sent {
            count,
            ended: Ok(End::Done),
        }
    }

    fn send_some(&self, offset: u64, most: usize) -> io::Result<usize> {
        match os::send_file(self.file.as_fd(), self.socket.as_fd(), offset, most) {
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported
                ) =>
            {
                let mut bytes = vec![0; most.min(PIECE)];
                match self.file.read_at(&mut bytes, offset)? {
                    0 => Ok(0),
                    count => os::write(self.socket.as_fd(), &bytes[..count]),
                }
            }
            result => result,
        }
    }
}

/// The same error once more.
fn again(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => error.kind().into(),
    }
}

impl fmt::Debug for SendFile<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendFile")
            .field("sent", &self.sent)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}
