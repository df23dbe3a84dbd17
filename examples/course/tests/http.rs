//! The HTTP servers and the proxy: bytes, pieces, ends, and everything that is not a request. (A12,
//! A17, A18, A21, C26, C31, R2, R5; A27, C21, E9, E10, E11)
#![allow(clippy::disallowed_methods, reason = "clients outside of any runtime")]

mod support;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::time::{Duration, Instant};

use support::{Server, ask, eventually, expect, half_closed, hardships, rest, serve_with};

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

/// A directory with a small and a large file, and a secret beside it.
fn site(name: &str) -> std::path::PathBuf {
    let base = std::env::temp_dir().join(format!("myrt-course-{name}-{}", std::process::id()));
    let root = base.join("root");
    std::fs::create_dir_all(root.join("sub")).unwrap();
    std::fs::write(base.join("secret.txt"), "secret").unwrap();
    std::fs::write(root.join("a b.txt"), "with a blank").unwrap();
    std::fs::write(root.join("sub/index.html"), "<p>index").unwrap();
    std::fs::write(root.join("large.bin"), large()).unwrap();
    let _ = std::os::unix::fs::symlink("../secret.txt", root.join("way-out"));
    let _ = std::process::Command::new("mkfifo")
        .arg(root.join("fifo"))
        .status();
    root
}

fn large() -> Vec<u8> {
    (0_u32..8 << 20)
        .map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[3])
        .collect()
}

fn http_server(name: &str) -> Server {
    let root = site(name);
    Server::watched(
        env!("CARGO_BIN_EXE_http_server"),
        &["--root", root.to_str().unwrap(), "--patience", "300"],
    )
}

/// An answer to a request that closes, as head and body.
fn fetch(address: SocketAddr, request: &str) -> (String, Vec<u8>) {
    let mut stream = support::connect(address);
    stream.write_all(request.as_bytes()).unwrap();
    split(&rest(&mut stream))
}

fn split(answer: &[u8]) -> (String, Vec<u8>) {
    let end = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .expect("a head")
        + 4;
    (
        String::from_utf8(answer[..end].to_vec()).unwrap(),
        answer[end..].to_vec(),
    )
}

fn get(address: SocketAddr, path: &str) -> (String, Vec<u8>) {
    fetch(
        address,
        &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
    )
}

#[test]
fn files_are_served_whole_and_only_those_of_the_site() {
    let server = http_server("files");
    assert_eq!(get(server.address, "/a%20b.txt").1, b"with a blank");
    assert_eq!(get(server.address, "/sub/").1, b"<p>index");
    let (head, body) = get(server.address, "/large.bin");
    assert!(
        head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("Content-Length: 8388608\r\n"),
        "{head}"
    );
    assert!(body == large(), "8 MiB, byte for byte");
    assert!(server.status("VmHWM") < 40_000, "a file is sent in pieces");
    for path in [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/way-out",
        "/sub/../../secret.txt",
        "/none",
        "/fifo",
        "/%00",
        "/%zz",
    ] {
        let (head, body) = get(server.address, path);
        assert!(head.starts_with("HTTP/1.1 404 "), "{path}: {head}");
        assert_eq!(body, b"no such file\n");
    }
    let (head, body) = fetch(
        server.address,
        "HEAD /large.bin HTTP/1.1\r\nConnection: close\r\n\r\n",
    );
    assert!(head.contains("Content-Length: 8388608\r\n") && body.is_empty());
}

