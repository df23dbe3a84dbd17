//! Standard input as a stream of lines, whatever it is: a terminal, a pipe, a file.
//!
//! epoll refuses regular files (they are always "ready", and reading them can still take long), so
//! a file goes another way than a pipe; the program does not see it. A ticker beside it shows that
//! nobody waits for the person who types.
//!
//! Course: "I/O: le nerf de la guerre", what an IO is: files, standard streams, sockets (D1).
//!
//! ```text
//! cargo run --release -p course --bin stdin_echo                    type something; Ctrl-D ends
//! cargo run --release -p course --bin stdin_echo < FILE
//! ls | cargo run --release -p course --bin stdin_echo
//! ```

use myrt::io::ReadError;
use myrt::stream::StreamExt;
use myrt::time::{Duration, interval};

#[myrt::main]
async fn main() -> Result<(), ReadError> {
    let lines = async {
        let mut lines = myrt::io::stdin().lines();
        let mut count = 0_u32;
        while let Some(line) = lines.next().await {
            println!("{:?}", line?);
            count += 1;
        }
        Ok::<u32, ReadError>(count)
    };
    let mut ticks = 0;
    let ticker = async {
        let mut interval = interval(Duration::from_millis(10));
        loop {
            interval.tick().await;
            ticks += 1;
        }
    };
    let count = myrt::select! {
        count = lines => count?,
        () = ticker => unreachable!("the ticker does not end"),
    };
    println!("{count} lines, {ticks} ticks meanwhile");
    Ok(())
}
