//! myrt's echo server.

use std::io;

use myrt::net::{TcpListener, TcpStream};

use super::Myrt;
use crate::peer::Serve;
use crate::tally;

impl Serve for Myrt {
    async fn serve(self) -> io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        tally::listening(listener.local_addr()?.port());
        loop {
            let (stream, _) = listener.accept().await?;
            tally::accepted();
            drop(myrt::spawn(echo(stream)));
        }
    }
}

async fn echo(stream: TcpStream) {
    let mut buffer = [0; 64];
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(length) => {
                if stream.write_all(&buffer[..length]).await.is_err() {
                    break;
                }
            }
        }
    }
    drop(stream);
    tally::closed();
}
