//! The determinism shell: the system's clocks and entropy, as a thread inside of a world sees them.
//!
//! The program's own definitions of a few functions of libc come before the system's. On a thread
//! that is in no world they pass everything on; inside, clocks say the world's time, and entropy is
//! drawn from the world's seed. So `std::time`, the order of a `HashMap`, `rand` and `getrandom`
//! repeat with the seed. What cannot be caught: the processor's own counters and random numbers
//! (RDTSC, RDRAND), and system calls that are made without libc.
//!
//! These functions run inside of allocators, thread starts and signal handlers. So they use nothing
//! that allocates, locks or has a destructor.
#![allow(unsafe_code, reason = "the one file of this crate with unsafe code")]

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use libc::{c_int, c_long, c_uint, c_void, size_t, ssize_t};

use crate::tape::split_mix;

thread_local! {
    /// The world's monotonic clock in nanoseconds; 0: this thread is in no world.
    static NOW: Cell<u64> = const { Cell::new(0) };
    /// What the wall clock is ahead of the monotonic one, in nanoseconds.
    static WALL: Cell<u64> = const { Cell::new(0) };
    static ENTROPY: Cell<u64> = const { Cell::new(0) };
}

/// From here on this thread's clocks stand at `now`. 0: the system's again.
pub(crate) fn set_clocks(now: u64, wall: u64) {
    NOW.set(now);
    WALL.set(wall);
    // Names the functions below, so that a linker that takes whole objects takes this one.
    std::hint::black_box(clock_gettime as *const c_void);
}

/// Where this thread's entropy comes from inside of a world.
pub(crate) fn set_entropy(state: u64) {
    ENTROPY.set(state);
}

pub(crate) fn entropy() -> u64 {
    ENTROPY.get()
}

fn fill(buf: *mut u8, length: usize) {
    let mut state = ENTROPY.get();
    for place in 0..length {
        let byte = split_mix(&mut state) as u8;
        // SAFETY: the caller of `getrandom` gave `length` writable bytes at `buf`.
        let target = unsafe { buf.add(place) };
        // SAFETY: in bounds as above.
        unsafe { target.write(byte) };
    }
    ENTROPY.set(state);
}

/// The system's own function of a name, found once.
fn system(slot: &AtomicUsize, name: &'static std::ffi::CStr) -> usize {
    match slot.load(Relaxed) {
        0 => {
            // SAFETY: the name is a C string, and RTLD_NEXT asks for the next definition of it.
            let found = unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) } as usize;
            slot.store(found, Relaxed);
            found
        }
        found => found,
    }
}

/// clock_gettime(2).
///
/// # Safety
/// `time` points to a writable timespec, or is refused by the system.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn clock_gettime(
    clock: libc::clockid_t,
    time: *mut libc::timespec,
) -> c_int {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let now = NOW.get();
    let of_the_process = matches!(
        clock,
        libc::CLOCK_PROCESS_CPUTIME_ID | libc::CLOCK_THREAD_CPUTIME_ID
    );
    if now == 0 || of_the_process || time.is_null() {
        type Call = unsafe extern "C" fn(libc::clockid_t, *mut libc::timespec) -> c_int;
        let found = system(&NEXT, c"clock_gettime");
        if found == 0 {
            // SAFETY: the system call takes what this function was given.
            return unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) } as c_int;
        }
        // SAFETY: `dlsym` found it under this name, whose type is this one.
        let next = unsafe { std::mem::transmute::<usize, Call>(found) };
        // SAFETY: the arguments are the caller's own.
        return unsafe { next(clock, time) };
    }
    let now = match clock {
        libc::CLOCK_REALTIME | libc::CLOCK_REALTIME_COARSE => now.wrapping_add(WALL.get()),
        _ => now,
    };
    let said = libc::timespec {
        tv_sec: (now / 1_000_000_000) as libc::time_t,
        tv_nsec: (now % 1_000_000_000) as c_long,
    };
    // SAFETY: it is not null, and the caller gave a writable timespec.
    unsafe { time.write(said) };
    0
}

/// gettimeofday(2).
///
/// # Safety
/// `time` points to a writable timeval or is null.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn gettimeofday(time: *mut libc::timeval, _: *mut c_void) -> c_int {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `now` is a timespec of this function.
    let result = unsafe { clock_gettime(libc::CLOCK_REALTIME, &raw mut now) };
    if !time.is_null() && result == 0 {
        let said = libc::timeval {
            tv_sec: now.tv_sec,
            tv_usec: now.tv_nsec / 1000,
        };
        // SAFETY: it is not null, and the caller gave a writable timeval.
        unsafe { time.write(said) };
    }
    result
}

/// getrandom(2).
///
/// # Safety
/// `buf` points to `length` writable bytes.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn getrandom(
    buf: *mut c_void,
    length: size_t,
    flags: c_uint,
) -> ssize_t {
    if NOW.get() == 0 {
        // SAFETY: the system call takes what this function was given.
        return unsafe {
            raw_syscall(
                libc::SYS_getrandom,
                buf as c_long,
                length as c_long,
                c_long::from(flags),
            )
        } as ssize_t;
    }
    fill(buf.cast(), length);
    length as ssize_t
}

/// Passes a system call of three arguments on, by libc's own function.
///
/// # Safety
/// That of the call.
unsafe fn raw_syscall(number: c_long, a: c_long, b: c_long, c: c_long) -> c_long {
    // SAFETY: the caller's promise.
    unsafe { libc::syscall(number, a, b, c) }
}

#[cfg(test)]
#[allow(
    clippy::disallowed_methods,
    reason = "the clock of std and its threads are the subject"
)]
mod tests {
    use std::collections::HashMap;
    use std::time::{Instant, SystemTime, UNIX_EPOCH};

    use super::{set_clocks, set_entropy};

    #[test]
    fn clocks_and_entropy_are_the_worlds_on_this_thread_alone() {
        let order = || {
            set_clocks(5_000_000_000, 1_000_000_000);
            set_entropy(7);
            let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            assert_eq!(wall.as_secs(), 6);
            let (a, b) = (Instant::now(), Instant::now());
            assert_eq!(a, b);
            let map: HashMap<u32, ()> = (0..50).map(|key| (key, ())).collect();
            let there = std::thread::spawn(|| {
                SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .unwrap()
                    .as_secs()
            });
            assert!(there.join().unwrap() > 1_600_000_000);
            set_clocks(0, 0);
            map.into_keys().collect::<Vec<_>>()
        };
        let one = std::thread::spawn(order).join().unwrap();
        let two = std::thread::spawn(order).join().unwrap();
        assert_eq!(one, two);
        assert!(Instant::now().elapsed().as_secs() < 60);
    }
}
