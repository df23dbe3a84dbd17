//! The monitor, asked over a plain socket as `nc` would.
#![allow(clippy::disallowed_methods, reason = "tests start threads")]

use std::net::SocketAddr;
use std::time::Duration;

use myrt::net::TcpListener;
use myrt::task::{Builder, Id};

#[path = "support/ask.rs"]
#[expect(dead_code, reason = "nothing is masked here")]
mod ask;
use ask::{ask, ask_allowed};

async fn ask_beside(address: SocketAddr, question: impl Into<String>) -> String {
    let question = question.into();
    myrt::spawn_blocking(move || ask(address, &question))
        .await
        .unwrap()
}

async fn order(monitor: &myrt::monitor::Monitor, command: impl Into<String>) -> String {
    let (address, command) = (monitor.local_addr().unwrap(), command.into());
    let token = monitor.token().unwrap().to_owned();
    myrt::spawn_blocking(move || ask_allowed(address, &token, &command))
        .await
        .unwrap()
}

#[test]
fn it_lists_tasks_with_name_descriptor_and_peer_and_cancels_one() {
    myrt::run(async {
        let monitor = myrt::monitor::start("127.0.0.1:0").unwrap();
        let address = monitor.local_addr().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let here = listener.local_addr().unwrap();
        let accepting = Builder::new().name("accept").spawn(async move {
            let mut clients = Vec::new();
            loop {
                clients.push(listener.accept().await.unwrap());
            }
        });
        let client = myrt::net::TcpStream::connect(here).await.unwrap();
        let me = client.local_addr().unwrap();
        let reading = Builder::new().name("reader").spawn(async move {
            let mut buf = [0; 8];
            client.read(&mut buf).await
        });
        myrt::time::sleep(Duration::from_millis(1)).await;

        let ps = ask_beside(address, "ps").await;
        assert!(ps.contains("accept on fd"), "{ps}");
        assert!(ps.contains(&format!("({here})")), "{ps}");
        let reader = ps.lines().find(|line| line.contains("reader")).unwrap();
        assert!(
            reader.contains("read fd") && reader.contains("tests/monitor.rs"),
            "{reader}"
        );

        let json = ask_beside(address, "where reader --json").await;
        assert!(json.contains("\"waits_for\":\"read\""), "{json}");
        assert!(json.contains(&format!("\"local\":\"{me}\"")), "{json}");

        let told = order(&monitor, "cancel reader").await;
        assert!(told.contains("told to end"), "{told}");
        let error = reading.await.unwrap_err();
        assert_eq!(error.reason(), Some("cancelled from the monitor"));
        assert!(!accepting.is_finished());
        accepting.cancel();
    });
}

#[test]
fn it_answers_while_the_loop_is_blocked_and_names_task_and_call() {
    let (tell, told) = std::sync::mpsc::channel();
    let asking = std::thread::spawn(move || {
        let address: SocketAddr = told.recv().unwrap();
        // The loop is blocked for as long as nobody has named the task: no matter how slow the
        // machine is.
        loop {
            let answer = ask(address, "blocked --json");
            if answer.contains("\"task\"") {
                return (answer, ask(address, "ps"));
            }
        }
    });
    myrt::run(async move {
        let monitor = myrt::monitor::start("127.0.0.1:0").unwrap();
        tell.send(monitor.local_addr().unwrap()).unwrap();
        let stuck = Builder::new()
            .name("stuck")
            .spawn(async move { asking.join().unwrap() });
        let (blocked, ps) = stuck.await.unwrap();
        assert!(blocked.contains("futex"), "{blocked}");
        let line = ps
            .lines()
            .find(|line| line.split_whitespace().nth(1) == Some("stuck"))
            .unwrap();
        assert!(line.contains("blocks the loop for"), "{line}");
    });
}

/// Asks until a task is named, on a thread of its own, and returns the answer when it is joined.
fn ask_who_blocks(told: std::sync::mpsc::Receiver<SocketAddr>) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let address = told.recv().unwrap();
        loop {
            let answer = ask(address, "blocked --json");
            if answer.contains("\"task\"") {
                return answer;
            }
        }
    })
}

fn names(blocked: &str, task: Id) -> bool {
    blocked.contains(&format!("\"task\":\"{task}\""))
}

#[test]
fn a_destructor_that_blocks_is_told_as_its_own_task() {
    struct Blocks(
        Option<std::thread::JoinHandle<String>>,
        std::sync::mpsc::Sender<String>,
    );
    impl Drop for Blocks {
        fn drop(&mut self) {
            self.1.send(self.0.take().unwrap().join().unwrap()).unwrap();
        }
    }
    let (tell, told) = std::sync::mpsc::channel();
    let (answer, answered) = std::sync::mpsc::channel();
    let blocks = Blocks(Some(ask_who_blocks(told)), answer);
    let dropped = myrt::run(async move {
        let monitor = myrt::monitor::start("127.0.0.1:0").unwrap();
        let dropped = Builder::new().name("dropped").spawn(async move {
            let _blocks = blocks;
            std::future::pending::<()>().await;
        });
        myrt::yield_now().await;
        tell.send(monitor.local_addr().unwrap()).unwrap();
        let id = dropped.id();
        let canceller = myrt::spawn(async move { dropped.cancel().await });
        canceller.await.unwrap();
        id
    });
    let blocked = answered.recv().unwrap();
    assert!(names(&blocked, dropped), "{blocked}");
}

