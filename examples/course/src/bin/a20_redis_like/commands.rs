//! What each command does: words in, a reply out. It knows the store and the protocol's replies, no
//! socket.

use std::time::Duration;

use myrt::time::Instant;

use crate::glob;
use crate::resp::{self, Args};
use crate::store::Store;

/// What the connection does after the reply.
#[derive(PartialEq, Eq)]
pub(crate) enum After {
    GoOn,
    Close,
}

/// What commands may see of the server.
pub(crate) struct Server {
    pub(crate) store: Store,
    pub(crate) commands: u64,
    pub(crate) clients: usize,
    pub(crate) connections: u64,
    pub(crate) started: Instant,
    pub(crate) port: u16,
}

const SYNTAX: &str = "ERR syntax error";
const NOT_AN_INTEGER: &str = "ERR value is not an integer or out of range";

/// Runs one command and appends its reply to `out`.
pub(crate) fn execute(server: &mut Server, args: Args<'_>, out: &mut Vec<u8>) -> After {
    if args.len() == 0 {
        return After::GoOn; // an empty line
    }
    server.commands += 1;
    let name = args.get(0);
    let mut lower = [0; 16];
    let Some(known) = lower.get_mut(..name.len()) else {
        unknown(args, out);
        return After::GoOn;
    };
    known.copy_from_slice(name);
    known.make_ascii_lowercase();
    let known = &*known;

    // The commonest first. A row: how many words it takes, and what it does.
    match (known, args.len()) {
        (b"get", 2) => bulk_or_nil(out, server.store.read(args.get(1))),
        (b"set", 3..) => set(&mut server.store, args, out),
        (b"ping", 1) => resp::simple(out, "PONG"),
        (b"ping" | b"echo", 2) => resp::bulk(out, args.get(1)),
        (b"incr", 2) => add(&mut server.store, args.get(1), 1, out),
        (b"decr", 2) => add(&mut server.store, args.get(1), -1, out),
        (b"incrby", 3) => match number(args.get(2)) {
            Some(by) => add(&mut server.store, args.get(1), by, out),
            None => resp::error(out, NOT_AN_INTEGER),
        },
        (b"decrby", 3) => match number(args.get(2)).and_then(i64::checked_neg) {
            Some(by) => add(&mut server.store, args.get(1), by, out),
            None => resp::error(out, NOT_AN_INTEGER),
        },
        (b"del" | b"unlink", 2..) => {
            let keys = args.iter().skip(1);
            resp::count(out, keys.filter(|key| server.store.remove(key)).count());
        }
        (b"exists", 2..) => {
            let keys = args.iter().skip(1);
            resp::count(out, keys.filter(|key| server.store.contains(key)).count());
        }
        (b"mget", 2..) => {
            resp::array(out, args.len() - 1);
            for key in args.iter().skip(1) {
                bulk_or_nil(out, server.store.read(key));
            }
        }
        (b"mset", 3..) if args.len() % 2 == 1 => {
            for index in (1..args.len()).step_by(2) {
                server.store.set(args.get(index), args.get(index + 1));
            }
            resp::simple(out, "OK");
        }
        (b"expire", 3) => expire(&mut server.store, args, Duration::from_secs(1), out),
        (b"pexpire", 3) => expire(&mut server.store, args, Duration::from_millis(1), out),
        (b"persist", 2) => {
            let had = server.store.set_deadline(args.get(1), None);
            resp::integer(out, i64::from(had == Some(true)));
        }
        (b"ttl", 2) => time_left(&server.store, args.get(1), 1000, out),
        (b"pttl", 2) => time_left(&server.store, args.get(1), 1, out),
        (b"strlen", 2) => resp::count(out, server.store.read(args.get(1)).map_or(0, <[u8]>::len)),
        (b"type", 2) => {
            let there = server.store.contains(args.get(1));
            resp::simple(out, if there { "string" } else { "none" });
        }
        (b"keys", 2) => keys(&server.store, args.get(1), out),
        (b"dbsize", 1) => resp::count(out, server.store.len()),
        (b"flushall" | b"flushdb", _) => {
            server.store.clear();
            resp::simple(out, "OK");
        }
        (b"info", _) => resp::bulk(out, info(server).as_bytes()),
        (b"select", 2) => match number(args.get(1)) {
            Some(0) => resp::simple(out, "OK"),
            Some(_) => resp::error(out, "ERR DB index is out of range"),
            None => resp::error(out, "ERR invalid DB index"),
        },
        (b"config", 3..) if args.get(1).eq_ignore_ascii_case(b"get") => config(args, out),
        (b"config", 2..) => resp::error(out, "ERR only CONFIG GET is known here"),
        // Clients ask for a table of commands at start, and do without it.
        (b"command", 2..) if args.get(1).eq_ignore_ascii_case(b"count") => resp::integer(out, 28),
        (b"command", _) => resp::array(out, 0),
        (b"client", 2..) => resp::simple(out, "OK"),
        (b"hello", 2..) if args.get(1) != b"2" => {
            resp::error(out, "NOPROTO unsupported protocol version");
        }
        (b"quit", _) => {
            resp::simple(out, "OK");
            return After::Close;
        }
        _ if is_known(known) => {
            let name = known.escape_ascii();
            let text = format!("ERR wrong number of arguments for '{name}' command");
            resp::error(out, &text);
        }
        _ => unknown(args, out),
    }
    After::GoOn
}

