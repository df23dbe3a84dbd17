//! Counting: instructions, allocations, system calls. No clock, so the numbers are the same on a
//! busy machine.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

thread_local! {
    static CALLS: RefCell<BTreeMap<&'static str, u64>> = const { RefCell::new(BTreeMap::new()) };
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// Makes one system call, and counts it under its name. For this thread.
pub fn call<T>(name: &'static str, make: impl FnOnce() -> T) -> T {
    CALLS.with_borrow_mut(|calls| *calls.entry(name).or_default() += 1);
    make()
}

/// The calls that `f` made on this thread, by name: those that went through [`call`].
pub fn calls(f: impl FnOnce()) -> BTreeMap<&'static str, u64> {
    let before = CALLS.with_borrow_mut(std::mem::take);
    f();
    CALLS.with_borrow_mut(|calls| std::mem::replace(calls, before))
}

/// Counts allocations by thread. A program that wants [`allocations`] makes it its
/// `#[global_allocator]`.
pub struct Counting;

// SAFETY: Each call goes on to `System` as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|n| n.set(n.get() + 1));
        // SAFETY: The caller keeps the contract of `alloc`, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: The block is from `System`, as all of this allocator are.
        unsafe { System.dealloc(place, layout) }
    }
}

/// How often `f` allocates on this thread. Zero where [`Counting`] is not the allocator.
pub fn allocations(f: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    f();
    ALLOCATIONS.get() - before
}

/// How many instructions `f` takes in user space: a child process runs it, and is stopped after
/// each one.
///
/// None where the system does not allow that, or is not Linux. Slow: some twenty microseconds an
/// instruction. What `f` does happens in the child only.
pub fn instructions(f: impl FnOnce()) -> Option<u64> {
    #[cfg(target_os = "linux")]
    {
        Some(stepped(f)?.saturating_sub(stepped(|| {})?))
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = f;
        None
    }
}

/// Instructions of one repetition: the difference of 2 and of `2 + times` of them, divided.
pub fn instructions_each(times: u64, mut f: impl FnMut(u64)) -> Option<u64> {
    let few = instructions(|| f(2))?;
    let many = instructions(|| f(2 + times))?;
    Some(many.saturating_sub(few) / times)
}

#[cfg(target_os = "linux")]
fn stepped(f: impl FnOnce()) -> Option<u64> {
    // SAFETY: The child runs `f` and ends by `_exit`; glibc makes its allocator usable after a
    // fork.
    let child = unsafe { libc::fork() };
    if child == 0 {
        trace_me();
        stop();
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f));
        stop();
        // SAFETY: Ends this process; nothing of the parent is flushed or dropped.
        unsafe { libc::_exit(0) };
    }
    if child < 0 || stopped_by(child)? != libc::SIGSTOP {
        return None;
    }
    let mut n = 0;
    loop {
        // SAFETY: `child` is stopped and traced by this thread; the two last arguments are not
        // used.
        if unsafe { libc::ptrace(libc::PTRACE_SINGLESTEP, child, 0, 0) } != 0 {
            return None;
        }
        match stopped_by(child)? {
            libc::SIGTRAP => n += 1,
            _ => break,
        }
    }
    // SAFETY: `child` is a process of ours that was not waited for yet.
    unsafe { libc::kill(child, libc::SIGKILL) };
    stopped_by(child);
    Some(n)
}

#[cfg(target_os = "linux")]
fn trace_me() {
    // SAFETY: Takes no pointer that is read.
    unsafe { libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) };
}

#[cfg(target_os = "linux")]
fn stop() {
    // SAFETY: A signal to this thread.
    unsafe { libc::raise(libc::SIGSTOP) };
}

/// The signal that stopped `child`, or none when it has ended.
#[cfg(target_os = "linux")]
fn stopped_by(child: i32) -> Option<i32> {
    let mut status = 0;
    // SAFETY: `status` lives through the call.
    let n = unsafe { libc::waitpid(child, &mut status, 0) };
    (n == child && libc::WIFSTOPPED(status)).then(|| libc::WSTOPSIG(status))
}

/// A markdown table of what was counted: a column of names, a column of numbers, where `None` is
/// "not counted here".
pub fn table(heads: &[&str], rows: &[(&str, Vec<Option<u64>>)]) -> String {
    let mut text = format!(
        "| |{}\n|---|{}\n",
        heads.iter().map(|h| format!(" {h} |")).collect::<String>(),
        "---:|".repeat(heads.len())
    );
    for (name, numbers) in rows {
        let cells: String =
            numbers.iter().map(|n| n.map_or(" – |".into(), |n| format!(" {n} |"))).collect();
        text += &format!("| {name} |{cells}\n");
    }
    text
}
