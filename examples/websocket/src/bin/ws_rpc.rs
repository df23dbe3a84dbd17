//! Request and response over one WebSocket: many calls at once, each answer finds its call.
//!
//! Course: the visual guide's RPC with correlation ids (E21), with its disconnections (E22). A call
//! carries a number, its answer the same one; the server works on all calls at once, so answers
//! come in any order. Each call has a time limit of its own, and one that is given up leaves
//! nothing behind.
//!
//! ```text
//! cargo run --release --bin ws_rpc                               the server, on 127.0.0.1:9006
//! cargo run --release --bin ws_rpc -- --call 127.0.0.1:9006      a client: 1,000 calls, interleaved
//! python3 -m websockets ws://127.0.0.1:9006/                     by hand
//! ```
//!
//! Calls are `{"id": 1, "method": "add", "params": [1, 2]}`, answers `{"id": 1, "result": 3}` or
//! `{"id": 1, "error": "..."}`. Methods: `add` (numbers), `sleep` (milliseconds, then the same
//! back), `never` (no answer at all).

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::rc::Rc;

use async_tungstenite::tungstenite::Message;
use async_tungstenite::{WebSocketReceiver, WebSocketSender, client_async};
use myrt::net::TcpStream;
use myrt::stream::StreamExt;
use myrt::sync::{Mutex, Semaphore, oneshot};
use myrt::task::{AbortOnDrop, JoinSet};
use myrt::time::{Duration, Instant, sleep, timeout};
use myrt_example_websocket::{Options, mailbox, serve};
use serde_json::{Value, json};

const QUEUE: usize = 256;
/// Calls of one client that are worked on at once. A client that sends more is read no further.
const AT_ONCE: usize = 1024;

#[myrt::main]
async fn main() -> Result<(), Box<dyn Error>> {
    if let Some(at) = std::env::args().position(|argument| argument == "--call") {
        let address = std::env::args().nth(at + 1);
        return call_many(address.as_deref().unwrap_or("127.0.0.1:9006")).await;
    }
    let options = Options::from_arguments("127.0.0.1:9006")?;
    serve(options, async |socket, _, server| {
        let (mailbox, outbox) = mailbox(QUEUE);
        let slots = Rc::new(Semaphore::new(AT_ONCE));
        let mut calls = JoinSet::new(); // dropped with the session, and its tasks with it
        let heard = async |message: Message| {
            while calls.try_join_next().is_some() {}
            let slot = slots.clone().acquire_owned().await;
            let mailbox = mailbox.clone();
            calls.spawn(async move {
                let answer = match message.to_text().map(serde_json::from_str::<Value>) {
                    Ok(Ok(call)) => answer(&call).await,
                    _ => json!({"id": null, "error": "this is not JSON"}),
                };
                mailbox.send(Message::text(answer.to_string())).await;
                drop(slot);
            });
        };
        server.converse(socket, outbox, heard).await
    })
    .await?;
    Ok(())
}

async fn answer(call: &Value) -> Value {
    let (id, params) = (&call["id"], &call["params"]);
    match call["method"].as_str() {
        Some("add") => {
            let numbers = params.as_array().into_iter().flatten();
            json!({"id": id, "result": numbers.filter_map(Value::as_i64).sum::<i64>()})
        }
        Some("sleep") => {
            let millis = params.as_u64().unwrap_or(0).min(60_000);
            sleep(Duration::from_millis(millis)).await;
            json!({"id": id, "result": params})
        }
        Some("never") => std::future::pending().await,
        _ => json!({"id": id, "error": "there is no such method"}),
    }
}

/// The calling side: clones of it share one connection.
#[derive(Clone)]
struct Caller(Rc<Shared>);

struct Shared {
    sender: Mutex<WebSocketSender<TcpStream>>,
    /// Who waits for which answer.
    waiting: Rc<RefCell<HashMap<u64, oneshot::Sender<Value>>>>,
    next: Cell<u64>,
    _listening: AbortOnDrop<()>,
}

/// Why a call has no result.
#[derive(Debug)]
enum CallError {
    /// The time that it had is over.
    Late,
    /// The connection is.
    Lost,
    /// The other side says so.
    Refused(String),
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Late => f.write_str("no answer in time"),
            Self::Lost => f.write_str("the connection was lost"),
            Self::Refused(why) => f.write_str(why),
        }
    }
}

impl Error for CallError {}

