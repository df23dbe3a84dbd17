//! A chat server with three clients, seen through its monitor: a script over plain sockets, and
//! every answer to the letter.
//!
//! Durations, descriptors and counts of polls are masked, addresses are shown by whose they are,
//! places in this file as the line of code that stands there, with ▸ at the column.
#![allow(clippy::disallowed_methods, reason = "tests start threads")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream as Plain};
use std::rc::Rc;
use std::sync::mpsc as threads;
use std::thread;

use myrt::io::Reader;
use myrt::net::tcp::OwnedReadHalf;
use myrt::net::{TcpListener, TcpStream};
use myrt::sync::mpsc;
use myrt::task;

#[path = "support/ask.rs"]
mod ask;
use ask::{ask, ask_allowed};

/// The names of who is there, and where to put what is said to them.
type Room = Rc<RefCell<BTreeMap<String, mpsc::UnboundedSender<String>>>>;

async fn serve(listener: TcpListener) {
    let room = Room::default();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let room = Rc::clone(&room);
        drop(myrt::spawn(async move { chat(stream, &room).await }));
    }
}

/// Leaves the room however the chat ends.
struct Seat<'a>(&'a Room, String);

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.0.borrow_mut().remove(&self.1);
        tell(self.0, &self.1, "leaves");
    }
}

/// The next line that a client says; none when it has left.
async fn hear(client: &mut Reader<OwnedReadHalf>) -> Option<String> {
    let mut line = String::new();
    let read = client.read_line(&mut line).await.ok()?;
    (read > 0).then(|| line.trim_end().to_owned())
}

async fn chat(stream: TcpStream, room: &Room) {
    let (read, write) = stream.into_split();
    let mut client = Reader::new(read);
    let Some(name) = hear(&mut client).await else {
        return;
    };
    task::current().set_name(name.as_str());
    let (to_me, mut mine) = mpsc::unbounded::<String>();
    let writer = task::Builder::new().name(format!("to {name}"));
    drop(writer.spawn(async move {
        while let Some(line) = mine.recv().await {
            write.write_all(line.as_bytes()).await.unwrap();
        }
    }));
    room.borrow_mut().insert(name.clone(), to_me);
    tell(room, &name, "is here");
    let seat = Seat(room, name);
    while let Some(said) = hear(&mut client).await {
        tell(room, &seat.1, &format!("says {said}"));
    }
}

/// Says it to everybody, the one who does it included.
fn tell(room: &Room, who: &str, does: &str) {
    for to in room.borrow().values() {
        let _ = to.send(format!("{who} {does}\n"));
    }
}

/// One of the three, on a plain socket.
struct Client {
    stream: Plain,
    lines: BufReader<Plain>,
}

impl Client {
    fn new(server: SocketAddr, name: &str) -> Self {
        let stream = Plain::connect(server).unwrap();
        let lines = BufReader::new(stream.try_clone().unwrap());
        let mut client = Self { stream, lines };
        client.say(name);
        client
    }

    fn say(&mut self, line: &str) {
        writeln!(self.stream, "{line}").unwrap();
    }

    #[track_caller]
    fn hears(&mut self, expected: &str) {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        assert_eq!(line.trim_end(), expected);
    }
}

/// The monitor's answers, made comparable.
struct Script {
    monitor: SocketAddr,
    token: String,
    known: Vec<(String, &'static str)>,
}

impl Script {
    /// Asks until nobody is about to run: what was said to the server has been worked through then.
    fn ask(&self, question: &str) -> String {
        while ask(self.monitor, "ps").lines().skip(1).any(|line| {
            let waits = line.contains(" waiting ");
            !waits
        }) {
            thread::yield_now();
        }
        self.comparable(&ask(self.monitor, question))
    }

    fn order(&self, command: &str) -> String {
        self.comparable(&ask_allowed(self.monitor, &self.token, command))
    }