/// The commands that come here with a wrong number of words only.
fn is_known(name: &[u8]) -> bool {
    const NAMES: [&[u8]; 24] = [
        b"get", b"set", b"ping", b"echo", b"incr", b"decr", b"incrby", b"decrby", b"del",
        b"unlink", b"exists", b"mget", b"mset", b"expire", b"pexpire", b"persist", b"ttl", b"pttl",
        b"strlen", b"type", b"keys", b"dbsize", b"select", b"config",
    ];
    NAMES.contains(&name)
}

fn unknown(args: Args<'_>, out: &mut Vec<u8>) {
    let mut text = format!(
        "ERR unknown command '{}', with args beginning with: ",
        short(args.get(0))
    );
    for word in args.iter().skip(1).take(3) {
        text.push_str(&format!("'{}' ", short(word)));
    }
    resp::error(out, &text);
}

/// The beginning of a word, fit to be shown.
fn short(word: &[u8]) -> String {
    word[..word.len().min(64)].escape_ascii().to_string()
}

fn bulk_or_nil(out: &mut Vec<u8>, value: Option<&[u8]>) {
    match value {
        Some(value) => resp::bulk(out, value),
        None => resp::nil(out),
    }
}

/// A number as Redis takes it: an optional minus, digits, nothing else.
fn number(bytes: &[u8]) -> Option<i64> {
    match bytes {
        [b'+', ..] => None,
        _ => std::str::from_utf8(bytes).ok()?.parse().ok(),
    }
}

/// `SET key value [NX | XX] [EX seconds | PX milliseconds | KEEPTTL] [GET]`
fn set(store: &mut Store, args: Args<'_>, out: &mut Vec<u8>) {
    let (key, value) = (args.get(1), args.get(2));
    if args.len() == 3 {
        store.set(key, value);
        resp::simple(out, "OK");
        return;
    }
    let options = match SetOptions::parse(args) {
        Ok(options) => options,
        Err(text) => return resp::error(out, text),
    };
    let there = store.contains(key);
    let old = if options.get {
        store.value_mut(key).map(|value| value.clone())
    } else {
        None
    };
    let may = if there {
        !options.only_new
    } else {
        !options.only_old
    };
    if may {
        match store.value_mut(key).filter(|_| options.keep_deadline) {
            Some(slot) => value.clone_into(slot),
            None => store.set(key, value),
        }
        if options.lifetime.is_some() {
            store.set_deadline(key, options.lifetime.and_then(from_now));
        }
    }
    match (options.get, may) {
        (true, _) => bulk_or_nil(out, old.as_deref()),
        (false, true) => resp::simple(out, "OK"),
        (false, false) => resp::nil(out),
    }
}

#[derive(Default)]
struct SetOptions {
    only_new: bool,
    only_old: bool,
    keep_deadline: bool,
    get: bool,
    lifetime: Option<Duration>,
}

