//! A proxy for connections as HAProxy is one, reduced to what is measured: a backend, both
//! directions; and a source of bytes.

use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::thread;

use myrt::io::copy_bidirectional_with_sizes;
use myrt::net::TcpStream;

use super::{end_with_parent, local, say, serve as serve_each};

/// Bytes that are moved at once.
const CHUNK: usize = 256 * 1024;

/// Connects each client with the server at `backend`.
pub(super) fn serve(backend: u16) -> io::Result<()> {
    serve_each(move |mut client| async move {
        let mut server = TcpStream::connect(local(backend)).await?;
        server.set_nodelay(true)?;
        copy_bidirectional_with_sizes(&mut client, &mut server, CHUNK, CHUNK)
            .await
            .map(drop)
    })
}

/// Sends zeros to each client for as long as it reads.
pub(super) fn source() -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    end_with_parent(io::stdin())?;
    say(&format!("listening {}", listener.local_addr()?.port()))?;
    for mut stream in listener.incoming().flatten() {
        thread::Builder::new().spawn(move || {
            let zeros = vec![0; 256 * 1024];
            while stream.write_all(&zeros).is_ok() {}
        })?;
    }
    Ok(())
}
