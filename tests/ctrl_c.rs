//! Ctrl-C, for real: each test starts this binary again as a child, sends it SIGINT, and looks at
//! how it ends.
#![cfg(feature = "signal")]

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use myrt::time::{Duration, sleep};
use myrt::{finally, signal, yield_now};

const WHAT: &str = "MYRT_CTRL_C_TEST";

/// What the child does; it is this test binary, told by the environment.
#[test]
#[ignore = "what the other tests start as a child"]
fn child() {
    let Ok(what) = std::env::var(WHAT) else {
        return;
    };
    let path = partial(std::process::id());
    match what.as_str() {
        "finally" => myrt::run(download(path)),
        "main" => main_of_a_program(),
        "tasks" => myrt::run(async {
            let task = myrt::spawn(download(path));
            task.await.unwrap();
        }),
        "scope" => myrt::run(async {
            let name = String::from("borrowed");
            myrt::scope(async |s| {
                s.spawn(async {
                    download(path).await;
                    assert_eq!(name, "borrowed");
                });
            })
            .await
            .unwrap();
        }),
        "busy" => myrt::run(finally(
            async {
                say("ready");
                loop {
                    yield_now().await;
                }
            },
            async || say("cleaned"),
        )),
        "stuck" => myrt::run(async {
            say("ready");
            block();
        }),
        "hanging" => myrt::run(finally(wait(), async || {
            say("hanging");
            std::future::pending::<()>().await;
        })),
        "own" => {
            let code = myrt::run(async {
                let heard = signal::ctrl_c();
                say("ready");
                heard.await.unwrap();
                sleep(Duration::from_millis(20)).await;
                7
            });
            std::process::exit(code);
        }
        "own no more" => myrt::run(async {
            drop(signal::ctrl_c());
            finally(wait(), async || say("cleaned")).await;
        }),
        "after" => {
            myrt::run(async {});
            say("ready");
            block();
        }
        "block_on" => myrt::runtime::Runtime::new().unwrap().block_on(wait()),
        "test" => a_test(),
        other => panic!("what is {other}?"),
    }
}

async fn wait() {
    say("ready");
    sleep(Duration::from_secs(3600)).await;
}

/// Writes half of a file, then waits for the rest. The half is never left behind.
async fn download(path: PathBuf) {
    let gone = path.clone();
    let work = async move {
        std::fs::write(path, "half of it").unwrap();
        wait().await;
    };
    finally(work, async move || {
        sleep(Duration::from_millis(20)).await;
        std::fs::remove_file(gone).unwrap();
        say("cleaned");
    })
    .await;
}

#[myrt::main]
async fn main_of_a_program() {
    download(partial(std::process::id())).await;
}

mod inside {
    #[myrt::test]
    #[ignore = "called by the child"]
    pub(super) async fn a_test() {
        super::wait().await;
    }
}

fn a_test() {
    inside::a_test();
}

#[expect(
    clippy::disallowed_methods,
    reason = "a program that is stuck is what is tested"
)]
fn block() {
    std::thread::sleep(Duration::from_secs(3600));
}

fn partial(process: u32) -> PathBuf {
    std::env::temp_dir().join(format!("myrt-ctrl-c-{process}.part"))
}

fn say(line: &str) {
    println!("{line}");
}

struct Program {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Program {
    /// Starts the child and waits until it says that it is ready. None where SIGINT is ignored from
    /// the start, as a shell without job control does for what it starts in the background:
    /// children inherit that.
    fn start(what: &str) -> Option<Self> {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let ignored = ignored.and_then(|set| u64::from_str_radix(set.trim(), 16).ok());
        if ignored.unwrap_or(0) & 2 != 0 {
            eprintln!("SIGINT is ignored here: not tested");
            return None;
        }
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--ignored", "--nocapture"])
            .env(WHAT, what)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut program = Self { child, output };
        program.until("ready");
        Some(program)
    }

    fn until(&mut self, wanted: &str) {
        let mut line = String::new();
        while self.output.read_line(&mut line).unwrap() > 0 {
            if line.trim_end().ends_with(wanted) {
                return;
            }
            line.clear();
        }
        panic!("the child ended before it said {wanted}");
    }

    fn interrupt(&self) {
        let process = self.child.id().to_string();
        let sent = Command::new("kill").args(["-INT", &process]).status();
        assert!(sent.unwrap().success());
    }

    fn end(mut self) -> (ExitStatus, String) {
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap(), rest)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_partial_file_is_gone_and_the_exit_code_is_130() {
    for what in ["finally", "main", "tasks", "scope"] {
        let Some(program) = Program::start(what) else {
            return;
        };
        let file = partial(program.child.id());
        assert!(file.exists(), "{what}");
        program.interrupt();
        let (status, output) = program.end();
        assert_eq!(status.code(), Some(130), "{what}");
        assert!(output.contains("cleaned"), "{what}: {output}");
        assert!(!file.exists(), "{what}");
    }
}

fn interrupted_it_cleans_up(program: Program) {
    program.interrupt();
    let (status, output) = program.end();
    assert_eq!(status.code(), Some(130));
    assert!(output.contains("cleaned"));
}

#[test]
fn a_loop_that_is_never_idle_hears_it() {
    let Some(program) = Program::start("busy") else {
        return;
    };
    interrupted_it_cleans_up(program);
}

#[test]
fn the_second_one_ends_a_program_that_is_stuck() {
    let Some(program) = Program::start("stuck") else {
        return;
    };
    program.interrupt();
    // Signals of one kind that come at once count once.
    let pause = Command::new("sleep").arg("0.2").status();
    assert!(pause.unwrap().success());
    program.interrupt();
    assert_eq!(program.end().0.code(), Some(130));
}

#[test]
fn the_second_one_does_not_wait_for_cleanups() {
    let Some(mut program) = Program::start("hanging") else {
        return;
    };
    program.interrupt();
    program.until("hanging");
    program.interrupt();
    assert_eq!(program.end().0.code(), Some(130));
}

#[test]
fn a_program_that_listens_itself_is_left_alone() {
    let Some(program) = Program::start("own") else {
        return;
    };
    program.interrupt();
    assert_eq!(program.end().0.code(), Some(7));
    let Some(program) = Program::start("own no more") else {
        return;
    };
    interrupted_it_cleans_up(program);
}

#[test]
fn without_a_run_it_does_what_it_does_by_default() {
    for what in ["after", "block_on", "test"] {
        let Some(program) = Program::start(what) else {
            return;
        };
        program.interrupt();
        let (status, _) = program.end();
        assert_eq!((status.code(), status.signal()), (None, Some(2)), "{what}");
    }
}
