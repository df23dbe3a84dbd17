//! myrt's echo server.

use std::io;

use myrt::net::{TcpListener, TcpStream};

use super::Myrt;
use crate::peer::{Serve, ServeHello};
use crate::programs::hello::Requests;
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

impl ServeHello for Myrt {
    async fn serve_hello(self) -> io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        tally::listening(listener.local_addr()?.port());
        loop {
            let (stream, _) = listener.accept().await?;
            tally::accepted();
            drop(myrt::spawn(hello(stream)));
        }
    }
}

#[cfg(feature = "hyper")]
impl crate::peer::ServeHttp for Myrt {
    type Listener = TcpListener;
    type Stream = myrt::hyper::Io<TcpStream>;
    type Timer = myrt::hyper::Timer;

    async fn listen(self) -> io::Result<(TcpListener, u16)> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        Ok((listener, port))
    }

    async fn accept(self, listener: &TcpListener) -> io::Result<Self::Stream> {
        Ok(myrt::hyper::Io::new(listener.accept().await?.0))
    }

    fn timer(self) -> Self::Timer {
        myrt::hyper::Timer::new()
    }
}

async fn hello(stream: TcpStream) {
    let mut requests = Requests::default();
    while let Ok(length @ 1..) = stream.read(requests.room()).await {
        let answers = requests.answers(length);
        if !answers.is_empty() && stream.write_all(answers).await.is_err() {
            break;
        }
    }
    drop(stream);
    tally::closed();
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
