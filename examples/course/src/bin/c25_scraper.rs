//! A web scraper: a queue of pages, a semaphore, and every page once.
//!
//! It brings its own site: numbered pages that link to each other, in circles too, each answered
//! after a while. The server counts how many requests are there at once, so that the limit is
//! checked from the other side.
//!
//! Course: 8.7, case 1 (C25; the claim N18: 500 pages in 30 s rather than 500).
//!
//! ```text
//! cargo run --release -p course --bin scraper -- --pages 500 --max 50 --delay 100 (ms)
//! ```

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use lexopt::ValueExt;
use myrt::io::Reader;
use myrt::net::{TcpListener, TcpStream};
use myrt::sync::Semaphore;
use myrt::task::JoinSet;
use myrt::time::{Duration, Instant, sleep};

/// The site, and what it has seen.
struct Site {
    pages: usize,
    delay: Duration,
    requests: Cell<usize>,
    here: Cell<usize>,
    most: Cell<usize>,
}

impl Site {
    async fn start(self: &Rc<Self>) -> io::Result<SocketAddr> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let site = Rc::clone(self);
        drop(myrt::spawn(async move {
            loop {
                // An error passes: the next accept waits a little before it tries.
                let Ok((stream, _)) = listener.accept().await else {
                    continue;
                };
                let site = Rc::clone(&site);
                drop(myrt::spawn(async move {
                    site.here.set(site.here.get() + 1);
                    site.most.set(site.most.get().max(site.here.get()));
                    let result = site.answer(&stream).await;
                    site.here.set(site.here.get() - 1);
                    result
                }));
            }
        }));
        Ok(address)
    }

    async fn answer(&self, stream: &TcpStream) -> io::Result<()> {
        let mut line = String::new();
        Reader::new(stream).read_line(&mut line).await?;
        self.requests.set(self.requests.get() + 1);
        sleep(self.delay).await;
        let number: usize = line
            .split(['/', ' '])
            .nth(2)
            .and_then(|page| page.parse().ok())
            .unwrap_or(0);
        // Ten links onward, one back, one to itself.
        let onward = (1..=10)
            .map(|link| number * 10 + link)
            .filter(|page| *page < self.pages);
        let links = onward
            .chain([number / 10, number])
            .map(|page| format!("<a href=\"/{page}\">{page}</a>"));
        let body = links.collect::<String>();
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(answer.as_bytes()).await
    }
}

async fn fetch(server: SocketAddr, path: &str) -> io::Result<String> {
    let stream = TcpStream::connect(server).await?;
    stream
        .write_all(format!("GET {path} HTTP/1.1\r\nHost: {server}\r\n\r\n").as_bytes())
        .await?;
    let mut answer = Vec::new();
    Reader::new(&stream).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn links(page: &str) -> impl Iterator<Item = String> {
    page.split("href=\"")
        .skip(1)
        .filter_map(|rest| rest.split_once('"'))
        .map(|(link, _)| link.to_owned())
}

/// Follows every link from the first page on, with at most `max` requests at a time. Gives the
/// number of pages.
async fn scrape(server: SocketAddr, max: usize) -> io::Result<usize> {
    let slots = Rc::new(Semaphore::new(max));
    let visited = RefCell::new(HashSet::new());
    let mut fetches = JoinSet::new();
    let visit = |link: String, fetches: &mut JoinSet<io::Result<String>>| {
        if visited.borrow_mut().insert(link.clone()) {
            let slots = Rc::clone(&slots);
            fetches.spawn(async move {
                let _slot = slots.acquire().await.expect("nobody closes it");
                fetch(server, &link).await
            });
        }
    };
    visit("/0".to_owned(), &mut fetches);
    while let Some(page) = fetches.join_next().await {
        let page = page.expect("a fetch does not panic")?;
        for link in links(&page) {
            visit(link, &mut fetches);
        }
    }
    Ok(visited.into_inner().len())
}

#[myrt::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut pages, mut max, mut delay) = (500, 50, Duration::from_millis(100));
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            lexopt::Arg::Long("pages") => pages = arguments.value()?.parse()?,
            lexopt::Arg::Long("max") => max = arguments.value()?.parse()?,
            lexopt::Arg::Long("delay") => {
                delay = Duration::from_millis(arguments.value()?.parse()?);
            }
            other => return Err(other.unexpected().into()),
        }
    }
    let site = Rc::new(Site {
        pages,
        delay,
        requests: Cell::new(0),
        here: Cell::new(0),
        most: Cell::new(0),
    });
    let server = site.start().await?;
    let start = Instant::now();
    let found = scrape(server, max).await?;
    println!(
        "{found} pages in {:.2} s with {} requests",
        start.elapsed().as_secs_f64(),
        site.requests.get()
    );
    println!(
        "one after the other they would take {:.1} s",
        delay.as_secs_f64() * f64::from(u32::try_from(found)?)
    );
    println!(
        "at most {} requests at a time, {max} allowed",
        site.most.get()
    );
    Ok(())
}
