//! Signal handlers that leave no trace: what a signal did before the first listener it does again
//! after the last.
//!
//! A handler may do next to nothing. This one writes a byte for each listener, and calls the
//! handler that was there before, if there was one. Listeners of a kind are a list of nodes that
//! are used again and never freed, so the handler walks it without a lock.
//!
//! Ignored stays ignored (also for programs that are executed later: what ignores is inherited, a
//! handler is not), a foreign handler is the only one again, and the default comes back only where
//! it was. In the child of a fork nobody listens until it does so itself, and its signals do not
//! reach the parent. It knows nothing of what reads the bytes.

use std::collections::HashMap;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU32, AtomicUsize};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::cvt::cvt;
use super::per_process::PerProcess;

/// No system that runs this has more signals.
const KINDS: usize = 129;
/// In place of a descriptor: the node is free.
const FREE: i32 = -1;
/// In place of an exit code.
const GOES_ON: i32 = -1;

/// One listener, as the handler sees it.
struct Node {
    /// Where a byte is written.
    fd: AtomicI32,
    /// The process that listens.
    pid: AtomicU32,
    /// The process ends with this at the second signal.
    exit_code: AtomicI32,
    /// A signal has come.
    pressed: AtomicBool,
    /// Handlers that are using `fd` right now.
    busy: AtomicU32,
    /// Which registration this is.
    number: AtomicUsize,
    next: AtomicPtr<Self>,
}

/// The listeners of each kind.
static LISTS: [AtomicPtr<Node>; KINDS] = [const { AtomicPtr::new(ptr::null_mut()) }; KINDS];
/// Registrations so far. A signal is for those that were there when it came: another thread may
/// hear it, end its listening and register a stand-in while the handler still walks the list.
static REGISTERED: AtomicUsize = AtomicUsize::new(0);
/// What was there before the first listener, and what was there before an earlier one: a handler
/// may still read that, so it is never freed.
struct Former {
    action: libc::sigaction,
    _earlier: *mut Self,
}

static BEFORE: [AtomicPtr<Former>; KINDS] = [const { AtomicPtr::new(ptr::null_mut()) }; KINDS];
/// How many listen to a kind in this process. Code that changes nodes or dispositions holds it.
static COUNTS: PerProcess<Mutex<HashMap<i32, usize>>> = PerProcess::new();

fn counts() -> MutexGuard<'static, HashMap<i32, usize>> {
    COUNTS.get().lock().unwrap_or_else(PoisonError::into_inner)
}

/// A listener; dropping it ends the listening.
#[derive(Debug)]
pub struct Listening {
    node: &'static Node,
    signal: i32,
    pid: u32,
    /// Closed after the node is free.
    _to: OwnedFd,
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node")
            .field("fd", &self.fd)
            .finish_non_exhaustive()
    }
}

