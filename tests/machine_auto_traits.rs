//! What of the machine's side may go to other threads, at compile time: handles and futures are
//! tokens, so all of it.
#![cfg(all(feature = "process", feature = "fs"))]

use std::future::{Ready, ready};
use std::time::Duration;

use myrt::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use myrt::task::{self, Local};
use myrt::time::{self, Deadline, Instant, MoveOn, Timeout};
use myrt::{cancel, fs, future, io, net, process, signal, workers};

fn sent<T: Send + Sync>() {}
fn moves<T: Send>(_: T) {}

#[test]
fn tokens_are_send_and_sync() {
    sent::<process::Command>();
    sent::<process::Child>();
    sent::<process::ChildStdin>();
    sent::<process::ChildStdout>();
    sent::<process::ChildStderr>();
    sent::<process::Wait<'_>>();
    sent::<process::Communicate<'_>>();
    sent::<process::Collect>();
    sent::<process::StatusFuture>();
    sent::<fs::File>();
    sent::<fs::Read<'_>>();
    sent::<fs::WriteAll<'_>>();
    sent::<fs::Job<Vec<u8>>>();
    sent::<fs::OpenFuture>();
    sent::<fs::ReadDir>();
    sent::<fs::DirEntry>();
    sent::<io::Stdin>();
    sent::<io::Stdout>();
    sent::<io::Stderr>();
    sent::<io::Lines<io::Stdin>>();
    sent::<workers::Worker>();
    sent::<workers::Stopped>();
    sent::<net::ListenFd>();
    sent::<net::Splice<'_, net::TcpStream, net::UnixStream>>();
    sent::<net::SendFile<'_>>();
}

/// What other crates' tasks hold, on whatever thread those run.
#[cfg(all(feature = "hyper-client", feature = "tokio-compat"))]
#[test]
fn adapters_go_to_other_crates_threads() {
    use myrt::compat::Portable;
    use myrt::hyper::{Connecting, Connector, Executor, Io, Timer};

    sent::<Portable<net::TcpStream>>();
    sent::<Portable<std::rc::Rc<u8>>>();
    sent::<Io<Portable<io::DuplexStream>>>();
    sent::<Connector>();
    sent::<Connecting>();
    sent::<Executor>();
    sent::<Timer>();
}

/// A future that is `Send` with an output that is.
fn fine() -> Ready<Result<u8, u8>> {
    ready(Ok(1))
}

/// Futures that hold others are `Send` when those are. The rows compile, that is the test: they are
/// not called.
#[test]
fn what_holds_futures_is_send_when_they_are() {
    let _never_called = || {
        let second = Duration::from_secs(1);
        let now = Instant::now();
        moves::<Timeout<_>>(time::timeout(second, fine()));
        moves::<Timeout<_>>(time::timeout_at(now, fine()));
        moves::<MoveOn<_>>(time::move_on_after(second, fine()));
        moves::<MoveOn<_>>(time::move_on_at(now, fine()));
        moves(async { Deadline::after(Duration::ZERO).run(fine()).await });
        moves::<future::Race<_>>(myrt::race([fine()]));
        moves::<future::FirstOk<_, _, _>>(myrt::first_ok([fine()]));
        moves::<future::Gather<_>>(myrt::gather([fine()]));
        moves::<future::TryGather<_, _, _>>(myrt::try_gather([fine()]));
        moves(myrt::gather!(fine(), fine()));
        moves(myrt::try_gather!(fine(), fine()));
        moves(myrt::as_completed([fine()]));
        moves(async { myrt::as_completed([fine()]).next().await });
        moves(async { myrt::join!(fine(), fine()) });
        moves(async { myrt::try_join!(fine(), fine()) });
        moves(async {
            myrt::select! { one = fine() => one, two = fine() => two }
        });
        moves::<cancel::Finally<_, _>>(myrt::finally(fine(), async || ()));
        moves(myrt::bracket(1, async |n| *n, async |_| ()));
        moves::<cancel::Shield<_>>(myrt::shield(fine()));
        moves::<cancel::Shield<_>>(myrt::shield_for(second, fine()));
        moves(task::unconstrained(fine()));
    };
    sent::<Deadline>();
    sent::<Local<std::rc::Rc<u8>>>();
    sent::<Local<*const u8>>();
}

/// Tokens of a runtime, and futures that only name something in it.
#[test]
fn leaf_futures_are_send() {
    sent::<time::Sleep>();
    sent::<time::Interval>();
    sent::<time::Tick<'_>>();
    sent::<task::JoinHandle<std::rc::Rc<u8>>>();
    sent::<task::AbortOnDrop<std::rc::Rc<u8>>>();
    sent::<task::Cancel>();
    sent::<task::YieldNow>();
    sent::<myrt::runtime::RemoteHandle<u8>>();
    sent::<io::Ready<std::os::fd::BorrowedFd<'_>>>();
    sent::<net::TcpListener>();
    sent::<net::TcpStream>();
    sent::<net::UdpSocket>();
    sent::<net::UnixListener>();
    sent::<net::UnixStream>();
    sent::<net::UnixDatagram>();
    sent::<net::LookupHost>();
    sent::<net::OpenConnection>();
    sent::<signal::CtrlC>();
    sent::<signal::unix::Signal>();
    let _never_called = |tcp: net::TcpStream, mut a: net::TcpStream, mut b: net::TcpStream| {
        let mut bytes = [0; 4];
        moves(net::TcpListener::bind("name:1"));
        moves(net::TcpStream::connect("name:1"));
        moves(net::UdpSocket::bind("name:1"));
        moves(net::UnixStream::connect("path"));
        moves(tcp.read(&mut bytes));
        moves(tcp.read_exact(&mut bytes));
        moves(tcp.write(b"x"));
        moves(tcp.write_all(b"x"));
        moves(tcp.peek(&mut bytes));
        moves(tcp.readable());
        moves(tcp.writable());
        moves(tcp.ready(net::Interest::READABLE));
        moves(tcp.async_io(net::Interest::READABLE, || Ok(())));
        moves(async move {
            let _ = io::copy(&mut a, &mut b).await;
            let _ = io::copy_bidirectional(&mut a, &mut b).await;
            let _ = AsyncReadExt::read(&mut a, &mut [0]).await;
            let _ = AsyncReadExt::read_exact(&mut a, &mut [0]).await;
            let _ = AsyncReadExt::read_to_end(&mut a, &mut Vec::new()).await;
            let _ = AsyncWriteExt::write_all(&mut b, b"x").await;
            let _ = AsyncWriteExt::flush(&mut b).await;
            let _ = AsyncWriteExt::close(&mut b).await;
            let mut lines = io::BufReader::new(a);
            let _ = AsyncBufReadExt::read_line(&mut lines, &mut String::new()).await;
            let mut reader = io::Reader::new(lines);
            let _ = reader.read_line(&mut String::new()).await;
            let _ = reader.read_exact(&mut [0]).await;
            let mut writer = io::Writer::new(b);
            let _ = writer.write_all(b"x").await;
            let _ = writer.drain().await;
        });
    };
}
