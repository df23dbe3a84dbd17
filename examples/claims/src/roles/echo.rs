//! Echo servers: a task a client, and a thread a client. What they have in common is what C10K is
//! measured with.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;

use super::{end_with_parent, receive, say, send, serve};

/// A task a client; one that waits holds no buffer.
pub(super) fn on_a_loop() -> io::Result<()> {
    serve(async |stream| {
        loop {
            let mut bytes = Vec::new();
            if receive(&stream, &mut bytes).await? == 0 {
                return Ok(());
            }
            send(&stream, &bytes).await?;
        }
    })
}

/// The stack of a thread as C programs get it, which the course counts with; Rust's own default is
/// 2 MiB.
pub(super) const STACK: usize = 8 << 20;

/// A thread a client, as in the course.
pub(super) fn on_threads() -> io::Result<()> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    socket.bind(&std::net::SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    socket.listen(super::BACKLOG as i32)?;
    let listener = TcpListener::from(socket);
    end_with_parent(io::stdin())?;
    say(&format!("listening {}", listener.local_addr()?.port()))?;
    for stream in listener.incoming().flatten() {
        // Where no thread is to be had, the client is turned away, and the count of the clients
        // shows it.
        let _ = thread::Builder::new()
            .stack_size(STACK)
            .spawn(move || one_client(stream));
    }
    Ok(())
}

fn one_client(mut stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let mut buffer = [0; 4096];
    while let Ok(count) = stream.read(&mut buffer) {
        if count == 0 || stream.write_all(&buffer[..count]).is_err() {
            return;
        }
    }
}