/// Writes a byte to `to` for each `signal` from now on. With an exit code, the second signal ends
/// the process with that, at once. `to` must not block, and its reader must outlive the listener.
///
/// # Errors
/// `InvalidInput` for what cannot be caught, and what the system says.
pub fn listen(signal: i32, to: OwnedFd, exit_code: Option<i32>) -> io::Result<Listening> {
    const FORBIDDEN: [i32; 5] = [
        libc::SIGKILL,
        libc::SIGSTOP,
        libc::SIGILL,
        libc::SIGFPE,
        libc::SIGSEGV,
    ];
    let known = usize::try_from(signal).is_ok_and(|signal| (1..KINDS).contains(&signal));
    if !known || FORBIDDEN.contains(&signal) {
        let message = format!("signal {signal} cannot be caught");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    let mut counts = counts();
    let pid = std::process::id();
    let node = free_node(signal, pid);
    node.pid.store(pid, SeqCst);
    node.exit_code.store(exit_code.unwrap_or(GOES_ON), SeqCst);
    node.pressed.store(false, SeqCst);
    let number = REGISTERED.fetch_add(1, SeqCst).wrapping_add(1);
    node.number.store(number, SeqCst);
    node.fd.store(to.as_raw_fd(), SeqCst);
    let count = counts.entry(signal).or_default();
    if *count == 0 {
        if let Err(error) = install(signal) {
            node.free();
            return Err(error);
        }
    }
    *count += 1;
    Ok(Listening {
        node,
        signal,
        pid,
        _to: to,
    })
}

impl Drop for Listening {
    fn drop(&mut self) {
        // In the child of a fork the node is the parent's, or used again.
        if self.pid != std::process::id() {
            return;
        }
        let mut counts = counts();
        if let Some(count) = counts.get_mut(&self.signal) {
            *count -= 1;
            if *count == 0 {
                restore(self.signal);
            }
        }
        self.node.free();
    }
}

/// A node of a kind that no listener of this process uses.
fn free_node(signal: i32, pid: u32) -> &'static Node {
    let list = &LISTS[signal as usize];
    let mut next = list.load(SeqCst);
    while let Some(node) = node_at(next) {
        if node.fd.load(SeqCst) == FREE || node.pid.load(SeqCst) != pid {
            return node;
        }
        next = node.next.load(SeqCst);
    }
    // Only who holds the lock adds to a list.
    let node: &'static mut Node = Box::leak(Box::new(Node {
        fd: AtomicI32::new(FREE),
        pid: AtomicU32::new(0),
        exit_code: AtomicI32::new(GOES_ON),
        pressed: AtomicBool::new(false),
        busy: AtomicU32::new(0),
        number: AtomicUsize::new(0),
        next: AtomicPtr::new(list.load(SeqCst)),
    }));
    let added: *mut Node = node;
    list.store(added, SeqCst);
    node_at(added).expect("it is no null")
}

fn node_at(node: *mut Node) -> Option<&'static Node> {
    // SAFETY: every pointer in a list is null or a leaked node, whose fields are atomics.
    unsafe { node.as_ref() }
}

/// The listener of a signal.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hearer {
    None,
    /// A listener of the process that this one was forked from.
    Parent,
    Us,
}

impl Node {
    /// Ends the use of its descriptor, which may then be closed.
    fn free(&self) {
        self.fd.store(FREE, SeqCst);
        while self.busy.load(SeqCst) != 0 {
            std::thread::yield_now();
        }
    }

    /// Whether it was registered after the first `registered`.
    fn is_after(&self, registered: usize) -> bool {
        let number = self.number.load(SeqCst);
        number.wrapping_sub(registered) as isize > 0
    }

    /// Within the handler.
    fn tell(&self, pid: u32, registered: usize) -> Hearer {
        self.busy.fetch_add(1, SeqCst);
        let fd = self.fd.load(SeqCst);
        let hearer = match fd {
            FREE => Hearer::None,
            _ if self.is_after(registered) => Hearer::None,
            _ if self.pid.load(SeqCst) != pid => Hearer::Parent,
            _ => {
                let exit_code = self.exit_code.load(SeqCst);
                if exit_code != GOES_ON && self.pressed.swap(true, SeqCst) {
                    // SAFETY: ends the process without running any of its code.
                    unsafe { libc::_exit(exit_code) };
                }
                // SAFETY: the descriptor is open until `free` has seen that `busy` is zero. A full
                // pipe holds a byte already.
                unsafe { libc::write(fd, [0_u8].as_ptr().cast(), 1) };
                Hearer::Us
            }
        };
        self.busy.fetch_sub(1, SeqCst);
        hearer
    }
}

/// The handler of every kind that somebody listens to. It calls nothing that a handler may not.
extern "C" fn on_signal(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    let errno = io::Error::last_os_error().raw_os_error().unwrap_or(0);
    let pid = std::process::id();
    let registered = REGISTERED.load(SeqCst);
    let mut hearer = Hearer::None;
    let mut next = LISTS[signal as usize].load(SeqCst);
    while let Some(node) = node_at(next) {
        match node.tell(pid, registered) {
            Hearer::None => {}
            Hearer::Parent if hearer == Hearer::Us => {}
            heard => hearer = heard,
        }
        next = node.next.load(SeqCst);
    }
    if hearer == Hearer::Parent {
        // Nobody listens in this child: it is as if nobody ever did.
        restore(signal);
        // SAFETY: the call takes a number. The signal is blocked until this handler returns.
        unsafe { libc::raise(signal) };
    } else {
        call_former(signal, info, context);
    }
    // SAFETY: the address of this thread's errno, which is there as long as the thread.
    unsafe { errno_place().write(errno) };
}