#[test]
fn a_connection_is_kept_and_a_pipeline_answered_in_order() {
    let server = http_server("pipeline");
    let mut client = server.connect();
    let answer = |client: &mut std::net::TcpStream, request: &[u8]| {
        let (head, body) = split(&ask(
            client,
            request,
            get(server.address, "/").0.len() - "Connection: close\r\n".len() + 14,
        ));
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"));
        assert_eq!(body, b"Hello, world!\n");
    };
    for _ in 0..3 {
        answer(&mut client, GET);
    }
    for byte in GET {
        client.write_all(&[*byte]).unwrap();
    }
    answer(&mut client, b"");
    // Requests for this and that, one with a body, in one piece.
    client.write_all(b"GET /json HTTP/1.1\r\n\r\nPOST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n12345GET /a%20b.txt HTTP/1.1\r\nConnection: close\r\n\r\n").unwrap();
    let answers = String::from_utf8(rest(&mut client)).unwrap();
    let order =
        ["{\"message\"", "405 Method", "with a blank"].map(|part| answers.find(part).expect(part));
    assert!(order.is_sorted(), "{answers}");
    let replies = half_closed(server.address, &GET.repeat(1000));
    assert_eq!(
        replies
            .windows(14)
            .filter(|text| *text == b"Hello, world!\n")
            .count(),
        1000
    );
}

#[test]
fn what_is_no_request_gets_a_clear_answer() {
    let mut server = http_server("bad");
    let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(20_000));
    for (request, status) in [
        ("nonsense\r\n\r\n", "400"),
        (
            "GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            "400",
        ),
        ("POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", "413"),
        (
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "411",
        ),
        (&long, "431"),
        ("GET / HTTP/1.1\r\nX: y", "408"), // slow loris
    ] {
        server.unharmed_by(status, |server| {
            let (head, _) = fetch(server.address, request);
            assert!(
                head.starts_with(&format!("HTTP/1.1 {status} ")),
                "{request:.60}: {head}"
            );
        });
    }
    // The slow loris at its trade: a byte now and then does not help it.
    let mut loris = server.connect();
    let start = Instant::now();
    for byte in GET {
        std::thread::sleep(Duration::from_millis(40));
        if loris.write_all(&[*byte]).is_err() {
            break;
        }
    }
    assert!(String::from_utf8_lossy(&rest(&mut loris)).starts_with("HTTP/1.1 408 "));
    assert!(start.elapsed() >= Duration::from_millis(300));
    hardships(&mut server, GET);
    assert_eq!(get(server.address, "/").1, b"Hello, world!\n");
}

#[test]
fn twins_answer_alike() {
    let twins = [
        env!("CARGO_BIN_EXE_http_async"),
        env!("CARGO_BIN_EXE_http_state_machine"),
    ];
    let mut servers = twins.map(|twin| Server::watched(twin, &[]));
    for request in [
        "GET /a HTTP/1.1\r\nHost: x\r\n\r\n",
        "x\r\n\r\n",
        "\u{e9}\r\n\r\n",
    ] {
        let [one, other] = [&servers[0], &servers[1]]
            .map(|server| half_closed(server.address, request.as_bytes()));
        assert!(one == other && one.starts_with(b"HTTP/1.1 200 OK\r\n"));
    }
    for server in &mut servers {
        hardships(server, GET);
    }
}

/// Which workers or processes answer, in `connections` connections.
fn answered_by(address: SocketAddr, connections: usize) -> BTreeSet<String> {
    let one = |_| {
        let mut stream = support::connect(address);
        stream.write_all(GET).unwrap();
        let mut answer = [0; 256];
        let length = stream.read(&mut answer).unwrap();
        String::from_utf8(split(&answer[..length]).1).unwrap()
    };
    (0..connections).map(one).collect()
}

#[test]
fn workers_share_a_port_and_one_may_die() {
    let server = Server::start(env!("CARGO_BIN_EXE_nginx_like"), &["--workers", "3"]);
    server.wait_for_line("worker 2 is process");
    // R5, R6: three listeners on one port, none of which blocks its worker.
    eventually("answers of all three", || {
        eventually("listeners", || {
            std::net::TcpStream::connect(server.address).is_ok()
        });
        answered_by(server.address, 60).len() == 3
    });
    let line = server.wait_for_line("worker 1 is process");
    let victim = line.rsplit(' ').next().unwrap();
    assert!(
        std::process::Command::new("kill")
            .args(["-9", victim])
            .status()
            .unwrap()
            .success()
    );
    server.wait_for_line("worker 1 ended");
    let fresh = answered_by(server.address, 60);
    assert!(
        fresh
            .iter()
            .all(|answer| !answer.contains(&format!("process {victim}\n"))),
        "{fresh:?}"
    );
}

