//! Runs a program beside a server that listens, and gives back the circles of tasks that were told
//! meanwhile.

use std::cell::RefCell;
use std::rc::Rc;

use myrt::net::TcpListener;
use myrt::runtime::{Builder, Cycle, Lints, Report};
use myrt::task::{self, JoinHandle};
use myrt::time::{Duration, sleep};

/// Runs `program` beside a server that listens, until its timers are through. Returns the circles
/// that were told.
pub(crate) fn cycles(program: impl AsyncFnOnce()) -> Vec<Cycle> {
    let told = Rc::new(RefCell::new(Vec::new()));
    let sink = Rc::clone(&told);
    let builder = Builder::new().debug(true).lints(Lints::Warn);
    let builder = builder.start_paused(true);
    let builder = builder.on_report(move |report| sink.borrow_mut().push(report.clone()));
    let runtime = builder.build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = myrt::spawn(async move { drop(listener.accept().await) });
        program().await;
        for _ in 0..5 {
            sleep(Duration::from_millis(10)).await; // the loop is idle before each of them
        }
        server.cancel();
    });
    let told = told.take().into_iter().map(|report| match report {
        Report::Cycle(cycle) => cycle,
        other => panic!("only circles are expected, not {other}"),
    });
    told.collect()
}

/// The names of a circle's tasks.
pub(crate) fn names(cycle: &Cycle) -> Vec<&str> {
    let name = |task: &'_ task::TaskInfo| task.name.is_some();
    assert!(cycle.tasks.iter().all(name));
    let names = cycle.tasks.iter().filter_map(|task| task.name.as_deref());
    names.collect()
}

#[track_caller]
pub(crate) fn named(name: &str, future: impl Future<Output = ()> + 'static) -> JoinHandle<()> {
    task::Builder::new().name(name).spawn(future)
}