/// Where this thread's errno is.
fn errno_place() -> *mut libc::c_int {
    #[cfg(any(target_os = "android", target_os = "netbsd", target_os = "openbsd"))]
    use libc::__errno as location;
    #[cfg(any(target_os = "linux", target_os = "emscripten", target_os = "hurd"))]
    use libc::__errno_location as location;
    #[cfg(any(
        target_vendor = "apple",
        target_os = "freebsd",
        target_os = "dragonfly"
    ))]
    use libc::__error as location;
    // SAFETY: the call takes nothing and gives an address.
    unsafe { location() }
}

/// Calls the handler that was there before, if there was one.
fn call_former(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    type Plain = extern "C" fn(libc::c_int);
    type WithInfo = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);

    let Some(before) = before(signal) else { return };
    match before.sa_sigaction {
        libc::SIG_DFL | libc::SIG_IGN => {}
        handler if before.sa_flags & libc::SA_SIGINFO != 0 => {
            // SAFETY: what a program installed with SA_SIGINFO is a function of this kind.
            let handler = unsafe { std::mem::transmute::<usize, WithInfo>(handler) };
            handler(signal, info, context);
        }
        handler => {
            // SAFETY: what a program installed without SA_SIGINFO is a function of this kind.
            let handler = unsafe { std::mem::transmute::<usize, Plain>(handler) };
            handler(signal);
        }
    }
}

/// What was there before the first listener.
fn before(signal: i32) -> Option<&'static libc::sigaction> {
    let before = BEFORE.get(usize::try_from(signal).ok()?)?.load(SeqCst);
    // SAFETY: null, or a leaked box that nobody changes.
    let former = unsafe { before.as_ref() };
    former.map(|former| &former.action)
}

/// What a signal does now; on an error the default.
pub(super) fn present(signal: i32) -> libc::sigaction {
    let mut now = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: with a null new action the call changes nothing, and writes the present one where
    // there is room for it.
    unsafe { libc::sigaction(signal, ptr::null(), now.as_mut_ptr()) };
    // SAFETY: all-zero is a valid `sigaction` (a word, a mask, flags), so it is one whether the
    // call wrote it or not.
    unsafe { now.assume_init() }
}

fn is_ours(action: &libc::sigaction) -> bool {
    action.sa_sigaction == on_signal as *const () as usize
}

/// Has a signal call `on_signal`, and notes what it did before.
fn install(signal: i32) -> io::Result<()> {
    let now = present(signal);
    // Ours: after a fork the parent's is still there, and so is what it noted.
    if !is_ours(&now) {
        let known = before(signal).is_some_and(|before| {
            before.sa_sigaction == now.sa_sigaction
                && [libc::SIG_DFL, libc::SIG_IGN].contains(&now.sa_sigaction)
        });
        if !known {
            let place = &BEFORE[signal as usize];
            let former = Former {
                action: now,
                _earlier: place.load(SeqCst),
            };
            place.store(Box::into_raw(Box::new(former)), SeqCst);
        }
    }
    // What the former handler wants blocked is blocked while ours calls it.
    let mut action = now;
    action.sa_sigaction = on_signal as *const () as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART | libc::SA_ONSTACK;
    // SAFETY: the call reads one action. `on_signal` is a function of the kind that SA_SIGINFO asks
    // for.
    cvt(unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) })?;
    Ok(())
}

/// Has a signal do again what it did before the first listener, unless somebody else has taken it
/// meanwhile. A handler may call this.
fn restore(signal: i32) {
    let Some(before) = before(signal) else { return };
    if is_ours(&present(signal)) {
        // SAFETY: the call reads one action, which the system itself once gave.
        unsafe { libc::sigaction(signal, before, ptr::null_mut()) };
    }
}

/// Whether a signal does what it does by default in this process, or would if nobody listened:
/// nobody else handles it, and it is not ignored (as it is for what a shell started in the
/// background).
#[must_use]
pub fn has_default_action(signal: i32) -> bool {
    let now = present(signal);
    let former = before(signal).filter(|_| is_ours(&now));
    former.unwrap_or(&now).sa_sigaction == libc::SIG_DFL
}
