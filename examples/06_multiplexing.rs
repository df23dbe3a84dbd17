//! Multiplexing: what select, poll and epoll cost when one of N sockets is active.
//!
//! Shows the course's comparison as it comes out on this machine: N sockets are waited for, one
//! datagram arrives at one of them, and the time is taken from the wait to the answer. The runtime
//! is the same each time, only `Builder::selector` differs, so the number is one call of the
//! selector, the re-arming that it needs, and a turn of the loop. select refuses descriptors of
//! 1,024 and more; here that is a typed error, where C writes past the end of its set.
//!
//! Course: 8.6, "Performance comparée" and "Graphique" (B4, B5, B8, B14, B15, B16; the claims N12
//! and R14). A process has a limited number of descriptors (`ulimit -Hn`); what does not fit is
//! left out, and said.
//!
//! ```text
//! cargo run --release --example 06_multiplexing
//! cargo run --release --example 06_multiplexing -- --svg selectors.svg
//! ```

use std::io;
use std::net::UdpSocket;
use std::process::ExitCode;
use std::rc::Rc;

use myrt::io::Async;
use myrt::runtime::{Builder, FdTooLarge, Selector, raise_fd_limit};
use myrt::time::{Duration, Instant};

const COUNTS: [usize; 8] = [100, 300, 1_000, 2_000, 5_000, 8_000, 10_000, 15_000];
/// Descriptors that are not for the sockets: standard streams, the selector itself, the sender.
const SPARE: usize = 20;
/// How long one cell of the table is measured.
const TIME: Duration = Duration::from_millis(100);

/// What came out for one selector and one number of sockets.
enum Cell {
    Took(Duration),
    Refused(String),
}

/// Makes the sockets, or as many as the limit of descriptors lets it.
fn sockets() -> io::Result<Vec<Rc<UdpSocket>>> {
    let (limit, _) = raise_fd_limit()?;
    let room = usize::try_from(limit)
        .unwrap_or(usize::MAX)
        .saturating_sub(SPARE);
    let most = COUNTS
        .into_iter()
        .filter(|count| *count <= room)
        .max()
        .unwrap_or(room);
    if most < COUNTS[COUNTS.len() - 1] {
        println!("This process may have {limit} descriptors, so the table ends at {most} sockets.");
    }
    (0..most)
        .map(|_| UdpSocket::bind("127.0.0.1:0").map(Rc::new))
        .collect()
}

/// Waits for all of `sockets`, makes one of them active again and again, and takes the median time.
async fn measure(sockets: &[Rc<UdpSocket>]) -> io::Result<Cell> {
    let sender = UdpSocket::bind("127.0.0.1:0")?;
    let sockets: Vec<_> = sockets
        .iter()
        .map(|socket| Async::new(Rc::clone(socket)).map(Rc::new))
        .collect::<Result<_, _>>()?;
    let active = Rc::clone(sockets.last().expect("at least one socket"));
    let address = active.get_ref().local_addr()?;
    let waits: Vec<_> = sockets
        .into_iter()
        .map(|socket| myrt::spawn(async move { socket.readable().await }))
        .collect();
    myrt::yield_now().await; // each of them has had its turn, and waits
    if waits.iter().any(|wait| wait.is_finished()) {
        let mut errors = Vec::new();
        for wait in waits {
            wait.cancel();
            // One that has ended already says why.
            errors.extend(wait.await.ok().and_then(Result::err));
        }
        return refused(errors.pop().expect("nobody has sent to it"));
    }
    let mut times = Vec::new();
    let begin = Instant::now();
    while times.len() < 20 || begin.elapsed() < TIME {
        sender.send_to(b"x", address)?;
        let start = Instant::now();
        active.readable().await?;
        times.push(start.elapsed());
        // Read until it would block, or the next wait would be over before it began.
        while active
            .try_read_with(|socket| socket.recv(&mut [0; 8]))
            .is_ok()
        {}
    }
    for wait in &waits {
        wait.cancel();
    }
    times.sort_unstable();
    Ok(Cell::Took(times[times.len() / 2]))
}

/// Tells the one error that belongs into the table from those that do not.
fn refused(error: io::Error) -> io::Result<Cell> {
    match error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<FdTooLarge>())
    {
        Some(too_large) => Ok(Cell::Refused(too_large.to_string())),
        None => Err(error),
    }
}

fn main() -> ExitCode {
    match compare() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn compare() -> io::Result<()> {
    let svg = svg_path()?;
    // Before the sockets: a runtime has descriptors of its own, and for select those too must be
    // below 1,024.
    let selectors = Selector::ALL
        .into_iter()
        .filter(|selector| selector.is_supported());
    let runtimes: Vec<_> = selectors
        .map(|selector| Ok((selector, Builder::new().selector(selector).build()?)))
        .collect::<io::Result<_>>()?;
    let sockets = sockets()?;
    let counts: Vec<usize> = COUNTS
        .into_iter()
        .filter(|count| *count <= sockets.len())
        .collect();
    println!("One socket of N is active: from the wait to the answer, in microseconds (median).\n");
    print!("{:>15}", "N");
    counts.iter().for_each(|count| print!("{count:>9}"));
    println!();

    let mut refusals = Vec::new();
    let mut curves = Vec::new();
    for (selector, runtime) in &runtimes {
        print!("{selector:>15}");
        let mut points = Vec::new();
        for &count in &counts {
            match runtime.block_on(measure(&sockets[..count]))? {
                Cell::Took(time) => {
                    let micros = time.as_secs_f64() * 1e6;
                    print!("{micros:>9.1}");
                    points.push((count as f64, micros));
                }
                Cell::Refused(why) => {
                    print!("{:>9}", "refused");
                    refusals.push(why);
                }
            }
        }
        println!();
        curves.push((selector.name(), points));
    }
    println!();
    if let Some(refusal) = refusals.first() {
        println!("refused: {refusal}");
    }
    plot(&curves);
    println!(
        "epoll's cost grows with what is ready, and that is one; the others look at everyone, each time."
    );
    if let Some(path) = svg {
        std::fs::write(&path, draw(&curves))?;
        println!("The same as a drawing: {path}");
    }
    Ok(())
}

fn svg_path() -> io::Result<Option<String>> {
    let mut arguments = std::env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next()) {
        (None, _) => Ok(None),
        (Some("--svg"), Some(path)) => Ok(Some(path)),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the only option is `--svg FILE`",
        )),
    }
}

