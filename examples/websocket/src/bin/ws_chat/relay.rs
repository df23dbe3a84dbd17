//! One room over several processes, by a Redis server's publish and subscribe.
//!
//! Each process delivers what its own clients say by itself, and publishes it under its own mark;
//! it delivers what others publish. One connection does both, which RESP 3 allows. While Redis is
//! away the processes chat among themselves, and what is said then does not reach the others later.
//! It knows the hub, and no connection.

use std::collections::hash_map::RandomState;
use std::error::Error;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::rc::Rc;

use async_tungstenite::tungstenite::Message;
use futures_channel::mpsc::{UnboundedReceiver, unbounded};
use myrt::compat::Compat;
use myrt::net::TcpStream;
use myrt::select;
use myrt::stream::StreamExt;
use myrt::sync::mpsc;
use myrt::task::AbortOnDrop;
use myrt::time::{Duration, sleep, timeout};
use myrt_example_websocket::Hub;
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncCommands, AsyncConnectionConfig, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, Msg,
    ProtocolVersion, PushInfo,
};

const CHANNEL: &str = "myrt-chat";
/// What may wait for a Redis that is slow. More is left out.
const QUEUE: usize = 1024;
/// Longest that Redis may take to answer.
const LIMIT: Duration = Duration::from_secs(5);

/// Passes on to the other processes what is said here, and the other way round, for as long as it
/// lives.
pub struct Relay {
    outgoing: mpsc::Sender<String>,
    _task: AbortOnDrop<()>,
}

impl Relay {
    /// Starts it. It connects when it can, and again whenever the connection is lost.
    pub fn start(url: &str, hub: Rc<Hub>) -> Result<Self, Box<dyn Error>> {
        let info = url.into_connection_info()?;
        let settings = info.redis_settings().clone();
        let info = info.set_redis_settings(settings.set_protocol(ProtocolVersion::RESP3));
        let (outgoing, mut queue) = mpsc::channel(QUEUE);
        let mark = format!("{:016x} ", RandomState::new().build_hasher().finish());
        let task = myrt::spawn(async move {
            loop {
                if let Err(error) = relay(&info, &mark, &mut queue, &hub).await {
                    eprintln!("redis: {error}");
                }
                sleep(Duration::from_secs(1)).await;
            }
        });
        Ok(Self {
            outgoing,
            _task: task.abort_on_drop(),
        })
    }

    /// Passes a line on, if there is room for it.
    pub fn send(&self, line: &str) {
        let _ = self.outgoing.try_send(line.to_owned());
    }
}

/// One connection, until it is lost.
async fn relay(
    info: &ConnectionInfo,
    mark: &str,
    outgoing: &mut mpsc::Receiver<String>,
    hub: &Hub,
) -> Result<(), Box<dyn Error>> {
    let (mut redis, mut pushes, driver) = timeout(LIMIT, connect(info)).await??;
    timeout(LIMIT, redis.subscribe(CHANNEL)).await??;
    println!("redis: connected");
    let mut lost = driver;
    loop {
        select! {
            Some(line) = outgoing.recv() => {
                let publish = redis.publish::<_, _, ()>(CHANNEL, format!("{mark}{line}"));
                timeout(LIMIT, publish).await??;
            }
            Some(push) = pushes.next() => {
                let Some(message) = Msg::from_push_info(push) else { continue };
                let line: String = message.get_payload()?;
                // What carries our own mark was delivered when it was said.
                if let (false, Some((_, line))) = (line.starts_with(mark), line.split_once(' ')) {
                    hub.broadcast(&Message::text(line), None);
                }
            }
            _ = &mut lost => return Err("the connection was lost".into()),
        }
    }
}

type Connected = (
    MultiplexedConnection,
    UnboundedReceiver<PushInfo>,
    AbortOnDrop<()>,
);

async fn connect(info: &ConnectionInfo) -> Result<Connected, Box<dyn Error>> {
    let ConnectionAddr::Tcp(host, port) = info.addr() else {
        return Err(io::Error::other("REDIS_URL must be redis://host:port/").into());
    };
    let stream = TcpStream::connect((host.as_str(), *port)).await?;
    stream.set_nodelay(true)?;
    let (pushed, pushes) = unbounded();
    // No time limit of theirs: it would ask tokio for a timer. Ours are around the calls.
    let config = AsyncConnectionConfig::new()
        .set_response_timeout(None)
        .set_push_sender(move |push| pushed.unbounded_send(push));
    let (redis, driver) =
        MultiplexedConnection::new_with_config(info.redis_settings(), Compat::new(stream), config)
            .await?;
    Ok((redis, pushes, myrt::spawn(driver).abort_on_drop()))
}
