//! An HTTP server: static files and JSON, keep-alive, pipelining.
//!
//! Shows what a request costs when nothing is wasted: one `read`, one `write`. Requests that come
//! together are answered together. Files are read by the thread pool, since a disk can be slow and
//! no selector tells when a file is ready; a slow file delays its own client and nobody else. A
//! client that takes its time with the head is shown out (slow loris), and so is one whose head is
//! too long.
//!
//! Course: 8.5, case 3, Node's server (A21; the claim N8), and `start_server` (A22); the
//! request/response sequence is D2's. The course's servers read once and take that for a whole
//! request.
//!
//! ```text
//! cargo run --release -p course --bin http_server                        serves . on 127.0.0.1:8000
//! cargo run --release -p course --bin http_server -- 127.0.0.1:8080 --root site
//! ```
//!
//! Clients: `curl -i localhost:8000/json`, a browser, `wrk -t1 -c50 http://localhost:8000/`.
//! Routes: `/` says hello, `/json` too, everything else is a file.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::SystemTime;

use lexopt::ValueExt;
use myrt::net::{TcpListener, TcpStream};
use myrt::time::{Duration, Instant, timeout_at};

/// Longest head of a request, and longest body that is read over.
const MAX_HEAD: usize = 16 * 1024;
const MAX_BODY: usize = 1024 * 1024;
const MAX_HEADERS: usize = 64;
/// How long a connection may be idle, and how long a head may take from its first byte unless
/// `--patience` says otherwise.
const IDLE: Duration = Duration::from_secs(60);
const HEAD: Duration = Duration::from_secs(10);
/// How long the client may take to accept a piece of the answer.
const STALLED: Duration = Duration::from_secs(60);
/// Answers are sent when there are this many bytes of them. A piece of a file has this length, too.
const ENOUGH: usize = 64 * 1024;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut address = "127.0.0.1:8000".to_owned();
    let mut root = PathBuf::from(".");
    let mut patience = HEAD;
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            lexopt::Arg::Value(value) => address = value.string()?,
            lexopt::Arg::Long("root") => root = arguments.value()?.into(),
            lexopt::Arg::Long("patience") => {
                patience = Duration::from_millis(arguments.value()?.parse()?);
            }
            other => return Err(other.unexpected().into()),
        }
    }
    let _ = myrt::runtime::raise_fd_limit();
    let site = Site {
        root: root.canonicalize()?,
        date: Date::default(),
        patience,
    };
    Ok(myrt::run(serve(&address, Rc::new(site)))?)
}

async fn serve(address: &str, site: Rc<Site>) -> io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let _ = stream.set_nodelay(true);
                let connection = Connection {
                    stream,
                    site: Rc::clone(&site),
                    out: Vec::new(),
                };
                drop(myrt::spawn(async {
                    // An error is this client's end; there is nobody to tell it.
                    let _: io::Result<()> = connection.serve().await;
                }));
            }
            Err(error) => eprintln!("accept: {error}"),
        }
    }
}

/// What all connections share.
struct Site {
    root: PathBuf,
    date: Date,
    /// How long a head may take from its first byte.
    patience: Duration,
}

struct Connection {
    stream: TcpStream,
    site: Rc<Site>,
    /// Answers that are not sent yet.
    out: Vec<u8>,
}

/// What a head says, as far as it matters here.
struct Request {
    method: Method,
    path: String,
    keep_alive: bool,
    body: usize,
    /// Bytes of the head.
    length: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Method {
    Get,
    Head,
    Other,
}

impl Connection {
    async fn serve(mut self) -> io::Result<()> {
        let mut input = vec![0; 4096];
        let mut filled = 0;
        let mut deadline = Instant::now() + IDLE;
        loop {
            // Every whole request that is there.
            let mut at = 0;
            while at < filled {
                match Request::parse(&input[at..filled]) {
                    Ok(Some(request)) => {
                        at += request.length;
                        let keep = request.keep_alive;
                        let here = request.body.min(filled - at);
                        let missing = request.body - here;
                        at += here;
                        self.answer(&request).await?;
                        if missing > 0 {
                            self.skip(missing).await?;
                        }
                        if !keep {
                            return self.flush().await;
                        }
                        if self.out.len() >= ENOUGH {
                            self.flush().await?;
                        }
                    }
                    Ok(None) => break,
                    Err((status, text)) => {
                        self.respond(Method::Get, status, "text/plain", text.as_bytes(), false);
                        return self.flush().await;
                    }
                }
            }
            self.flush().await?;
            // What is left is the beginning of a request.
            input.copy_within(at..filled, 0);
            filled -= at;
            if filled == 0 {
                deadline = Instant::now() + IDLE;
            } else if at > 0 {
                deadline = Instant::now() + self.site.patience;
            }
            if filled == input.len() {
                input.resize((2 * filled).min(MAX_HEAD + 1), 0);
            }
            let was_idle = filled == 0;
            match timeout_at(deadline, self.stream.read(&mut input[filled..])).await {
                Ok(Ok(0)) => return Ok(()),
                Ok(read) => filled += read?,
                Err(_) if filled == 0 => return Ok(()),
                Err(_) => {
                    self.respond(
                        Method::Get,
                        "408 Request Timeout",
                        "text/plain",
                        b"too slow\n",
                        false,
                    );
                    return self.flush().await;
                }
            }
            if was_idle {
                deadline = Instant::now() + self.site.patience;
            }
        }
    }

