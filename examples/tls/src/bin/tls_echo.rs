//! An echo server over TLS: futures-rustls between myrt's stream and the program.
//!
//! A TLS stream has the traits of the stream below it, so everything that takes those takes it:
//! here the two halves of `io::split` and `io::copy`.
//!
//! ```text
//! cargo run --release --bin tls_echo                             on 127.0.0.1:8443, certificate in target/tls_echo.pem
//! cargo run --release --bin tls_echo -- 127.0.0.1:9443 cert.pem
//!
//! openssl s_client -connect localhost:8443 -CAfile target/tls_echo.pem -verify_return_error -quiet
//! ```
//!
//! Type a line and it comes back. Ctrl-C ends the server.

use std::error::Error;
use std::io;
use std::path::Path;

use futures_rustls::TlsAcceptor;
use myrt::io::AsyncWriteExt;
use myrt::net::{TcpListener, TcpStream};
use myrt::time::{Duration, timeout};

/// A client that connects and says nothing is not kept.
const HANDSHAKE: Duration = Duration::from_secs(10);

#[myrt::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or("127.0.0.1:8443".to_owned());
    let file = arguments.next().unwrap_or("target/tls_echo.pem".to_owned());
    if let Some(folder) = Path::new(&file).parent() {
        std::fs::create_dir_all(folder)?;
    }
    let acceptor = myrt_example_tls::acceptor(Some(Path::new(&file)), &[])?;
    let listener = TcpListener::bind(&address).await?;
    println!(
        "listening on {}, certificate in {file}",
        listener.local_addr()?
    );
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let acceptor = acceptor.clone();
                drop(myrt::spawn(async move {
                    match echo(stream, &acceptor).await {
                        Ok(bytes) => println!("{peer} left, after {bytes} bytes"),
                        Err(error) => println!("{peer} broke off: {error}"),
                    }
                }));
            }
            Err(error) => eprintln!("accept: {error}"), // the listener pauses before the next try
        }
    }
}

async fn echo(stream: TcpStream, acceptor: &TlsAcceptor) -> io::Result<u64> {
    stream.set_nodelay(true)?;
    let tls = timeout(HANDSHAKE, acceptor.accept(stream)).await??;
    let (read, mut write) = myrt::io::split(tls);
    let bytes = myrt::io::copy(read, &mut write).await?;
    write.close().await?; // says goodbye in TLS, so that the client knows that nothing was cut off
    Ok(bytes)
}
