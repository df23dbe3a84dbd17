//! The distribution's nginx, for reference beside the HTTP hello: one process, no log, the same
//! text as an answer (its head has a few lines more).
//!
//! It reports no connections to the tally, so its open sockets are counted from outside, and its
//! CPU time is that of the whole process, start and end included: some milliseconds.

use std::fs;
use std::io;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::load::HELLO;
use crate::peer::Unavailable;
use crate::system;
use crate::tally;

/// How often its sockets are counted.
const LOOK: Duration = Duration::from_millis(50);

/// Serves until every client that came has gone again.
pub fn serve_hello() -> Result<(), Unavailable> {
    let place = std::env::temp_dir().join(format!("compare-nginx-{}", std::process::id()));
    let result = run(&place).map_err(|error| Unavailable::because(format!("nginx: {error}")));
    let _ = fs::remove_dir_all(place);
    result
}

fn run(place: &Path) -> io::Result<()> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    fs::create_dir_all(place)?;
    let file = place.join("nginx.conf");
    fs::write(&file, configuration(place, port))?;
    let mut nginx = Command::new("nginx")
        .args([
            "-p".as_ref(),
            place.as_os_str(),
            "-c".as_ref(),
            file.as_os_str(),
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let idle = wait_until_it_listens(&mut nginx, port)?;
    tally::listening(port);
    while sockets(&nginx) <= idle {
        thread::sleep(LOOK);
    }
    while sockets(&nginx) > idle {
        thread::sleep(LOOK);
    }
    nginx.kill()?;
    nginx.wait()?;
    let spent = system::children_cpu();
    println!("cpu {} {}", spent.user.as_nanos(), spent.system.as_nanos());
    Ok(())
}

fn configuration(place: &Path, port: u16) -> String {
    let text = String::from_utf8_lossy(HELLO);
    format!(
        "daemon off; master_process off; pid {pid}; error_log /dev/null;\n\
         events {{ worker_connections 4096; }}\n\
         http {{ access_log off; keepalive_requests 1000000000; default_type text/plain;\n\
         client_body_temp_path {place}; proxy_temp_path {place}; fastcgi_temp_path {place}; uwsgi_temp_path {place}; scgi_temp_path {place};\n\
         server {{ listen 127.0.0.1:{port}; location / {{ return 200 '{text}'; }} }} }}\n",
        pid = place.join("pid").display(),
        place = place.display(),
    )
}

/// Gives the number of its sockets without clients.
fn wait_until_it_listens(nginx: &mut Child, port: u16) -> io::Result<usize> {
    loop {
        if let Some(status) = nginx.try_wait()? {
            return Err(io::Error::other(format!("it ended with {status}")));
        }
        // Reading the table of listeners does not connect, so nothing of it is counted.
        let listens = fs::read_to_string("/proc/net/tcp")?.lines().any(|line| {
            let mut words = line.split_whitespace().skip(1);
            words
                .next()
                .is_some_and(|local| local.ends_with(&format!(":{port:04X}")))
                && words.nth(1) == Some("0A")
        });
        if listens {
            thread::sleep(LOOK);
            return Ok(sockets(nginx));
        }
        thread::sleep(LOOK);
    }
}

fn sockets(nginx: &Child) -> usize {
    let links = fs::read_dir(format!("/proc/{}/fd", nginx.id()));
    let links = links.into_iter().flatten().flatten();
    let targets = links.filter_map(|link| fs::read_link(link.path()).ok());
    targets
        .filter(|target| target.to_string_lossy().starts_with("socket:"))
        .count()
}