impl Caller {
    async fn connect(address: &str) -> Result<Self, Box<dyn Error>> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (socket, _) = client_async(format!("ws://{address}/"), stream).await?;
        let (sender, receiver) = socket.split();
        let waiting = Rc::default();
        let listening = myrt::spawn(listen(receiver, Rc::clone(&waiting))).abort_on_drop();
        Ok(Self(Rc::new(Shared {
            sender: Mutex::new(sender),
            waiting,
            next: Cell::new(1),
            _listening: listening,
        })))
    }

    /// Calls a method and waits for the answer, but no longer than `limit`.
    async fn call(&self, method: &str, params: Value, limit: Duration) -> Result<Value, CallError> {
        let id = self.0.next.get();
        self.0.next.set(id + 1);
        let (told, answer) = oneshot::channel();
        self.0.waiting.borrow_mut().insert(id, told);
        // However this call ends, nobody waits for its answer any more.
        let _forget = Forget(id, &self.0.waiting);
        let call = json!({"id": id, "method": method, "params": params}).to_string();
        let answer = timeout(limit, async {
            // A task of its own: a message that is half sent must not be given up, or it would
            // spoil the others.
            let shared = self.0.clone();
            let sent =
                myrt::spawn(
                    async move { shared.sender.lock().await.send(Message::text(call)).await },
                );
            match sent.await {
                Ok(Ok(())) => answer.await.map_err(|_| CallError::Lost),
                _ => Err(CallError::Lost),
            }
        });
        let mut answer = answer.await.map_err(|_| CallError::Late)??;
        match answer["error"].as_str() {
            Some(error) => Err(CallError::Refused(error.to_owned())),
            None => Ok(answer["result"].take()),
        }
    }
}

struct Forget<'a>(u64, &'a RefCell<HashMap<u64, oneshot::Sender<Value>>>);

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        let waiting = self.1.borrow_mut().remove(&self.0);
        drop(waiting);
    }
}

/// Hands each answer to its call, until the connection ends; then all that still wait hear that it
/// is lost.
async fn listen(
    mut receiver: WebSocketReceiver<TcpStream>,
    waiting: Rc<RefCell<HashMap<u64, oneshot::Sender<Value>>>>,
) {
    while let Some(Ok(message)) = receiver.next().await {
        let Ok(answer) = serde_json::from_str::<Value>(message.to_text().unwrap_or_default())
        else {
            continue;
        };
        let call = answer["id"]
            .as_u64()
            .and_then(|id| waiting.borrow_mut().remove(&id));
        if let Some(call) = call {
            let _ = call.send(answer);
        } // else it came too late, and its call has said so
    }
    let lost = waiting.take();
    drop(lost);
}

/// A thousand calls at once, of which those with odd numbers take a while; and one that is never
/// answered.
async fn call_many(address: &str) -> Result<(), Box<dyn Error>> {
    let caller = Caller::connect(address).await?;
    let start = Instant::now();
    let never = {
        let caller = caller.clone();
        myrt::spawn(async move {
            let limit = Duration::from_millis(250);
            caller.call("never", Value::Null, limit).await
        })
    };
    let order = RefCell::new(Vec::new());
    let calls = (0..1000u64).map(|number| {
        let (caller, order) = (caller.clone(), &order);
        async move {
            let limit = Duration::from_secs(10);
            let right = if number % 2 == 0 {
                let sum = caller.call("add", json!([number, 1]), limit).await?;
                sum == number + 1
            } else {
                let millis = number * 7919 % 100;
                caller.call("sleep", json!(millis), limit).await? == millis
            };
            order.borrow_mut().push(number);
            Ok::<_, CallError>(right)
        }
    });
    let answers = myrt::try_gather(calls).await?;
    let right = answers.iter().filter(|right| **right).count();
    let overtaken = order.borrow().windows(2).filter(|w| w[0] > w[1]).count();
    println!(
        "{right} of {} answers right, {overtaken} overtaken, in {:?}",
        answers.len(),
        start.elapsed()
    );
    match never.await? {
        Err(CallError::Late) => println!("the call without an answer: {}", CallError::Late),
        other => return Err(format!("the call without an answer: {other:?}").into()),
    }
    match caller
        .call("nonsense", Value::Null, Duration::from_secs(10))
        .await
    {
        Err(CallError::Refused(why)) => println!("the call of no method: {why}"),
        other => return Err(format!("the call of no method: {other:?}").into()),
    }
    let left = caller.0.waiting.borrow().len();
    println!("{left} calls still wait");
    if right == 1000 && left == 0 {
        Ok(())
    } else {
        Err("that is not right".into())
    }
}