    async fn answer(&mut self, request: &Request) -> io::Result<()> {
        let Request {
            method, keep_alive, ..
        } = *request;
        match (method, request.path.as_str()) {
            (Method::Other, _) => {
                self.respond(
                    Method::Get,
                    "405 Method Not Allowed",
                    "text/plain",
                    b"GET and HEAD only\n",
                    keep_alive,
                );
            }
            (_, "/") => self.respond(
                method,
                "200 OK",
                "text/plain",
                b"Hello, world!\n",
                keep_alive,
            ),
            (_, "/json") => {
                self.respond(
                    method,
                    "200 OK",
                    "application/json",
                    br#"{"message":"Hello, world!"}"#,
                    keep_alive,
                );
            }
            (_, path) => return self.file(method, path, keep_alive).await,
        }
        Ok(())
    }

    fn respond(&mut self, method: Method, status: &str, kind: &str, body: &[u8], keep_alive: bool) {
        self.head(status, kind, body.len() as u64, keep_alive);
        if method != Method::Head {
            self.out.extend_from_slice(body);
        }
    }

    fn head(&mut self, status: &str, kind: &str, length: u64, keep_alive: bool) {
        let out = &mut self.out;
        for part in [
            "HTTP/1.1 ",
            status,
            "\r\nContent-Type: ",
            kind,
            "\r\nDate: ",
        ] {
            out.extend_from_slice(part.as_bytes());
        }
        self.site.date.append(out);
        out.extend_from_slice(b"\r\nContent-Length: ");
        decimal(out, length);
        out.extend_from_slice(if keep_alive {
            b"\r\n\r\n"
        } else {
            b"\r\nConnection: close\r\n\r\n"
        });
    }

    /// Sends a file, in pieces: memory does not depend on its size.
    async fn file(&mut self, method: Method, path: &str, keep_alive: bool) -> io::Result<()> {
        let root = self.site.root.clone();
        let wanted = path.to_owned();
        let opened = blocking(move || open(&root, &wanted)).await;
        let Ok((mut file, length)) = opened else {
            self.respond(
                method,
                "404 Not Found",
                "text/plain",
                b"no such file\n",
                keep_alive,
            );
            return Ok(());
        };
        self.head("200 OK", content_type(path), length, keep_alive);
        let mut left = if method == Method::Head { 0 } else { length };
        let mut piece = Vec::new();
        while left > 0 {
            (file, piece) = blocking(move || {
                piece.clear();
                let read = (&mut file)
                    .take(left.min(ENOUGH as u64))
                    .read_to_end(&mut piece)?;
                // The head has promised more: only the end of the connection can say that it was
                // not true.
                if read == 0 {
                    Err(io::ErrorKind::UnexpectedEof.into())
                } else {
                    Ok((file, piece))
                }
            })
            .await?;
            left -= piece.len() as u64;
            self.out.extend_from_slice(&piece);
            if self.out.len() >= ENOUGH {
                self.flush().await?;
            }
        }
        Ok(())
    }

    async fn flush(&mut self) -> io::Result<()> {
        let mut rest = &self.out[..];
        while !rest.is_empty() {
            // Almost always one call takes it all. Otherwise there is time to think of a client
            // that never reads.
            let sent = match self.stream.try_write(rest) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    timeout_at(Instant::now() + STALLED, self.stream.write(rest)).await??
                }
                sent => sent?,
            };
            rest = &rest[sent..];
        }
        self.out.clear();
        self.out.shrink_to(2 * ENOUGH);
        Ok(())
    }

    /// Reads over the rest of a body that nobody wants.
    async fn skip(&mut self, mut missing: usize) -> io::Result<()> {
        let mut scratch = [0; 4096];
        let deadline = Instant::now() + self.site.patience;
        while missing > 0 {
            let room = missing.min(scratch.len());
            match timeout_at(deadline, self.stream.read(&mut scratch[..room])).await?? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => missing -= read,
            }
        }
        Ok(())
    }
}