type Curve = (&'static str, Vec<(f64, f64)>);

/// The corners of all curves, on logarithmic scales.
fn bounds(curves: &[Curve]) -> Option<[f64; 4]> {
    let points = curves.iter().flat_map(|(_, points)| points);
    points.fold(None, |bounds: Option<[f64; 4]>, &(x, y)| {
        let (x, y) = (x.ln(), y.ln());
        let [left, right, low, high] = bounds.unwrap_or([x, x, y, y]);
        Some([left.min(x), right.max(x), low.min(y), high.max(y)])
    })
}

/// Where a point lies, from 0 to 1 both ways.
fn place(bounds: [f64; 4], (x, y): (f64, f64)) -> (f64, f64) {
    let [left, right, low, high] = bounds;
    let share = |value: f64, from: f64, to: f64| {
        if to > from {
            (value - from) / (to - from)
        } else {
            0.5
        }
    };
    (share(x.ln(), left, right), share(y.ln(), low, high))
}

const LETTERS: [char; 6] = ['E', 'L', 'O', 'K', 'P', 'S'];

/// Prints the curves with a letter a selector; both scales are logarithmic.
fn plot(curves: &[Curve]) {
    const WIDTH: usize = 64;
    const HEIGHT: usize = 14;
    let Some(bounds) = bounds(curves) else { return };
    let mut canvas = [[' '; WIDTH]; HEIGHT];
    for ((_, points), letter) in curves.iter().zip(letters(curves)) {
        for &point in points {
            let (x, y) = place(bounds, point);
            let column = (x * (WIDTH - 1) as f64).round() as usize;
            let row = HEIGHT - 1 - (y * (HEIGHT - 1) as f64).round() as usize;
            canvas[row][column] = if canvas[row][column] == ' ' {
                letter
            } else {
                '*'
            };
        }
    }
    println!("\n{:>9} us", format!("{:.0}", bounds[3].exp()));
    for row in canvas {
        println!("{:>12}|{}", "", row.iter().collect::<String>().trim_end());
    }
    println!(
        "{:>9} us+{}",
        format!("{:.1}", bounds[2].exp()),
        "-".repeat(WIDTH)
    );
    println!(
        "{:>13}{:<58}{:.0}",
        "",
        format!("N = {:.0}", bounds[0].exp()),
        bounds[1].exp()
    );
    let legend: Vec<String> = curves
        .iter()
        .zip(letters(curves))
        .map(|((name, _), letter)| format!("{letter} {name}"))
        .collect();
    println!(
        "{:>13}{}  * several; both scales are logarithmic\n",
        "",
        legend.join("  ")
    );
}

/// The letter of each curve.
fn letters(curves: &[Curve]) -> Vec<char> {
    let names = Selector::ALL.map(Selector::name);
    let letter = |name: &str| {
        names
            .iter()
            .position(|known| *known == name)
            .map_or('?', |place| LETTERS[place])
    };
    curves.iter().map(|(name, _)| letter(name)).collect()
}

/// The curves as SVG.
fn draw(curves: &[Curve]) -> String {
    const COLOURS: [&str; 6] = [
        "#0b6e4f", "#6bbf59", "#a3c9a8", "#5c4b99", "#d1603d", "#b0223a",
    ];
    let mut svg = String::from(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 700 420' font-family='sans-serif' font-size='13'>\n\
         <rect width='700' height='420' fill='white'/>\n\
         <text x='60' y='24'>One socket of N is active: microseconds from the wait to the answer</text>\n\
         <path d='M60 40V370H560' fill='none' stroke='#888'/>\n",
    );
    let Some(bounds) = bounds(curves) else {
        return svg + "</svg>\n";
    };
    let spot = |point| {
        let (x, y) = place(bounds, point);
        (60.0 + 490.0 * x, 365.0 - 310.0 * y)
    };
    let mut labels = Vec::new();
    for ((name, points), colour) in curves.iter().zip(COLOURS) {
        let line: Vec<String> = points
            .iter()
            .map(|&point| spot(point))
            .map(|(x, y)| format!("{x:.0},{y:.0}"))
            .collect();
        let Some(&last) = points.last() else { continue };
        let (x, mut y) = spot(last);
        while labels.iter().any(|label: &f64| (label - y).abs() < 14.0) {
            y -= 14.0; // curves that end at the same place have their labels one above the other
        }
        labels.push(y);
        svg += &format!(
            "<polyline points='{}' fill='none' stroke='{colour}' stroke-width='2'/>\n",
            line.join(" ")
        );
        svg += &format!(
            "<text x='{:.0}' y='{:.0}' fill='{colour}'>{name} {:.1}</text>\n",
            x + 8.0,
            y + 4.0,
            last.1
        );
    }
    for &(count, _) in curves
        .iter()
        .map(|(_, points)| points)
        .max_by_key(|points| points.len())
        .into_iter()
        .flatten()
    {
        let (x, _) = spot((count, 1.0));
        svg += &format!("<text x='{x:.0}' y='388' text-anchor='middle'>{count:.0}</text>\n");
    }
    svg + "</svg>\n"
}
