//! Standard streams of real processes: a pipe, a regular file, a terminal. Each test starts this
//! program again, in the part of the program that is being tried (`child_main`), and looks at it
//! from outside.
#![cfg(feature = "net")]

mod support;

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use myrt::runtime::Builder;
use myrt::stream::StreamExt;
use myrt::time::timeout;

/// Starts this program in the given part.
fn part(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "child_main", "--nocapture", "--test-threads=1"])
        .env("MYRT_STDIO_PART", name);
    // libtest speaks on standard output, so the parts answer on standard error.
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

fn everything_said(mut child: Child) -> String {
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert!(child.wait().unwrap().success(), "{said}");
    said
}

/// The parts of the program that is being tried; nothing in the parent.
#[test]
fn child_main() {
    let Ok(part) = std::env::var("MYRT_STDIO_PART") else {
        return;
    };
    let before = support::open_fds();
    let runtime = match std::env::var("MYRT_STDIO_SELECTOR") {
        Ok(selector) => Builder::new()
            .selector(selector.parse().unwrap())
            .build()
            .unwrap(),
        Err(_) => support::runtime(),
    };
    let with_runtime = support::open_fds();
    runtime.block_on(async {
        match part.as_str() {
            "echo" => echo().await,
            "count" => count().await,
            "leave" => leave().await,
            "pass-on" => pass_on().await,
            "two" => two().await,
            "flood" => myrt::io::stderr()
                .write_all(&vec![b'x'; 3_000_000])
                .await
                .unwrap(),
            other => panic!("there is no part {other}"),
        }
    });
    assert!(
        !is_nonblocking(0) && !is_nonblocking(1) && !is_nonblocking(2),
        "the open files are shared with the parent"
    );
    assert_eq!(support::open_fds(), with_runtime, "descriptors were left");
    drop(runtime);
    // A thread of the pool that has just ended a job lets go of the runtime's bell a moment later.
    for _ in 0..1000 {
        if support::open_fds() == before {
            return;
        }
        #[expect(clippy::disallowed_methods, reason = "no loop runs here any more")]
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("descriptors were left");
}

/// Whether the open file of a descriptor has O_NONBLOCK.
fn is_nonblocking(fd: u32) -> bool {
    let Ok(info) = std::fs::read_to_string(format!("/proc/self/fdinfo/{fd}")) else {
        return false;
    };
    let flags = info
        .lines()
        .find_map(|line| line.strip_prefix("flags:"))
        .unwrap();
    u32::from_str_radix(flags.trim(), 8).unwrap() & 0o4000 != 0
}

async fn echo() {
    let mut lines = myrt::io::stdin().lines();
    while let Some(line) = lines.next().await {
        let answer = format!("<{}>\n", line.unwrap());
        myrt::io::stderr()
            .write_all(answer.as_bytes())
            .await
            .unwrap();
    }
}

async fn count() {
    let (mut stdin, mut buf, mut total) = (myrt::io::stdin(), vec![0; 10_000], 0);
    loop {
        match stdin.read(&mut buf).await.unwrap() {
            0 => break,
            count => total += count,
        }
    }
    myrt::io::stderr()
        .write_all(format!("{total}\n").as_bytes())
        .await
        .unwrap();
}

/// Begins to read, gives up, and ends while standard input is open.
async fn leave() {
    let mut buf = [0; 10];
    assert!(
        timeout(Duration::from_millis(20), myrt::io::stdin().read(&mut buf))
            .await
            .is_err()
    );
    myrt::io::stderr().write_all(b"gave up\n").await.unwrap();
}

/// A read that was given up takes nothing: what comes later is for the child.
async fn pass_on() {
    leave().await;
    let child = Command::new("cat")
        .stdout(std::io::stderr())
        .spawn()
        .unwrap();
    myrt::spawn_blocking(move || child.wait_with_output().unwrap())
        .await
        .unwrap();
}

/// Two tasks read by turns; together they get everything.
async fn two() {
    let reader = || {
        myrt::spawn(async {
            let (mut stdin, mut buf, mut total) = (myrt::io::stdin(), [0; 7], 0);
            loop {
                match stdin.read(&mut buf).await.unwrap() {
                    0 => return total,
                    count => total += count,
                }
                myrt::yield_now().await;
            }
        })
    };
    let (a, b) = (reader(), reader());
    let total = a.await.unwrap() + b.await.unwrap();
    myrt::io::stderr()
        .write_all(format!("{total}\n").as_bytes())
        .await
        .unwrap();
}

fn converse(mut child: Child) {
    let mut stdin = child.stdin.take().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    for n in 0..10 {
        writeln!(stdin, "line {n}").unwrap();
        let mut answer = String::new();
        said.read_line(&mut answer).unwrap();
        assert_eq!(answer, format!("<line {n}>\n"));
    }
    drop(stdin);
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    assert!(child.wait().unwrap().success(), "{rest}");
}

#[test]
fn lines_of_a_pipe_with_every_selector() {
    for selector in support::SELECTORS {
        let mut command = part("echo");
        command.env("MYRT_STDIO_SELECTOR", selector.to_string());
        converse(command.stdin(Stdio::piped()).spawn().unwrap());
    }
}

#[test]
fn a_regular_file() {
    let path = std::env::temp_dir().join(format!("myrt-stdin-{}", std::process::id()));
    std::fs::write(&path, vec![b'x'; 1_000_000]).unwrap();
    let child = part("count")
        .stdin(File::open(&path).unwrap())
        .spawn()
        .unwrap();
    assert_eq!(everything_said(child), "1000000\n");
    // And to one.
    let said = File::create(&path).unwrap();
    let mut child = part("flood")
        .stdin(Stdio::null())
        .stderr(said)
        .spawn()
        .unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 3_000_000);
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn nothing_at_all() {
    assert_eq!(
        everything_said(part("count").stdin(Stdio::null()).spawn().unwrap()),
        "0\n"
    );
}

#[test]
fn a_terminal() {
    // util-linux's script runs a program on a terminal of its own; BSD's takes other arguments.
    if !cfg!(target_os = "linux") || Command::new("script").arg("--version").output().is_err() {
        eprintln!("there is no script(1): the terminal is not tried");
        return;
    }
    let program = std::env::current_exe().unwrap();
    let line = format!(
        "stty -echo; exec {} --exact child_main --nocapture",
        program.display()
    );
    let mut child = Command::new("script")
        .args(["-qefc", &line, "/dev/null"])
        .env("MYRT_STDIO_PART", "echo")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap());
    let mut expect = |what: &str| {
        let mut line = String::new();
        while !line.contains(what) {
            line.clear();
            assert!(
                said.read_line(&mut line).unwrap() > 0,
                "{what} was never said"
            );
        }
    };
    expect("running 1 test");
    for n in 0..3 {
        writeln!(stdin, "typed {n}").unwrap();
        expect(&format!("<typed {n}>"));
    }
    // Ctrl-D.
    stdin.write_all(&[4]).unwrap();
    expect("1 passed");
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_read_never_keeps_the_program_from_ending() {
    let mut child = part("leave").stdin(Stdio::piped()).spawn().unwrap();
    let open = child.stdin.take();
    assert_eq!(everything_said(child), "gave up\n");
    drop(open);
}

#[test]
fn a_read_that_was_given_up_takes_nothing() {
    let mut child = part("pass-on").stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    assert_eq!(line, "gave up\n");
    stdin.write_all(b"for the child").unwrap();
    drop(stdin);
    line.clear();
    said.read_to_string(&mut line).unwrap();
    assert_eq!(line, "for the child");
    assert!(child.wait().unwrap().success());
}

#[test]
fn two_tasks_share_what_comes() {
    let mut child = part("two").stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for _ in 0..100 {
        stdin.write_all(&[b'x'; 997]).unwrap();
    }
    drop(stdin);
    assert_eq!(everything_said(child), "99700\n");
}

#[test]
fn the_end_of_the_program_loses_nothing() {
    // The pipe is full long before the end, and we are slow to read it.
    let child = part("flood").stdin(Stdio::null()).spawn().unwrap();
    #[expect(clippy::disallowed_methods, reason = "no loop runs here")]
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(everything_said(child).len(), 3_000_000);
}
