//! An HTTP proxy: absolute URIs, `Host: name:port`, CONNECT, and a half-close that is one.
//!
//! Shows two streams that are copied into each other while each keeps its own end. A client that
//! has said all it wants to say (`shutdown`) still gets its answer. The head may come in any number
//! of pieces. What belongs to one hop only (`Connection` and what it names, `Proxy-…`) is not
//! handed on; each request has its own connection to the server.
//!
//! Course: 8.7, case 2 (C26). The course's proxy has three faults (R2), all put right here: it
//! closes both directions when one ends, so that a half-closing client receives nothing; it takes
//! `Host: name:8000` whole for a name and asks port 80; it takes the first `read(4096)` for the
//! whole head. And it has no CONNECT.
//!
//! ```text
//! cargo run --release -p course --bin http_proxy                    on 127.0.0.1:8080
//! ```
//!
//! Client: `curl -x http://localhost:8080 http://localhost:8000/`, and with CONNECT `curl -p -x
//! http://localhost:8080 …`.

use std::io;

use myrt::io::{Reader, copy, copy_bidirectional};
use myrt::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use myrt::net::{TcpListener, TcpStream};
use myrt::time::{Duration, timeout};

const MAX_HEAD: usize = 64 * 1024;
const MAX_HEADERS: usize = 100;
/// How long a head may take, and connecting.
const PATIENCE: Duration = Duration::from_secs(10);
/// The name under which the proxy signs: who meets it again goes round in circles.
const SIGNATURE: &str = "myrt-course";

/// An answer of the proxy's own.
struct Refusal(&'static str, String);

impl Refusal {
    fn bad(text: impl Into<String>) -> Self {
        Self("400 Bad Request", text.into())
    }
}

#[myrt::main]
async fn main() -> io::Result<()> {
    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let listener = TcpListener::bind(&*address).await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => drop(myrt::spawn(async move {
                if let Err(error) = client(stream).await {
                    println!("{peer}: {error}");
                }
            })),
            Err(error) => eprintln!("accept: {error}"),
        }
    }
}

async fn client(stream: TcpStream) -> io::Result<()> {
    let (read, write) = stream.into_split();
    let mut reader = Reader::with_limit(MAX_HEAD, read);
    match request(&mut reader).await {
        Ok(None) => Ok(()),
        Ok(Some(Request::Tunnel(server))) => tunnel(reader, write, server).await,
        Ok(Some(Request::Forward { server, head, body })) => {
            forward(reader, write, server, &head, body).await
        }
        Err(Refusal(status, text)) => {
            let length = text.len() + 1;
            let answer = format!(
                "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{text}\n"
            );
            write.write_all(answer.as_bytes()).await
        }
    }
}

enum Request {
    /// CONNECT: what follows is nobody's business.
    Tunnel(TcpStream),
    Forward {
        server: TcpStream,
        head: Vec<u8>,
        body: Body,
    },
}

/// How the proxy knows where the request ends.
#[derive(Clone, Copy)]
enum Body {
    Length(u64),
    /// Chunked: what the client sends until the answer is there.
    Whatever,
}

/// Reads a head and connects to the server that it is meant for. `None`: the client hung up.
async fn request(reader: &mut Reader<OwnedReadHalf>) -> Result<Option<Request>, Refusal> {
    let mut bytes = Vec::new();
    match timeout(PATIENCE, reader.read_until(b"\r\n\r\n", &mut bytes)).await {
        Err(_) => {
            return Err(Refusal(
                "408 Request Timeout",
                "the head took too long".into(),
            ));
        }
        Ok(Ok(0)) => return Ok(None),
        Ok(Ok(_)) => {}
        Ok(Err(error)) => return Err(Refusal::bad(error.to_string())),
    }
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut head = httparse::Request::new(&mut headers);
    match head.parse(&bytes) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Err(Refusal::bad("an incomplete head")),
        Err(error) => return Err(Refusal::bad(error.to_string())),
    }
    let (method, target) = (
        head.method.unwrap_or_default(),
        head.path.unwrap_or_default(),
    );
    if method == "CONNECT" {
        let (host, port) = host_and_port(target, None)?;
        return Ok(Some(Request::Tunnel(connect(host, port).await?)));
    }
    let header = |name: &str| {
        head.headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name))
    };
    let (authority, path) = match target.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => {
            let end = rest.find(['/', '?']).unwrap_or(rest.len());
            rest.split_at(end)
        }
        Some(_) => return Err(Refusal::bad("only http:// goes without CONNECT")),
        None => match header("host").map(|host| std::str::from_utf8(host.value)) {
            Some(Ok(host)) if !host.is_empty() => (host, target),
            _ => return Err(Refusal::bad("neither an absolute URI nor a Host")),
        },
    };
    if header("via").is_some_and(|via| String::from_utf8_lossy(via.value).contains(SIGNATURE)) {
        return Err(Refusal(
            "508 Loop Detected",
            "this request has been here before".into(),
        ));
    }
    let body = body_of(&head)?;
    let (host, port) = host_and_port(authority, Some(80))?;
    let server = connect(host, port).await?;

    let slash = if path.starts_with('/') { "" } else { "/" };
    let mut out =
        format!("{method} {slash}{path} HTTP/1.1\r\nHost: {authority}\r\nVia: 1.1 {SIGNATURE}\r\n")
            .into_bytes();
    append_headers(&mut out, head.headers, &["host"]);
    Ok(Some(Request::Forward {
        server,
        head: out,
        body,
    }))
}

