//! N1 and A5: what a thread costs, in address space and in memory, and a task beside it.

use std::io;

use crate::finding::Findings;
use crate::machine::child::Role;
use crate::machine::show::{bytes, count};
use crate::plan::Plan;

/// The least that a stack of 8 MB reserves, in bytes: the course's figure, a tenth off.
const ABOUT_8_MB: u64 = 7_200_000;

struct Crowd {
    number: u64,
    virt: u64,
    resident: u64,
    /// Why there were no more.
    why: String,
}

fn measure(role: &str, wanted: u64) -> io::Result<Crowd> {
    let mut child = Role::start(role, &[wanted.to_string()])?;
    let numbers = child.numbers()?;
    let [number, virt, resident] = numbers[..] else {
        return Err(io::Error::other("three numbers were expected"));
    };
    Ok(Crowd {
        number: number as u64,
        virt: virt as u64,
        resident: resident as u64,
        why: child.line()?,
    })
}

pub(super) fn run(_: &Plan, findings: &mut Findings) -> io::Result<()> {
    let thousand = measure("stacks", 1_000)?;
    let ten_thousand = measure("stacks", 10_000)?;
    let tasks = measure("tasks", 10_000)?;
    if thousand.virt == 0 || tasks.resident == 0 {
        return Err(io::Error::other(
            "this system does not tell a process's memory in /proc",
        ));
    }
    reserved(findings, &thousand, "1,000 threads take 8 GB");
    reserved(findings, &ten_thousand, "10,000 threads take 80 GB");
    let each = tasks.resident / tasks.number;
    let thread = thousand.resident / thousand.number;
    let said = format!(
        "a thread {} resident, {} reserved; a waiting task of myrt {each} B",
        bytes(thread),
        bytes(thousand.virt / thousand.number),
    );
    let why = "8 MB is address space; a stack has the pages that were touched. The kernel's part (some 16 KiB a thread) comes on top";
    findings.judge(
        "N1",
        thread >= ABOUT_8_MB,
        "a thread takes 8 MB of memory",
        &said,
        why,
    );
    let failed = ten_thousand.number < 10_000;
    let why = if failed {
        ten_thousand.why.clone()
    } else {
        "they start and wait; what they cost is memory and switching (A6, A14)".into()
    };
    let measured = format!(
        "{} of 10,000 threads started: {} reserved, {} resident; 10,000 tasks: {} resident",
        count(ten_thousand.number),
        bytes(ten_thousand.virt),
        bytes(ten_thousand.resident),
        bytes(tasks.resident),
    );
    findings.judge("A5", failed, "10,000 threads cannot be had", &measured, why);
    let ratio = thread as f64 / each as f64;
    findings.judge(
        "A5",
        ratio > 5.0,
        "a thread costs much more than a task",
        format!("{ratio:.0}x resident memory"),
        "",
    );
    findings.number("A5", "thread, resident", thread as f64, "B");
    findings.number("A5", "task, resident", each as f64, "B");
    let bars = vec![
        (
            "thread, reserved".to_owned(),
            (thousand.virt / thousand.number) as f64 / 1024.0,
        ),
        ("thread, resident".to_owned(), thread as f64 / 1024.0),
        ("task of myrt".to_owned(), each as f64 / 1024.0),
    ];
    findings.bars("N1", "What one that waits takes", "KiB", bars);
    Ok(())
}

fn reserved(findings: &mut Findings, crowd: &Crowd, claim: &str) {
    let measured = format!(
        "{} reserved, {} resident",
        bytes(crowd.virt),
        bytes(crowd.resident)
    );
    let holds = crowd.virt / crowd.number.max(1) >= ABOUT_8_MB;
    let claim = format!("{claim} of address space");
    findings.judge("N1", holds, claim, measured, crowd.why.as_str());
    let name = format!("{} threads, ", crowd.number);
    findings.number("N1", name.clone() + "reserved", crowd.virt as f64, "B");
    findings.number("N1", name + "resident", crowd.resident as f64, "B");
}
