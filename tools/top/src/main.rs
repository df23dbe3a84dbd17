//! `myrt-top`: what the tasks of a running myrt program do, live in a terminal, as `top` shows
//! processes.
//!
//! It asks the monitor of the program (`MYRT_MONITOR=127.0.0.1:50101`, or `myrt::monitor::start`)
//! in JSON, once a second, and draws the answer. While the program's loop is blocked the monitor
//! still answers, and a red line says which task blocks it.
//!
//! ```text
//! myrt-top 127.0.0.1:50101            q quits, ? shows the keys
//! myrt-top unix:/run/app.sock -d 200  every 200 ms
//! myrt-top 127.0.0.1:50101 --once     one picture to stdout, for scripts
//! ```
//!
//! To cancel a task over TCP it needs the token that the program printed at its start, in
//! `MYRT_MONITOR_TOKEN`: arguments can be seen by every user of the machine.
//!
//! `client.rs` asks, `tasks.rs` understands the answers, `view.rs` makes lines of them. Here is the
//! terminal.

mod client;
mod tasks;
mod view;

use std::io::{self, IsTerminal, Write, stdout};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use crossterm::style::{Attribute, Color, Print, ResetColor, SetAttribute, SetForegroundColor};
use crossterm::terminal::{
    self, BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen,
    LeaveAlternateScreen,
};
use crossterm::{cursor, execute, queue};

use signal_hook::consts::{SIGHUP, SIGTERM};

use client::Client;
use tasks::{Counts, Snapshot, Sort};
use view::{Line, Tone, View};

const USAGE: &str = "myrt-top ADDRESS [-d MILLISECONDS] [--once]\n  ADDRESS: 127.0.0.1:50101, or unix:/path/of/socket\n  MYRT_MONITOR_TOKEN: what the program printed, to cancel tasks over TCP\n";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("myrt-top: {error}");
            ExitCode::FAILURE
        }
    }
}

struct Options {
    address: String,
    every: Duration,
    once: bool,
}

fn options() -> io::Result<Options> {
    let wrong = || io::Error::new(io::ErrorKind::InvalidInput, USAGE);
    let mut words = std::env::args().skip(1);
    let (mut address, mut every, mut once) = (None, Duration::from_secs(1), false);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--once" => once = true,
            "-d" => {
                let millis = words.next().and_then(|word| word.parse().ok());
                every = Duration::from_millis(millis.ok_or_else(wrong)?);
            }
            word if word.starts_with('-') => return Err(wrong()),
            _ => address = Some(word),
        }
    }
    let address = address.ok_or_else(wrong)?;
    Ok(Options {
        address,
        every,
        once,
    })
}

fn run() -> io::Result<()> {
    let options = options()?;
    let mut client = Client::new(&options.address, std::env::var("MYRT_MONITOR_TOKEN").ok())
        .map_err(|error| {
            let advice = "is the program there, with MYRT_MONITOR set to this address?";
            io::Error::new(
                error.kind(),
                format!("{}: {error}; {advice}", options.address),
            )
        })?;
    if !options.once && !stdout().is_terminal() {
        let advice = "this is no terminal: --once prints one picture";
        return Err(io::Error::new(io::ErrorKind::Unsupported, advice));
    }
    let mut view = View::new(&options.address);
    if options.once {
        view.take(client.look()?);
        std::thread::sleep(options.every.min(Duration::from_secs(1))); // rates need two looks
        view.take(client.look()?);
        for line in view.lines(120, usize::MAX) {
            println!("{}", line.text.trim_end());
        }
        return Ok(());
    }
    // Who is told to end leaves the terminal as it was.
    let told = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&told))?;
    }
    let _screen = Screen::enter()?;
    watch(&mut client, &mut view, options.every, &told)
}

/// A signal is noticed within this time.
const NOTICED: Duration = Duration::from_millis(250);

