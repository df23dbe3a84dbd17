//! A Redis client: the `redis` crate's multiplexed connection over a stream of myrt's.
//!
//! Shows what of that crate runs here, which is the connection that one hands a stream: commands,
//! pipelines, transactions, and with RESP 3 publish and subscribe. Its
//! `Client::get_*_async_connection`, `ConnectionManager` and `aio::PubSub` open sockets or spawn
//! tasks on tokio and do not. Its own response timeout would ask tokio for a timer too: it is
//! switched off, and myrt's `timeout` is around the calls.
//!
//! ```text
//! redis-server &
//! cargo run --release                                            redis://127.0.0.1:6379/
//! cargo run --release -- redis://127.0.0.1:7000/ 100000          another server, more commands in the last part
//! ```
//!
//! It uses keys that begin with `myrt:example:` and deletes them at the end.

use std::error::Error;

use futures_channel::mpsc::{UnboundedReceiver, unbounded};
use myrt::compat::Compat;
use myrt::net::TcpStream;
use myrt::stream::StreamExt;
use myrt::task::AbortOnDrop;
use myrt::time::{Duration, Instant, sleep, timeout};
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncCommands, AsyncConnectionConfig, ConnectionAddr, IntoConnectionInfo, Msg, ProtocolVersion,
    PushInfo,
};

const KEYS: &[&str] = &[
    "myrt:example:greeting",
    "myrt:example:a",
    "myrt:example:b",
    "myrt:example:count",
];

#[myrt::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next();
    let url = url.unwrap_or("redis://127.0.0.1:6379/".to_owned());
    let count = arguments.next().map_or(Ok(20_000), |count| count.parse())?;
    let work = async {
        let mut redis = Redis::connect(&url).await?;
        let () = redis.connection.del(KEYS).await?;
        commands(&mut redis.connection).await?;
        publish_and_subscribe(&mut redis).await?;
        many_at_once(&redis.connection, count).await?;
        let left: usize = redis.connection.del(KEYS).await?;
        println!("{left} keys deleted");
        Ok(())
    };
    timeout(Duration::from_secs(60), work).await?
}

/// A connection, what is pushed through it, and the task that drives it.
struct Redis {
    connection: MultiplexedConnection,
    pushes: UnboundedReceiver<PushInfo>,
    _driver: AbortOnDrop<()>,
}

impl Redis {
    async fn connect(url: &str) -> Result<Self, Box<dyn Error>> {
        let info = url.into_connection_info()?;
        let settings = info.redis_settings().clone();
        let settings = settings.set_protocol(ProtocolVersion::RESP3); // for the pushes
        let ConnectionAddr::Tcp(host, port) = info.addr() else {
            return Err("this example speaks TCP only".into());
        };
        let stream = TcpStream::connect((host.as_str(), *port)).await?;
        stream.set_nodelay(true)?;
        let (pushed, pushes) = unbounded();
        let config = AsyncConnectionConfig::new()
            .set_response_timeout(None)
            .set_push_sender(move |push| pushed.unbounded_send(push));
        let (connection, driver) =
            MultiplexedConnection::new_with_config(&settings, Compat::new(stream), config).await?;
        Ok(Self {
            connection,
            pushes,
            _driver: myrt::spawn(driver).abort_on_drop(),
        })
    }
}

async fn commands(redis: &mut MultiplexedConnection) -> Result<(), Box<dyn Error>> {
    let () = redis.set("myrt:example:greeting", "hello").await?;
    let greeting: String = redis.get("myrt:example:greeting").await?;
    println!("GET: {greeting}");

    let () = redis.pexpire("myrt:example:greeting", 50).await?;
    sleep(Duration::from_millis(80)).await;
    let expired: Option<String> = redis.get("myrt:example:greeting").await?;
    println!("GET after it has expired: {expired:?}");

    // Several commands in one write, and as one transaction.
    let (a, b): (u64, Vec<String>) = redis::pipe()
        .atomic()
        .incr("myrt:example:a", 41)
        .ignore()
        .incr("myrt:example:a", 1)
        .rpush("myrt:example:b", &["x", "y"])
        .ignore()
        .lrange("myrt:example:b", 0, -1)
        .query_async(redis)
        .await?;
    println!("MULTI: {a}, {b:?}");
    Ok(())
}

async fn publish_and_subscribe(redis: &mut Redis) -> Result<(), Box<dyn Error>> {
    const CHANNEL: &str = "myrt:example:channel";
    redis.connection.subscribe(CHANNEL).await?;
    let text = "to whom it may concern";
    let reached: usize = redis.connection.publish(CHANNEL, text).await?;
    while let Some(push) = redis.pushes.next().await {
        if let Some(message) = Msg::from_push_info(push) {
            let text: String = message.get_payload()?;
            println!("PUBLISH reached {reached}: {text:?}");
            break;
        }
    }
    redis.connection.unsubscribe(CHANNEL).await?;
    Ok(())
}

/// Clones of the connection share it; what they send at the same time goes out together.
async fn many_at_once(redis: &MultiplexedConnection, count: usize) -> Result<(), Box<dyn Error>> {
    const TASKS: usize = 50;
    let start = Instant::now();
    let workers = (0..TASKS).map(|_| {
        let mut redis = redis.clone();
        async move {
            for _ in 0..count / TASKS {
                let _: u64 = redis.incr("myrt:example:count", 1).await?;
            }
            Ok::<_, redis::RedisError>(())
        }
    });
    myrt::try_gather(workers).await?;
    let total: usize = redis.clone().get("myrt:example:count").await?;
    let rate = total as f64 / start.elapsed().as_secs_f64();
    println!("{total} INCR by {TASKS} tasks over one connection: {rate:.0} a second");
    if total == count / TASKS * TASKS {
        Ok(())
    } else {
        Err(format!("{total} is not what was counted").into())
    }
}
