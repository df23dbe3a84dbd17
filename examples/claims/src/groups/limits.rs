//! N11 and N19: the report of what keeps the loop, and the rate limiter's timeline, ours and the
//! course's.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use myrt::runtime::{Builder, Lints, Report};
use myrt::sync::RateLimiter;
use myrt::time::{Duration, Instant};

use crate::finding::Findings;
use crate::machine::child::{Role, pause};
use crate::machine::python;
use crate::plan::Plan;

const CALLS: usize = 20;

pub(super) fn run(plan: &Plan, findings: &mut Findings) -> io::Result<()> {
    // It only waits, so it may do so beside the other.
    let course = plan
        .python
        .as_ref()
        .map(|_| python::start(python::WAITS, &[]))
        .transpose()?;
    reports(findings)?;
    limiter(findings);
    course.map_or(Ok(()), |course| limiter_of_the_course(course, findings))
}

/// Polls of 50 ms and 150 ms, with the limit at 100 ms.
fn reports(findings: &mut Findings) -> io::Result<()> {
    let noticed = Rc::new(RefCell::new(Vec::new()));
    let keep = Rc::clone(&noticed);
    let runtime = Builder::new()
        .debug(true)
        .slow_poll(Duration::from_millis(100))
        .lints(Lints::Warn)
        .on_report(move |report| keep.borrow_mut().push(report.clone()))
        .build()?;
    for millis in [50, 150] {
        runtime.block_on(async move {
            let slow = async move { pause(Duration::from_millis(millis)) };
            myrt::spawn(slow).await.expect("it does not panic");
        });
    }
    let reports = noticed.borrow();
    let slow: Vec<_> = reports
        .iter()
        .filter_map(|report| match report {
            Report::SlowPoll { took, .. } => Some(*took),
            _ => None,
        })
        .collect();
    let measured = match slow[..] {
        [took] => format!("polls of 50 and 150 ms: one report, of {took:.0?}"),
        _ => format!("polls of 50 and 150 ms: {} reports", slow.len()),
    };
    let why = "the time of one poll, not that of an await as in the course's profiler (R16)";
    findings.judge(
        "N11",
        slow.len() == 1,
        "a poll over 100 ms is reported, a shorter one is not",
        measured,
        why,
    );
    Ok(())
}

fn limiter(findings: &mut Findings) {
    let times = myrt::run(async {
        let limiter = RateLimiter::new(5, Duration::from_secs(1));
        let start = Instant::now();
        let mut times = Vec::new();
        for _ in 0..CALLS {
            limiter.acquire().await;
            times.push(start.elapsed().as_secs_f64());
        }
        times
    });
    let holds = times.iter().enumerate().all(|(call, time)| {
        let due = call.saturating_sub(4) as f64 * 0.2;
        *time >= due - 0.001 && *time < due + 0.03
    });
    let shown: Vec<_> = times[3..9]
        .iter()
        .map(|time| format!("{time:.2}"))
        .collect();
    let measured = format!(
        "{} … {:.2} s for {CALLS} calls",
        shown.join(" "),
        times[CALLS - 1]
    );
    findings.judge(
        "N19",
        holds,
        "five at 0.00, then one each 0.20 s",
        measured,
        "myrt's RateLimiter",
    );
    let points = times
        .iter()
        .enumerate()
        .map(|(call, time)| ((time * 1e3).round() / 1e3, call as f64 + 1.0));
    findings.plot(crate::finding::Plot {
        id: "N19",
        title: "Calls let through by a limit of 5/s".into(),
        x: "seconds",
        y: "calls",
        curves: vec![("myrt".into(), points.collect())],
    });
}

/// The course's own code (R1), on asyncio.
fn limiter_of_the_course(mut course: Role, findings: &mut Findings) -> io::Result<()> {
    let lines = course.all_lines()?;
    let seconds = lines
        .iter()
        .find_map(|line| line.strip_prefix("limiter ")?.parse::<f64>().ok());
    if let Some(seconds) = seconds {
        let rate = (CALLS - 5) as f64 / seconds;
        findings.judge(
            "N19",
            rate < 5.5,
            "the course's own token bucket lets 5/s through",
            format!("asyncio: {CALLS} calls in {seconds:.2} s, {rate:.1}/s after the burst"),
            "the time that it sleeps is credited again (R1)",
        );
    }
    Ok(())
}
