//! N2, N16, N20, N21, N22, N24: programs that only wait, and how long that takes in sequence and at
//! once.
//!
//! They are measured one after the other in a full run, and side by side, each on a thread of its
//! own, in a quick one: they hardly compute, so they do not disturb each other.

use std::cell::Cell;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::rc::Rc;
use std::thread;

use myrt::sync::{Queue, Semaphore};
use myrt::time::{Duration, Instant, interval, sleep};

use crate::finding::Findings;
use crate::machine::child::pause;
use crate::machine::show::time;
use crate::machine::{memory, python};
use crate::plan::Plan;

type Step = fn(&Plan, &mut Findings) -> io::Result<()>;

const STEPS: [Step; 6] = [blocked, gathered, workers, five_clients, semaphore, asyncio];

pub(super) fn run(plan: &Plan, findings: &mut Findings) -> io::Result<()> {
    if !plan.quick {
        return STEPS.iter().try_for_each(|step| step(plan, findings));
    }
    let results: Vec<io::Result<Findings>> = thread::scope(|scope| {
        let measure = |step: &'static Step| {
            move || {
                let mut found = Findings::default();
                step(plan, &mut found).map(|()| found)
            }
        };
        let threads: Vec<_> = STEPS
            .iter()
            .map(|step| scope.spawn(measure(step)))
            .collect();
        let joined = threads.into_iter().map(|thread| thread.join());
        joined
            .map(|result| result.unwrap_or_else(|_| Err(io::Error::other("it panicked"))))
            .collect()
    });
    results
        .into_iter()
        .try_for_each(|found| found.map(|found| findings.merge(found)))
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Whether a time is what was expected: never shorter, and little longer, as machines are shared.
fn is_about(took: Duration, expected: Duration) -> bool {
    took >= expected && took < expected.mul_f64(1.1) + ms(20)
}

/// Times a future on a runtime of its own.
fn timed<F: Future<Output = ()>>(future: impl FnOnce() -> F) -> Duration {
    let start = Instant::now();
    myrt::run(future());
    start.elapsed()
}

/// N2: a peer that answers after 50 ms, and what the thread does meanwhile.
fn blocked(_: &Plan, findings: &mut Findings) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let server = thread::Builder::new().spawn(move || -> io::Result<()> {
        for _ in 0..2 {
            let (mut stream, _) = listener.accept()?;
            pause(ms(50));
            stream.write_all(b"x")?;
        }
        Ok(())
    })?;
    // The processor time of the thread that waits, not of the whole process.
    let processor = || memory::processor_of_thread().unwrap_or_default();
    let (start, before) = (Instant::now(), processor());
    let mut stream = TcpStream::connect(address)?;
    let connected = start.elapsed();
    stream.read_exact(&mut [0])?;
    let (took, worked) = (start.elapsed(), processor().saturating_sub(before));
    let ticks = Rc::new(Cell::new(0));
    let counter = Rc::clone(&ticks);
    myrt::run(async move {
        drop(myrt::spawn(async move {
            let mut each = interval(ms(1));
            loop {
                each.tick().await;
                counter.set(counter.get() + 1);
            }
        }));
        let stream = myrt::net::TcpStream::connect(address).await?;
        stream.read_exact(&mut [0]).await
    })?;
    server.join().expect("it does not panic")?;
    let why = "over the Internet, where the claim is about; here there is loopback only";
    findings.untested(
        "N2",
        "a connect takes 10–100 ms",
        format!("loopback: {}", time(connected)),
        why,
    );
    let free = took.saturating_sub(worked);
    let measured = format!(
        "of {} the thread waited {}; on myrt another task had {} turns of 1 ms meanwhile",
        time(took),
        time(free),
        ticks.get()
    );
    let holds = free > took.mul_f64(0.9) && ticks.get() >= 25;
    findings.judge(
        "N2",
        holds,
        "the thread is blocked for 49 of 50 ms",
        measured,
        "",
    );
    Ok(())
}