/// Asks and draws until somebody quits, or it is told to end.
fn watch(
    client: &mut Client,
    view: &mut View,
    every: Duration,
    told: &AtomicBool,
) -> io::Result<()> {
    let mut next = Instant::now();
    while !told.load(Ordering::Relaxed) {
        if Instant::now() >= next {
            next = Instant::now() + every;
            match client.look() {
                Ok(snapshot) => view.take(snapshot),
                Err(error) => view.lost(&error.to_string()), // it may come back
            }
        }
        draw(view)?;
        let rest = next.saturating_duration_since(Instant::now());
        if event::poll(rest.min(NOTICED))? {
            if let Event::Key(key) = event::read()? {
                if key.kind != KeyEventKind::Release && !act(client, view, key) {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

/// Does what a key says. False: quit.
fn act(client: &mut Client, view: &mut View, key: KeyEvent) -> bool {
    if key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c') {
        return false;
    }
    if view.wants_answer() {
        let yes = key.code == KeyCode::Char('y');
        if let Some(id) = view.answer(yes) {
            view.say(&client.cancel(&id));
        }
        return true;
    }
    view.say("");
    match key.code {
        KeyCode::Char('q') => return false,
        KeyCode::Esc if !view.close() => return false,
        KeyCode::Up | KeyCode::Char('k') => view.select(-1),
        KeyCode::Down | KeyCode::Char('j') => view.select(1),
        KeyCode::PageUp => view.select(-20),
        KeyCode::PageDown => view.select(20),
        KeyCode::Char('b') => view.sort(Sort::Busy),
        KeyCode::Char('p') => view.sort(Sort::Polls),
        KeyCode::Char('w') => view.sort(Sort::Waited),
        KeyCode::Char('i') => view.sort(Sort::Id),
        KeyCode::Char('c') => view.ask(),
        KeyCode::Char('t') => view.open("tree", &client.text("tree")),
        KeyCode::Char('?' | 'h') => view.open("keys", view::KEYS),
        KeyCode::Enter => {
            if let Some(id) = view.selected() {
                view.open("task", &client.text(&format!("where {id}")));
            }
        }
        _ => {}
    }
    true
}

fn draw(view: &mut View) -> io::Result<()> {
    let (width, height) = terminal::size()?;
    let mut out = stdout().lock();
    queue!(out, BeginSynchronizedUpdate)?;
    let lines = view.lines(usize::from(width), usize::from(height));
    for (row, Line { text, tone }) in lines.iter().enumerate() {
        queue!(
            out,
            cursor::MoveTo(0, u16::try_from(row).unwrap_or(u16::MAX))
        )?;
        match tone {
            Tone::Plain => {}
            Tone::Dim => queue!(out, SetAttribute(Attribute::Dim))?,
            Tone::Head => queue!(out, SetAttribute(Attribute::Bold))?,
            Tone::Selected => queue!(out, SetAttribute(Attribute::Reverse))?,
            Tone::Alarm => queue!(
                out,
                SetAttribute(Attribute::Bold),
                SetForegroundColor(Color::Red)
            )?,
        }
        queue!(
            out,
            Print(text),
            Clear(ClearType::UntilNewLine),
            SetAttribute(Attribute::Reset),
            ResetColor
        )?;
    }
    queue!(out, Clear(ClearType::FromCursorDown), EndSynchronizedUpdate)?;
    out.flush()
}

/// While this lives the terminal is ours.
struct Screen;

impl Screen {
    fn enter() -> io::Result<Self> {
        terminal::enable_raw_mode()?;
        let screen = Self;
        execute!(stdout(), EnterAlternateScreen, cursor::Hide)?;
        Ok(screen)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = execute!(stdout(), cursor::Show, LeaveAlternateScreen);
        let _ = terminal::disable_raw_mode();
    }
}

/// What was asked at one moment.
impl Client {
    fn look(&mut self) -> io::Result<Snapshot> {
        // No task is to be listed: who asks for `top` has polls timed, for as long as it is asked
        // now and then.
        self.ask("top 0 --json")?;
        let rows = self.ask("ps --json")?;
        let counts = self.ask("metrics --json")?;
        let mut snapshot = Snapshot::parse(&rows)?;
        snapshot.counts = Counts::parse(&counts);
        Ok(snapshot)
    }

    /// Asks the program to cancel a task; what it said.
    fn cancel(&mut self, id: &str) -> String {
        self.text(&format!("cancel {id}"))
    }

    fn text(&mut self, question: &str) -> String {
        self.ask(question)
            .unwrap_or_else(|error| format!("{error}\n"))
    }
}