    fn comparable(&self, answer: &str) -> String {
        let answer = ask::without_times(answer);
        let mut text = ask::show_places(&answer, file!(), include_str!("monitor_chat.rs"));
        for (address, whose) in &self.known {
            text = text.replace(address, whose);
        }
        text = ask::mask(&text, " fd ", |c| !c.is_ascii_digit(), "_");
        text = ask::mask(&text, "\"fd\":", |c| c == ',', "_");
        text = ask::mask(&text, "\"polls\":", |c| c == ',', "_");
        text = ask::mask(&text, "\"waited_ms\":", |c| c == ',', "_");
        text = ask::mask(&text, " waits ", |c| c == ' ', "_");
        text = ask::mask(&text, "channel at ", |c| c == ' ', "_");
        text = ask::mask(&text, "\"object\":\"", |c| c == '"', "_");
        let lines = text.lines().map(without_polls);
        lines
            .collect::<Vec<_>>()
            .join("\n")
            .replace("},{", "},\n {")
    }
}

/// The count of polls stands at the end of a line of `tree`, and in the fourth column of `ps`.
fn without_polls(line: &str) -> String {
    match line.rsplit_once(", ") {
        Some((before, last)) if last.contains(" poll") => before.to_owned(),
        _ if line.contains("  waits ") => {
            line.chars().take(35).chain(line.chars().skip(44)).collect()
        }
        _ => line.to_owned(),
    }
}

/// Runs the server on a thread of its own; the addresses of server and monitor, and the token.
fn start() -> (SocketAddr, SocketAddr, String) {
    let (tell, told) = threads::channel();
    thread::spawn(move || {
        let runtime = myrt::runtime::Runtime::new().unwrap();
        let _ = runtime.try_block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let monitor = myrt::monitor::start("127.0.0.1:0").unwrap();
            let places = (
                listener.local_addr().unwrap(),
                monitor.local_addr().unwrap(),
                monitor.token().unwrap().to_owned(),
            );
            tell.send(places).unwrap();
            serve(listener).await;
        });
    });
    told.recv().unwrap()
}

#[test]
fn the_monitor_shows_who_chats_and_ends_one_chat() {
    let (server, monitor, token) = start();
    let mut script = Script {
        monitor,
        token,
        known: vec![(server.to_string(), "the server")],
    };
    let mut clients = Vec::new();
    for name in ["anna", "bert", "cleo"] {
        let client = Client::new(server, name);
        let address = client.stream.local_addr().unwrap().to_string();
        script.known.push((address, name));
        clients.push(client);
        for client in &mut clients {
            client.hears(&format!("{name} is here"));
        }
    }

    assert_eq!(script.ask("ps"), PS);
    assert_eq!(script.ask("tree"), TREE);
    assert_eq!(script.ask("ps --json"), JSON);
    assert_eq!(script.ask("where bert"), WHERE);
    assert_eq!(
        script.order("cancel bert"),
        "task 3 \"bert\" is told to end"
    );

    let [anna, bert, cleo] = &mut clients[..] else {
        unreachable!()
    };
    anna.hears("bert leaves");
    cleo.hears("bert leaves");
    bert.hears("");
    anna.say("a pity");
    anna.hears("anna says a pity");
    cleo.hears("anna says a pity");
    assert_eq!(script.ask("tree"), TREE_WITHOUT_BERT);
    assert_eq!(script.ask("where bert"), "error: there is no task bert");
    script.order("cancel main");
}