fn body_of(head: &httparse::Request<'_, '_>) -> Result<Body, Refusal> {
    let mut body = Body::Length(0);
    let mut seen = false;
    for header in &*head.headers {
        let is_length = header.name.eq_ignore_ascii_case("content-length");
        if !is_length && !header.name.eq_ignore_ascii_case("transfer-encoding") {
            continue;
        }
        if std::mem::replace(&mut seen, true) {
            return Err(Refusal::bad("two lengths are one too many"));
        }
        if is_length {
            let digits = header.value.iter().all(u8::is_ascii_digit);
            let length = std::str::from_utf8(header.value)
                .ok()
                .filter(|_| digits)
                .and_then(|text| text.parse().ok());
            body = Body::Length(length.ok_or_else(|| Refusal::bad("a bad Content-Length"))?);
        } else {
            body = Body::Whatever;
        }
    }
    Ok(body)
}

/// `name`, `name:8000`, `[::1]:8000`.
fn host_and_port(authority: &str, default: Option<u16>) -> Result<(&str, u16), Refusal> {
    let authority = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let (host, port) = match authority
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    {
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        None => authority
            .split_once(':')
            .map_or((authority, None), |(host, port)| (host, Some(port))),
    };
    let port = match port {
        Some(text) if !text.is_empty() => text.parse().ok(),
        _ => default,
    };
    match port {
        Some(port) if !host.is_empty() => Ok((host, port)),
        _ => Err(Refusal::bad(format!("{authority} is no name:port"))),
    }
}

async fn connect(host: &str, port: u16) -> Result<TcpStream, Refusal> {
    match timeout(PATIENCE, TcpStream::connect((host, port))).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(Refusal(
            "502 Bad Gateway",
            format!("{host}:{port}: {error}"),
        )),
        Err(_) => Err(Refusal(
            "504 Gateway Timeout",
            format!("{host}:{port} does not answer"),
        )),
    }
}

/// Appends the headers that are meant for the next hop, says that the connection ends, and ends the
/// head.
fn append_headers(out: &mut Vec<u8>, headers: &[httparse::Header<'_>], also_not: &[&str]) {
    const HOP: [&str; 8] = [
        "connection",
        "keep-alive",
        "proxy-connection",
        "proxy-authorization",
        "proxy-authenticate",
        "te",
        "trailer",
        "upgrade",
    ];
    let named: Vec<String> = headers
        .iter()
        .filter(|header| header.name.eq_ignore_ascii_case("connection"))
        .flat_map(|header| header.value.split(|&byte| byte == b','))
        .map(|name| String::from_utf8_lossy(name).trim().to_ascii_lowercase())
        .collect();
    for header in headers {
        let name = header.name.to_ascii_lowercase();
        let stays = HOP.contains(&name.as_str())
            || also_not.contains(&name.as_str())
            || named.contains(&name);
        if !stays {
            for part in [header.name.as_bytes(), b": ", header.value, b"\r\n"] {
                out.extend_from_slice(part);
            }
        }
    }
    out.extend_from_slice(b"Connection: close\r\n\r\n");
}

/// Bytes in both directions; each ends for itself.
async fn tunnel(
    reader: Reader<OwnedReadHalf>,
    write: OwnedWriteHalf,
    mut server: TcpStream,
) -> io::Result<()> {
    write
        .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
        .await?;
    // Who is in a hurry has sent some bytes already.
    let (read, early) = reader.into_parts();
    server.write_all(&early).await?;
    let mut client = read.reunite(write).map_err(io::Error::other)?;
    copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}

/// Sends the request on and the answer back. The answer's end is the end; the request's is not.
async fn forward(
    reader: Reader<OwnedReadHalf>,
    mut write: OwnedWriteHalf,
    server: TcpStream,
    head: &[u8],
    body: Body,
) -> io::Result<()> {
    let (server_read, mut server_write) = server.into_split();
    let send = async {
        server_write.write_all(head).await?;
        match body {
            Body::Length(length) => {
                copy(
                    myrt::io::AsyncReadExt::take(reader, length),
                    &mut server_write,
                )
                .await?;
            }
            Body::Whatever => {
                copy(reader, &mut server_write).await?;
                server_write.shutdown(std::net::Shutdown::Write)?;
            }
        }
        std::future::pending::<io::Result<()>>().await
    };
    let receive = async {
        let mut reader = Reader::with_limit(MAX_HEAD, server_read);
        let Some(head) = answer_head(&mut reader, &write).await? else {
            let text = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            return write.write_all(text.as_bytes()).await;
        };
        write.write_all(&head).await?;
        copy(reader, &mut write).await?;
        write.shutdown(std::net::Shutdown::Write)
    };
    myrt::select! {
        // A server may answer before it has read everything, and stop reading: the answer counts.
        biased;
        result = receive => result,
        result = send => result,
    }
}

/// The head of the answer, changed to say that the connection ends with it. Those of `100 Continue`
/// and the like are handed on at once. `None`: what came was no HTTP.
async fn answer_head(
    reader: &mut Reader<OwnedReadHalf>,
    client: &OwnedWriteHalf,
) -> io::Result<Option<Vec<u8>>> {
    loop {
        let mut bytes = Vec::new();
        if !matches!(reader.read_until(b"\r\n\r\n", &mut bytes).await, Ok(1..)) {
            return Ok(None);
        }
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut head = httparse::Response::new(&mut headers);
        let (Ok(httparse::Status::Complete(_)), Some(code)) = (head.parse(&bytes), head.code)
        else {
            return Ok(None);
        };
        if (100..200).contains(&code) {
            client.write_all(&bytes).await?;
            continue;
        }
        let mut out = format!(
            "HTTP/1.1 {code} {}\r\nVia: 1.1 {SIGNATURE}\r\n",
            head.reason.unwrap_or_default()
        )
        .into_bytes();
        append_headers(&mut out, head.headers, &[]);
        return Ok(Some(out));
    }
}