/// N16 and N24: sums become the longest.
fn gathered(_: &Plan, findings: &mut Findings) -> io::Result<()> {
    let cases: [(&'static str, &str, &[u64]); 4] = [
        ("N16", "300 ms → 100 ms", &[100, 100, 100]),
        ("N16", "400 ms → 100 ms", &[100, 100, 100, 100]),
        ("N16", "3 s → 1 s", &[1000, 1000, 1000]),
        (
            "N24",
            "calls of 120, 100 and 150 ms end after 150 ms, not 370",
            &[120, 100, 150],
        ),
    ];
    for (id, claim, waits) in cases {
        let sequence = timed(async || {
            for wait in waits {
                sleep(ms(*wait)).await;
            }
        });
        let start = Instant::now();
        thread::scope(|scope| {
            waits
                .iter()
                .for_each(|wait| drop(scope.spawn(|| pause(ms(*wait)))));
        });
        let threads = start.elapsed();
        let at_once = timed(async || {
            myrt::gather(waits.iter().map(|wait| sleep(ms(*wait)))).await;
        });
        let (sum, longest) = (waits.iter().sum(), waits.iter().max().copied().unwrap_or(0));
        let measured = format!(
            "in sequence {}, threads {}, myrt {}",
            time(sequence),
            time(threads),
            time(at_once)
        );
        let holds = is_about(sequence, ms(sum)) && is_about(at_once, ms(longest));
        findings.judge(id, holds, claim, measured, "");
        findings.number(id, format!("{claim}: myrt"), at_once.as_secs_f64(), "s");
    }
    Ok(())
}

/// N20: the task queue with four workers.
fn workers(_: &Plan, findings: &mut Findings) -> io::Result<()> {
    let jobs: Vec<_> = [1000, 2000, 500].into_iter().cycle().take(14).collect();
    // The schedule by hand: each job goes to the worker that is free first.
    let mut free = [0; 4];
    for job in &jobs {
        *free.iter_mut().min().expect("four workers") += job;
    }
    let expected = ms(free.into_iter().max().unwrap_or(0));
    let took = timed(async || {
        let queue = Rc::new(Queue::new(0));
        for job in jobs {
            queue.put(job).await.expect("it is open");
        }
        for _ in 0..4 {
            let queue = Rc::clone(&queue);
            drop(myrt::spawn(async move {
                while let Ok(job) = queue.get().await {
                    sleep(ms(job)).await;
                    queue.task_done();
                }
            }));
        }
        queue.join().await;
    });
    let measured = format!(
        "14 tasks: {}, the schedule says {}",
        time(took),
        time(expected)
    );
    let claim = "1 s, 2 s and 0.5 s on 4 workers take what the schedule says";
    findings.judge("N20", is_about(took, expected), claim, measured, "");
    Ok(())
}

/// N21: an echo that takes a second, five clients.
fn five_clients(_: &Plan, findings: &mut Findings) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let server = thread::Builder::new().spawn(move || -> io::Result<()> {
        for _ in 0..5 {
            let (mut stream, _) = listener.accept()?;
            let mut bytes = [0; 6];
            stream.read_exact(&mut bytes)?;
            pause(ms(1000));
            stream.write_all(&bytes)?;
        }
        Ok(())
    })?;
    let client = |address| -> io::Result<()> {
        let mut stream = TcpStream::connect(address)?;
        stream.write_all("Ohé !".as_bytes())?;
        stream.read_exact(&mut [0; 6])
    };
    let start = Instant::now();
    thread::scope(|scope| {
        let clients: Vec<_> = (0..5).map(|_| scope.spawn(|| client(address))).collect();
        clients
            .into_iter()
            .try_for_each(|client| client.join().expect("it does not panic"))
    })?;
    let blocking = start.elapsed();
    server.join().expect("it does not panic")?;

    let start = Instant::now();
    myrt::run(async {
        let listener = myrt::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        drop(myrt::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                drop(myrt::spawn(async move {
                    let mut bytes = [0; 6];
                    stream.read_exact(&mut bytes).await?;
                    sleep(ms(1000)).await;
                    stream.write_all(&bytes).await
                }));
            }
        }));
        let clients = (0..5).map(|_| async {
            let stream = myrt::net::TcpStream::connect(address).await?;
            stream.write_all("Ohé !".as_bytes()).await?;
            stream.read_exact(&mut [0; 6]).await.map(drop)
        });
        myrt::try_gather(clients).await.map(drop)
    })?;
    let looped = start.elapsed();
    let holds = is_about(blocking, ms(5000)) && is_about(looped, ms(1000));
    let measured = format!("one after the other {blocking:.3?}, myrt {looped:.3?}");
    findings.judge("N21", holds, "5.0 s → 1.0 s", measured, "");
    findings.number("N21", "one after the other", blocking.as_secs_f64(), "s");
    findings.number("N21", "myrt", looped.as_secs_f64(), "s");
    Ok(())
}

/// N22: five fetches, two at a time.
fn semaphore(_: &Plan, findings: &mut Findings) -> io::Result<()> {
    let took = timed(async || {
        let slots = Semaphore::new(2);
        let fetches = [1000, 1000, 1000, 1000, 500].map(async |wait| {
            let _slot = slots.acquire().await.expect("it stays open");
            sleep(ms(wait)).await;
        });
        myrt::gather(fetches).await;
    });
    let measured = format!("myrt {took:.3?}");
    let claim = "two at a time, the last a short one: 2.5 s";
    findings.judge("N22", is_about(took, ms(2500)), claim, measured, "");
    findings.number("N22", "myrt", took.as_secs_f64(), "s");
    Ok(())
}

/// The same with asyncio, where it is installed.
fn asyncio(plan: &Plan, findings: &mut Findings) -> io::Result<()> {
    if plan.python.is_none() {
        return Ok(());
    }
    for line in python::start(python::WAITS, &[])?.all_lines()? {
        let Some((name, seconds)) = line.split_once(' ') else {
            continue;
        };
        let Ok(seconds) = seconds.parse::<f64>() else {
            continue;
        };
        let (id, expected, claim) = match name {
            "gathered" => ("N16", 1.0, "3 s → 1 s with asyncio"),
            "fan_out" => ("N24", 0.15, "150 ms with asyncio"),
            "semaphore" => ("N22", 2.5, "2.5 s with asyncio"),
            "five_clients" => ("N21", 1.0, "1.0 s with asyncio"),
            _ => continue,
        };
        let took = Duration::from_secs_f64(seconds);
        let holds = is_about(took + ms(2), Duration::from_secs_f64(expected));
        findings.judge(id, holds, claim, format!("{took:.3?}"), "");
        findings.number(id, "asyncio", seconds, "s");
    }
    Ok(())
}
