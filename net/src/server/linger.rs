//! The end of a connection whose client may still be sending.
//!
//! A socket that is closed with unread bytes resets its connection, and a reset drops what the
//! client has not read yet: the answer. So the rest is read first, within limits. It knows no
//! handler.

use std::sync::Arc;
use std::time::Duration;

use myrt_runtime::time::timeout;

use crate::tcp::TcpStream;

/// A client that sends nothing for so long has seen the answer, or never will.
const SILENCE: Duration = Duration::from_millis(500);
/// Nobody is listened to for longer.
const LONGEST: Duration = Duration::from_secs(5);
/// Nor to more than this.
const MOST: usize = 64 * 1024 * 1024;
/// What one read takes.
const PIECE: usize = 64 * 1024;

/// Reads and drops what comes on a stream whose direction of writing is shut down, then closes it.
/// Also where nothing waits to be read: more may be on its way, and resets the connection if it
/// meets none.
pub(super) async fn linger(stream: Arc<TcpStream>) {
    // Somebody else holds a half: it is no end yet.
    if Arc::strong_count(&stream) > 1 {
        return;
    }
    // Most often the client closes, and that is all there is to hear: it needs no large buffer.
    let mut buf = vec![0; 1];
    let all = async {
        let mut rest = MOST;
        while rest > 0 {
            match timeout(SILENCE, stream.read(&mut buf)).await {
                Ok(Ok(count @ 1..)) => rest = rest.saturating_sub(count),
                _ => return,
            }
            buf.resize(PIECE, 0);
        }
    };
    let _ = timeout(LONGEST, all).await;
}