#[test]
fn workers_may_be_threads() {
    let mut server = Server::start(
        env!("CARGO_BIN_EXE_nginx_like"),
        &["--workers", "2", "--threads"],
    );
    eventually("listeners", || {
        std::net::TcpStream::connect(server.address).is_ok()
    });
    eventually("answers of both", || {
        answered_by(server.address, 40).len() == 2
    });
    hardships(&mut server, GET);
    assert!(
        std::process::Command::new("kill")
            .arg(server.id().to_string())
            .status()
            .unwrap()
            .success()
    );
    let line = server.wait_for_line("worker 1 has served");
    assert!(!line.contains("served 0 requests"), "{line}");
}

#[test]
fn prefork_processes_share_the_listener() {
    let server = Server::start(env!("CARGO_BIN_EXE_prefork_httpd"), &["--procs", "3"]);
    // Three slow clients take all three processes; the fourth waits until one of them leaves.
    let mut slow: Vec<_> = (0..3).map(|_| server.connect()).collect();
    for client in &mut slow {
        expect(client, GET, "HTTP/1.1 200 OK\r\n");
    }
    let mut fourth = server.connect();
    fourth.write_all(GET).unwrap();
    fourth
        .set_read_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    assert!(
        fourth.read(&mut [0]).is_err(),
        "nobody has time for the fourth"
    );
    slow.pop();
    fourth.set_read_timeout(Some(support::PATIENCE)).unwrap();
    expect(&mut fourth, "", "HTTP/1.1 200 OK\r\n");
}

// The proxy.

/// A server that sends back, as its body, the whole request it got. Half-closes are honoured.
fn mirror() -> SocketAddr {
    serve_with(|mut stream| {
        let mut request = Vec::new();
        let mut buf = [0; 4096];
        let whole = |request: &[u8]| {
            let text = String::from_utf8_lossy(request).to_lowercase();
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                return false;
            };
            let length = head
                .split("content-length: ")
                .nth(1)
                .map_or(0, |rest| rest.lines().next().unwrap().parse().unwrap());
            body.len() >= length
        };
        while !whole(&request) {
            match stream.read(&mut buf) {
                Ok(0) | Err(_) => return,
                Ok(n) => request.extend_from_slice(&buf[..n]),
            }
        }
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: keep-alive\r\nX-Kept: yes\r\n\r\n",
            request.len()
        );
        let _ = stream.write_all(head.as_bytes());
        let _ = stream.write_all(&request);
        let _ = stream.read(&mut buf); // keeps the connection, whatever it was asked
    })
}

fn proxy() -> Server {
    Server::watched(env!("CARGO_BIN_EXE_http_proxy"), &[])
}

#[test]
fn the_proxy_forwards_what_is_meant_for_the_next_hop() {
    let (proxy, mirror) = (proxy(), mirror());
    // A host with a port (R2), in a head that comes in pieces (R2), of a client that half-closes
    // (R2).
    let mut client = proxy.connect();
    let request = format!(
        "GET http://{mirror}/path?q=1 HTTP/1.1\r\nHost: {mirror}\r\nProxy-Connection: keep-alive\r\nConnection: X-Hop\r\nX-Hop: 1\r\nX-End: 2\r\n\r\n"
    );
    for piece in request.as_bytes().chunks(7) {
        client.write_all(piece).unwrap();
        std::thread::sleep(Duration::from_micros(200));
    }
    client.shutdown(Shutdown::Write).unwrap();
    // The mirror keeps its connection open: the answer's length says where it ends, and then
    // nothing of it is missing.
    let expected = format!(
        "GET /path?q=1 HTTP/1.1\r\nHost: {mirror}\r\nVia: 1.1 myrt-course\r\nX-End: 2\r\nConnection: close\r\n\r\n"
    );
    let head = "HTTP/1.1 200 OK\r\nVia: 1.1 myrt-course\r\nContent-Length: ";
    let rest_of_head = format!(
        "{}\r\nX-Kept: yes\r\nConnection: close\r\n\r\n",
        expected.len()
    );
    expect(&mut client, "", format!("{head}{rest_of_head}{expected}"));
}