impl SetOptions {
    fn parse(args: Args<'_>) -> Result<Self, &'static str> {
        let mut options = Self::default();
        let mut words = args.iter().skip(3);
        while let Some(word) = words.next() {
            let unit = match word.to_ascii_lowercase().as_slice() {
                b"nx" if !options.only_old => {
                    options.only_new = true;
                    continue;
                }
                b"xx" if !options.only_new => {
                    options.only_old = true;
                    continue;
                }
                b"keepttl" if options.lifetime.is_none() => {
                    options.keep_deadline = true;
                    continue;
                }
                b"get" => {
                    options.get = true;
                    continue;
                }
                b"ex" => 1000,
                b"px" => 1,
                _ => return Err(SYNTAX),
            };
            if options.keep_deadline || options.lifetime.is_some() {
                return Err(SYNTAX);
            }
            let amount = number(words.next().ok_or(SYNTAX)?).ok_or(NOT_AN_INTEGER)?;
            let millis = u64::try_from(amount).ok().filter(|amount| *amount > 0);
            let millis = millis.and_then(|amount| amount.checked_mul(unit));
            let millis = millis.ok_or("ERR invalid expire time in 'set' command")?;
            options.lifetime = Some(Duration::from_millis(millis));
        }
        Ok(options)
    }
}

/// A deadline so far off that the clock cannot say it is none.
fn from_now(lifetime: Duration) -> Option<Instant> {
    Instant::now().checked_add(lifetime)
}

fn expire(store: &mut Store, args: Args<'_>, unit: Duration, out: &mut Vec<u8>) {
    let key = args.get(1);
    let Some(amount) = number(args.get(2)) else {
        return resp::error(out, NOT_AN_INTEGER);
    };
    let done = match u64::try_from(amount) {
        // The past: it is gone at once.
        Err(_) | Ok(0) => store.remove(key),
        Ok(amount) => {
            let unit = u64::try_from(unit.as_millis()).unwrap_or(u64::MAX);
            let lifetime = Duration::from_millis(amount.saturating_mul(unit));
            store.set_deadline(key, from_now(lifetime)).is_some()
        }
    };
    resp::integer(out, i64::from(done));
}

/// -2: no such key. -1: it stays. Otherwise the time it has, rounded to the unit.
fn time_left(store: &Store, key: &[u8], unit: u128, out: &mut Vec<u8>) {
    let left = match store.time_left(key) {
        None => -2,
        Some(None) => -1,
        Some(Some(left)) => i64::try_from((left.as_millis() + unit / 2) / unit).unwrap_or(i64::MAX),
    };
    resp::integer(out, left);
}

fn add(store: &mut Store, key: &[u8], by: i64, out: &mut Vec<u8>) {
    let Some(value) = store.value_mut(key) else {
        store.remove(key); // one whose time has come
        store.set(key, by.to_string().as_bytes());
        return resp::integer(out, by);
    };
    let Some(old) = number(value) else {
        return resp::error(out, NOT_AN_INTEGER);
    };
    let Some(new) = old.checked_add(by) else {
        return resp::error(out, "ERR increment or decrement would overflow");
    };
    value.clear();
    resp::decimal(value, new);
    resp::integer(out, new);
}

fn keys(store: &Store, pattern: &[u8], out: &mut Vec<u8>) {
    let matching: Vec<_> = store
        .keys()
        .filter(|key| glob::matches(pattern, key))
        .collect();
    resp::array(out, matching.len());
    for key in matching {
        resp::bulk(out, key);
    }
}

/// What `redis-benchmark` asks for, and what is true here: nothing is written to disk.
fn config(args: Args<'_>, out: &mut Vec<u8>) {
    const SETTINGS: [(&str, &str); 5] = [
        ("save", ""),
        ("appendonly", "no"),
        ("databases", "1"),
        ("maxmemory", "0"),
        ("io-threads", "1"),
    ];
    let asked = |name: &str| {
        args.iter()
            .skip(2)
            .any(|pattern| glob::matches(pattern, name.as_bytes()))
    };
    let found: Vec<_> = SETTINGS.iter().filter(|(name, _)| asked(name)).collect();
    resp::array(out, found.len() * 2);
    for (name, value) in found {
        resp::bulk(out, name.as_bytes());
        resp::bulk(out, value.as_bytes());
    }
}

fn info(server: &Server) -> String {
    let uptime = server.started.elapsed().as_secs();
    let store = &server.store;
    format!(
        "# Server\r\nredis_version:7.0.0-myrt\r\nredis_mode:standalone\r\nprocess_id:{}\r\ntcp_port:{}\r\nuptime_in_seconds:{uptime}\r\n\r\n\
         # Clients\r\nconnected_clients:{}\r\n\r\n\
         # Memory\r\nused_memory_rss:{}\r\n\r\n\
         # Stats\r\ntotal_connections_received:{}\r\ntotal_commands_processed:{}\r\nexpired_keys:{}\r\nkeyspace_hits:{}\r\nkeyspace_misses:{}\r\n\r\n\
         # Keyspace\r\ndb0:keys={},expires={},avg_ttl=0\r\n",
        std::process::id(),
        server.port,
        server.clients,
        resident(),
        server.connections,
        server.commands,
        store.expired,
        store.hits,
        store.misses,
        store.len(),
        store.mortal(),
    )
}

/// Resident memory in bytes; 0 where the system does not tell.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * 4096
}