impl Request {
    /// The first request of `input`, if it is whole. An error is an answer: status and text.
    fn parse(input: &[u8]) -> Result<Option<Self>, (&'static str, &'static str)> {
        const BAD: &str = "400 Bad Request";
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut head = httparse::Request::new(&mut headers);
        let length = match head.parse(input) {
            Ok(httparse::Status::Complete(length)) if length <= MAX_HEAD => length,
            Ok(httparse::Status::Partial) if input.len() <= MAX_HEAD => return Ok(None),
            Ok(_) | Err(httparse::Error::TooManyHeaders) => {
                return Err((
                    "431 Request Header Fields Too Large",
                    "the head is too long\n",
                ));
            }
            Err(_) => return Err((BAD, "this is not HTTP/1\n")),
        };
        let mut keep_alive = head.version == Some(1);
        let mut body = None;
        for header in &*head.headers {
            if header.name.eq_ignore_ascii_case("connection") {
                for option in header
                    .value
                    .split(|&byte| byte == b',')
                    .map(<[u8]>::trim_ascii)
                {
                    if option.eq_ignore_ascii_case(b"close") {
                        keep_alive = false;
                    } else if option.eq_ignore_ascii_case(b"keep-alive") {
                        keep_alive = true;
                    }
                }
            } else if header.name.eq_ignore_ascii_case("content-length") {
                let digits =
                    !header.value.is_empty() && header.value.iter().all(u8::is_ascii_digit);
                let value = std::str::from_utf8(header.value)
                    .ok()
                    .filter(|_| digits)
                    .and_then(|text| text.parse().ok());
                match (value, body) {
                    // Two lengths are how requests are smuggled past a proxy.
                    (None, _) | (_, Some(_)) => return Err((BAD, "a bad Content-Length\n")),
                    (Some(value), None) => body = Some(value),
                }
            } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
                return Err(("411 Length Required", "no chunked bodies, please\n"));
            }
        }
        let body = body.unwrap_or(0);
        if body > MAX_BODY {
            return Err(("413 Content Too Large", "the body is too long\n"));
        }
        let method = match head.method {
            Some("GET") => Method::Get,
            Some("HEAD") => Method::Head,
            _ => Method::Other,
        };
        let target = head.path.unwrap_or("/");
        let path = target.split(['?', '#']).next().unwrap_or("/").to_owned();
        Ok(Some(Self {
            method,
            path,
            keep_alive,
            body,
            length,
        }))
    }
}

/// Runs something that may take long on the thread pool.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    match myrt::spawn_blocking(work).await {
        Ok(result) => result,
        Err(panicked) => Err(io::Error::other(panicked.to_string())),
    }
}

/// Opens what a path of a URL names, if it lies under the root: neither `..` nor a symbolic link
/// leads out.
fn open(root: &Path, path: &str) -> io::Result<(File, u64)> {
    let relative = percent_decoded(path).ok_or(io::ErrorKind::InvalidInput)?;
    let mut full = root.join(relative.trim_start_matches('/')).canonicalize()?;
    if full.is_dir() {
        full.push("index.html");
        full = full.canonicalize()?;
    }
    if !full.starts_with(root) {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    // Opening a FIFO waits for somebody who writes to it, for ever; looking before is too early,
    // since it may be replaced.
    let mut options = File::options();
    options.read(true).custom_flags(libc::O_NONBLOCK);
    let file = options.open(full)?;
    let about = file.metadata()?;
    if !about.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    Ok((file, about.len()))
}

fn percent_decoded(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes)
        .ok()
        .filter(|path| !path.contains('\0'))
}

fn content_type(path: &str) -> &'static str {
    match path
        .rsplit_once('.')
        .map_or("html", |(_, extension)| extension)
    {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css",
        "js" => "text/javascript",
        "json" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "txt" | "md" | "rs" | "toml" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// Appends a number without the machinery of `format!`.
fn decimal(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b"0123456789"[usize::try_from(number % 10).unwrap_or(0)];
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// The time of day as HTTP writes it, made once a second.
#[derive(Default)]
struct Date(RefCell<(u64, String)>);

impl Date {
    fn append(&self, out: &mut Vec<u8>) {
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        let mut cached = self.0.borrow_mut();
        if cached.0 != now {
            *cached = (now, imf_fixdate(now));
        }
        out.extend_from_slice(cached.1.as_bytes());
    }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7). The calendar is Howard Hinnant's
/// `civil_from_days`.
fn imf_fixdate(seconds: u64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = [
        "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Jan", "Feb",
    ];
    let days = seconds / 86_400;
    let day_of_era = (days + 719_468) % 146_097;
    let era = (days + 719_468) / 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let year = 400 * era + year_of_era + u64::from(month >= 10);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let name = |names: &[&'static str], index: u64| names[usize::try_from(index).unwrap_or(0)];
    format!(
        "{}, {day:02} {} {year} {hour:02}:{minute:02}:{second:02} GMT",
        name(&DAYS, days % 7),
        name(&MONTHS, month),
    )
}

#[cfg(test)]
mod tests {
    use super::{Request, imf_fixdate, percent_decoded};

    #[test]
    fn dates_are_those_of_the_standard() {
        assert_eq!(imf_fixdate(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(imf_fixdate(951_782_400), "Tue, 29 Feb 2000 00:00:00 GMT");
        assert_eq!(imf_fixdate(0), "Thu, 01 Jan 1970 00:00:00 GMT");
    }

    #[test]
    fn two_lengths_are_refused() {
        let smuggled = b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n";
        assert!(Request::parse(smuggled).is_err());
        assert!(Request::parse(b"GET / HTTP/1.1\r\nContent-Length: +1\r\n\r\n").is_err());
    }

    #[test]
    fn paths_are_decoded_once() {
        assert_eq!(percent_decoded("/a%20b%252e").as_deref(), Some("/a b%2e"));
        assert_eq!(percent_decoded("/%00"), None);
        assert_eq!(percent_decoded("/%f"), None);
    }
}