#[test]
fn the_proxy_takes_the_port_of_the_host_header() {
    let (proxy, mirror) = (proxy(), mirror());
    let mut client = proxy.connect();
    let body = "x".repeat(300_000);
    let request = format!(
        "POST /p HTTP/1.1\r\nHost: {mirror}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    expect(&mut client, request, "HTTP/1.1 200 OK\r\n");
    let mut got = vec![0; 300_000];
    client.read_exact(&mut got).unwrap();
    assert!(got.ends_with(b"xxx"));
}

#[test]
fn a_tunnel_has_two_ends_of_its_own() {
    let proxy = proxy();
    // A server that answers when it has read everything: without a half-close it would never
    // answer.
    let counter = serve_with(|mut stream| {
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        stream
            .write_all(format!("{} bytes", all.len()).as_bytes())
            .unwrap();
    });
    let mut request = format!("CONNECT {counter} HTTP/1.1\r\nHost: {counter}\r\n\r\n").into_bytes();
    request.extend(vec![b'x'; 1 << 20]); // in a hurry: does not wait for the 200
    let answer = half_closed(proxy.address, &request);
    assert_eq!(
        String::from_utf8_lossy(&answer),
        "HTTP/1.1 200 Connection established\r\n\r\n1048576 bytes"
    );
}

#[test]
fn the_proxy_says_what_is_wrong() {
    let mut proxy = proxy();
    let nobody = {
        std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
    };
    let not_http = serve_with(|mut stream| drop(stream.write_all(b"SSH-2.0-x\r\n")));
    for (request, status) in [
        ("nonsense\r\n\r\n".to_owned(), "400"),
        ("GET /no-host HTTP/1.1\r\n\r\n".to_owned(), "400"),
        ("GET https://x/ HTTP/1.1\r\n\r\n".to_owned(), "400"),
        ("CONNECT x HTTP/1.1\r\n\r\n".to_owned(), "400"),
        ("GET http://x:99999/ HTTP/1.1\r\n\r\n".to_owned(), "400"),
        (format!("GET http://{nobody}/ HTTP/1.1\r\n\r\n"), "502"),
        (format!("CONNECT {nobody} HTTP/1.1\r\n\r\n"), "502"),
        (format!("GET http://{not_http}/ HTTP/1.1\r\n\r\n"), "502"),
        (
            format!(
                "GET http://{0}/ HTTP/1.1\r\nHost: {0}\r\n\r\n",
                proxy.address
            ),
            "508",
        ),
    ] {
        let (head, _) = fetch(proxy.address, &request);
        if status == "508" {
            // The proxy is asked for itself: the second time round it notices.
            assert!(head.starts_with("HTTP/1.1 508 "), "{head}");
        } else {
            assert!(
                head.starts_with(&format!("HTTP/1.1 {status} ")),
                "{request:.60}: {head}"
            );
        }
    }
    hardships(
        &mut proxy,
        format!("GET http://{nobody}/ HTTP/1.1\r\n\r\n").as_bytes(),
    );
}

// Programs beside the servers.

#[test]
fn the_small_servers_stand_what_clients_do() {
    for program in [
        env!("CARGO_BIN_EXE_http_background"),
        env!("CARGO_BIN_EXE_mini_fastapi"),
    ] {
        hardships(&mut Server::watched(program, &[]), GET);
    }
    hardships(
        &mut Server::watched(env!("CARGO_BIN_EXE_game60"), &[]),
        b"up",
    );
}

#[test]
fn a_download_leaves_the_whole_file_or_none() {
    let server = http_server("download");
    let target = site("download").join("copy.bin");
    let url = format!("http://{}/large.bin", server.address);
    let printed = support::output(
        env!("CARGO_BIN_EXE_download"),
        &[&url, target.to_str().unwrap()],
    );
    assert!(printed.contains("8388608 bytes"));
    assert!(std::fs::read(&target).unwrap() == large());
    // A server that stops half-way: neither the file nor its beginning is left, by timeout or by
    // Ctrl-C.
    let stuck = serve_with(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n12345");
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let target = target.with_file_name("never.bin");
    let part = target.with_file_name("never.bin.part");
    let url = format!("http://{stuck}/");
    let start = |limit: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_download"));
        command
            .args([url.as_str(), target.to_str().unwrap(), "--timeout", limit])
            .stderr(std::process::Stdio::null());
        let mut child = command.spawn().unwrap();
        if limit != "200" {
            eventually("the beginning of the file", || part.exists());
            let interrupted = std::process::Command::new("kill")
                .args(["-INT", &child.id().to_string()])
                .status();
            assert!(interrupted.unwrap().success());
        }
        child.wait().unwrap()
    };
    assert_eq!(start("200").code(), Some(1));
    assert!(!part.exists() && !target.exists(), "timeout");
    assert_eq!(start("60000").code(), Some(130));
    assert!(!part.exists() && !target.exists(), "Ctrl-C");
}

#[test]
fn background_work_does_not_delay_the_answer() {
    let server = Server::start(env!("CARGO_BIN_EXE_http_background"), &[]);
    let timed = |path: &str| {
        let start = Instant::now();
        let (head, _) = get(server.address, path);
        assert!(head.starts_with("HTTP/1.1 200 OK"));
        start.elapsed()
    };
    let work = Duration::from_millis(500);
    assert!(timed("/background") < work);
    assert!(
        !server.said().iter().any(|line| line.contains("mail")),
        "not before the answer"
    );
    server.wait_for_line("mail to background is sent");
    assert!(timed("/spawned") < work);
    assert!(timed("/awaited") >= work);
    server.wait_for_line("mail to spawned is sent");
}

#[test]
fn blocking_handlers_delay_nobody_unless_they_pretend_to_be_async() {
    let server = Server::start(env!("CARGO_BIN_EXE_mini_fastapi"), &[]);
    let ask_beside = |path: &str| {
        let address = server.address;
        let request = format!("GET {path} HTTP/1.1\r\n\r\n");
        let mut others: Vec<_> = (0..if path == "/bad" { 1 } else { 10 })
            .map(|_| support::connect(address))
            .collect();
        others
            .iter_mut()
            .for_each(|other| other.write_all(request.as_bytes()).unwrap());
        std::thread::sleep(Duration::from_millis(50));
        let start = Instant::now();
        expect(
            &mut server.connect(),
            "GET /fast HTTP/1.1\r\n\r\n",
            "HTTP/1.1 200 OK\r\n",
        );
        let fast = start.elapsed();
        others
            .iter_mut()
            .for_each(|other| expect(other, "", "HTTP/1.1 200 OK\r\n"));
        fast
    };
    assert!(ask_beside("/slow") < Duration::from_millis(500));
    assert!(ask_beside("/blocking") < Duration::from_millis(500));
    assert!(ask_beside("/bad") > Duration::from_millis(500), "the trap");
}

#[test]
fn frames_do_not_drift() {
    let mut server = Server::start(env!("CARGO_BIN_EXE_game60"), &[]);
    let mut players: Vec<_> = (0..20)
        .map(|_| std::io::BufReader::new(server.connect()))
        .collect();
    let mut frame = |player: usize| {
        let mut line = String::new();
        std::io::BufRead::read_line(&mut players[player], &mut line).unwrap();
        let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        (
            words[1].parse::<f64>().unwrap(),
            words[3].parse::<f64>().unwrap(),
        )
    };
    let (_, first) = frame(0);
    let last = (1..60).map(|_| frame(0).1).last().unwrap();
    // Every frame is due at a multiple of a sixtieth from the start, also the last; some may have
    // been left out.
    for at in [first, last] {
        let frames = at * 60.0;
        assert!((frames - frames.round()).abs() < 0.01, "{at}");
    }
    drop(players);
    server.unharmed_by("players that come and never read", |server| {
        let lazy: Vec<_> = (0..50).map(|_| server.connect()).collect();
        std::thread::sleep(Duration::from_millis(300));
        drop(lazy);
    });
}
