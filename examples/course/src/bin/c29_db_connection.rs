//! A connection that is closed properly, with an `await`, whatever happens in between.
//!
//! Python's `async with`. A destructor cannot await, so what must be awaited at the end is given to
//! `bracket`: it runs after the body returned, failed, or was cancelled; and who cancels waits for
//! it.
//!
//! Course: 8.7, patterns 1, the asynchronous context manager (C29).
//!
//! ```text
//! cargo run --release -p course --bin db_connection
//! ```

use std::io;

use myrt::bracket;
use myrt::runtime::Builder;
use myrt::time::{Duration, sleep, timeout};

struct Connection;

impl Connection {
    async fn open() -> Self {
        sleep(Duration::from_millis(10)).await;
        println!("  Connection opened");
        Self
    }

    async fn query(&mut self, takes: u64) -> Result<&'static str, &'static str> {
        sleep(Duration::from_millis(takes)).await;
        if takes == 13 {
            Err("no such table")
        } else {
            Ok("a row")
        }
    }

    /// Says goodbye to the server and waits for its answer.
    async fn close(self) {
        sleep(Duration::from_millis(10)).await;
        println!("  Connection closed");
    }
}

/// Opens, asks, closes.
async fn ask(takes: u64) -> Result<&'static str, &'static str> {
    let connection = Connection::open().await;
    let body = async |connection: &mut Connection| {
        let row = connection.query(takes).await?;
        println!("  {row}");
        Ok(row)
    };
    bracket(connection, body, Connection::close).await
}

fn main() -> io::Result<()> {
    Builder::new().start_paused(true).build()?.block_on(async {
        println!("It returns:");
        println!("  {:?}", ask(5).await);
        println!("It fails:");
        println!("  {:?}", ask(13).await);
        println!("It is given up:");
        let given_up = timeout(Duration::from_millis(100), ask(1000)).await;
        println!("  {:?}", given_up.map_err(|elapsed| elapsed.to_string()));
        println!("Its task is cancelled:");
        let task = myrt::spawn(ask(1000));
        sleep(Duration::from_millis(100)).await;
        task.cancel().await;
        println!("  and the canceller has waited");
    });
    Ok(())
}
