//! An echo server and its client, for tests of the simulated world.

use std::io;
use std::time::Duration;

use myrt::net::{TcpListener, TcpStream};

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Serves port 7 until it is cancelled.
pub(crate) async fn echo_server() -> io::Result<()> {
    let listener = loop {
        match TcpListener::bind("0.0.0.0:7").await {
            Ok(listener) => break listener,
            Err(_) => myrt::time::sleep(ms(10)).await,
        }
    };
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            myrt::time::sleep(ms(10)).await;
            continue;
        };
        drop(myrt::spawn(async move {
            let mut buf = [0; 4096];
            while let Ok(count @ 1..) = stream.read(&mut buf).await {
                if stream.write_all(&buf[..count]).await.is_err() {
                    return;
                }
            }
        }));
    }
}

/// Sends `text` and returns what comes back.
pub(crate) async fn ask(to: &str, text: &[u8]) -> io::Result<Vec<u8>> {
    let stream = TcpStream::connect(to).await?;
    stream.write_all(text).await?;
    let mut back = vec![0; text.len()];
    stream.read_exact(&mut back).await?;
    Ok(back)
}