#[test]
fn a_child_of_a_scope_that_blocks_is_told_itself() {
    let (tell, told) = std::sync::mpsc::channel();
    let asking = ask_who_blocks(told);
    let (child, blocked) = myrt::run(async move {
        let monitor = myrt::monitor::start("127.0.0.1:0").unwrap();
        tell.send(monitor.local_addr().unwrap()).unwrap();
        myrt::scope(async |scope| {
            let child = scope.spawn(async move { asking.join().unwrap() });
            (child.id(), child.await.unwrap())
        })
        .await
        .unwrap()
    });
    assert!(names(&blocked, child), "{blocked}");
}

#[test]
fn it_refuses_addresses_that_others_can_reach() {
    myrt::run(async {
        for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0", "[2001:db8::1]:0"] {
            let error = myrt::monitor::start(address).unwrap_err();
            assert!(error.to_string().contains("loopback"), "{error}");
        }
        let error = myrt::monitor::start("nonsense").unwrap_err();
        assert!(error.to_string().contains("127.0.0.1:50101"), "{error}");
    });
}

#[test]
fn a_unix_socket_is_removed_when_the_runtime_ends() {
    let path = std::env::temp_dir().join(format!("myrt-monitor-{}", std::process::id()));
    let address = format!("unix:{}", path.display());
    myrt::run(async {
        let monitor = myrt::monitor::start(&address).unwrap();
        assert!(path.exists());
        assert_eq!(monitor.to_string(), address);
    });
    assert!(!path.exists());
}

#[test]
fn a_path_is_enough_and_what_a_killed_program_left_is_in_nobody_s_way() {
    let path = std::env::temp_dir().join(format!("myrt-monitor-left-{}", std::process::id()));
    let address = path.display().to_string();
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    myrt::run(async {
        let monitor = myrt::monitor::start(&address).unwrap();
        assert_eq!(monitor.local_addr(), None);
        let place = path.clone();
        let asked = myrt::spawn_blocking(move || {
            ask::ask_of(
                std::os::unix::net::UnixStream::connect(place).unwrap(),
                "blocked",
            )
        });
        assert_eq!(asked.await.unwrap(), "the loop is not blocked\n");
        let taken = myrt::monitor::start(&address).unwrap_err();
        assert_eq!(taken.kind(), std::io::ErrorKind::AddrInUse);
    });
    // What is no socket is not ours to remove.
    std::fs::write(&path, "a file").unwrap();
    myrt::run(async {
        assert!(myrt::monitor::start(&address).is_err());
    });
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "a file");
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn it_records_from_start_to_stop() {
    let name = format!("myrt-monitor-{}.txt", std::process::id());
    let file = std::env::temp_dir().join(&name);
    let start = format!("record start {name}");
    let runtime = myrt::runtime::Builder::new().record_dir(std::env::temp_dir());
    runtime.build().unwrap().block_on(async {
        let monitor = myrt::monitor::start("127.0.0.1:0").unwrap();
        let early = Builder::new()
            .name("early")
            .spawn(std::future::pending::<()>());
        myrt::yield_now().await;
        assert!(order(&monitor, start).await.starts_with("recording: "));
        let later = Builder::new().name("later").spawn(async {});
        later.await.unwrap();
        assert_eq!(
            order(&monitor, "record stop").await,
            format!("recorded: {}\n", file.display())
        );
        assert!(file.exists());
        early.cancel();
        let refused = order(&monitor, "record start run.svg").await;
        assert!(
            refused.starts_with("error: a recording is written to"),
            "{refused}"
        );
        let nowhere = order(&monitor, "record start /not/here/run.txt --json").await;
        assert!(
            nowhere.starts_with("{\"error\":\"a recording's name is one without a folder"),
            "{nowhere}"
        );
        let again = order(&monitor, "record stop").await;
        assert_eq!(again, "error: nothing is recorded\n");
    });
    let drawn = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert!(
        drawn.contains("\nearly ") && drawn.contains("\nlater "),
        "{drawn}"
    );
}

#[test]
fn whoever_asks_for_top_has_polls_timed_from_then_on() {
    myrt::run(async {
        let monitor = myrt::monitor::start("127.0.0.1:0").unwrap();
        let address = monitor.local_addr().unwrap();
        let busy = Builder::new().name("busy").spawn(async {
            loop {
                myrt::time::sleep(Duration::from_millis(1)).await;
            }
        });
        let answer = loop {
            let answer = ask_beside(address, "top --json").await;
            if answer.contains("\"name\":\"busy\"") && answer.contains("\"busy_us\":") {
                break answer;
            }
        };
        assert!(answer.contains("\"longest_poll_us\":"), "{answer}");
        let text = ask_beside(address, "top").await;
        assert!(
            text.starts_with("id       name                polls      busy   longest  doing\n"),
            "{text}"
        );
        busy.cancel();
    });
}