const PS: &str = r#"id       name                 state    polls  doing
main     -                  waiting  waits _ to accept on fd _ (the server) at let (stream, _) = listener.▸accept().await.unwrap();
1        anna               waiting  waits _ to read fd _ (anna) at let read = client.▸read_line(&mut line).await.ok()?;
2        to anna            waiting  waits _ for the channel at _ at while let Some(line) = mine.▸recv().await {
3        bert               waiting  waits _ to read fd _ (bert) at let read = client.▸read_line(&mut line).await.ok()?;
4        to bert            waiting  waits _ for the channel at _ at while let Some(line) = mine.▸recv().await {
5        cleo               waiting  waits _ to read fd _ (cleo) at let read = client.▸read_line(&mut line).await.ok()?;
6        to cleo            waiting  waits _ for the channel at _ at while let Some(line) = mine.▸recv().await {"#;

const TREE: &str = r#"main: waits _ to accept on fd _ (the server) at let (stream, _) = listener.▸accept().await.unwrap();
├─ 1 "anna": waits _ to read fd _ (anna) at let read = client.▸read_line(&mut line).await.ok()?;
│  └─ 2 "to anna": waits _ for the channel at _ at while let Some(line) = mine.▸recv().await {
├─ 3 "bert": waits _ to read fd _ (bert) at let read = client.▸read_line(&mut line).await.ok()?;
│  └─ 4 "to bert": waits _ for the channel at _ at while let Some(line) = mine.▸recv().await {
└─ 5 "cleo": waits _ to read fd _ (cleo) at let read = client.▸read_line(&mut line).await.ok()?;
   └─ 6 "to cleo": waits _ for the channel at _ at while let Some(line) = mine.▸recv().await {"#;

const JSON: &str = r#"[{"id":"main","state":"waiting","spawned_at":"let _ = runtime.▸try_block_on(async {","polls":_,"waited_ms":_,"waits_for":"accept","fd":_,"local":"the server","waits_at":"let (stream, _) = listener.▸accept().await.unwrap();"},
 {"id":"1","name":"anna","state":"waiting","spawned_at":"drop(▸myrt::spawn(async move { chat(stream, &room).await }));","parent":"main","polls":_,"waited_ms":_,"waits_for":"read","fd":_,"peer":"anna","local":"the server","waits_at":"let read = client.▸read_line(&mut line).await.ok()?;"},
 {"id":"2","name":"to anna","state":"waiting","spawned_at":"drop(writer.▸spawn(async move {","parent":"1","polls":_,"waited_ms":_,"waits_for":"channel","object":"_","waits_at":"while let Some(line) = mine.▸recv().await {"},
 {"id":"3","name":"bert","state":"waiting","spawned_at":"drop(▸myrt::spawn(async move { chat(stream, &room).await }));","parent":"main","polls":_,"waited_ms":_,"waits_for":"read","fd":_,"peer":"bert","local":"the server","waits_at":"let read = client.▸read_line(&mut line).await.ok()?;"},
 {"id":"4","name":"to bert","state":"waiting","spawned_at":"drop(writer.▸spawn(async move {","parent":"3","polls":_,"waited_ms":_,"waits_for":"channel","object":"_","waits_at":"while let Some(line) = mine.▸recv().await {"},
 {"id":"5","name":"cleo","state":"waiting","spawned_at":"drop(▸myrt::spawn(async move { chat(stream, &room).await }));","parent":"main","polls":_,"waited_ms":_,"waits_for":"read","fd":_,"peer":"cleo","local":"the server","waits_at":"let read = client.▸read_line(&mut line).await.ok()?;"},
 {"id":"6","name":"to cleo","state":"waiting","spawned_at":"drop(writer.▸spawn(async move {","parent":"5","polls":_,"waited_ms":_,"waits_for":"channel","object":"_","waits_at":"while let Some(line) = mine.▸recv().await {"}]"#;

const WHERE: &str = r#"task 3 "bert": waits _ to read fd _ (bert) at let read = client.▸read_line(&mut line).await.ok()?;
spawned at drop(▸myrt::spawn(async move { chat(stream, &room).await }));
under task main: waits _ to accept on fd _ (the server) at let (stream, _) = listener.▸accept().await.unwrap();"#;

const TREE_WITHOUT_BERT: &str = r#"main: waits _ to accept on fd _ (the server) at let (stream, _) = listener.▸accept().await.unwrap();
├─ 1 "anna": waits _ to read fd _ (anna) at let read = client.▸read_line(&mut line).await.ok()?;
│  └─ 2 "to anna": waits _ for the channel at _ at while let Some(line) = mine.▸recv().await {
└─ 5 "cleo": waits _ to read fd _ (cleo) at let read = client.▸read_line(&mut line).await.ok()?;
   └─ 6 "to cleo": waits _ for the channel at _ at while let Some(line) = mine.▸recv().await {"#;
