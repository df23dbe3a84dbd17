//! Criterion benches of each hot path, for comparing one version of myrt with another on one
//! machine. How myrt stands beside other runtimes is `benches/compare`.
//!
//! `cargo bench --bench hot_paths`, or `-- --test` to run each once.

use std::cell::Cell;
use std::future::poll_fn;
use std::hint::black_box;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use myrt::net::{TcpListener, TcpStream};
use myrt::runtime::Runtime;
use myrt::sync::{Mutex, Semaphore, mpsc, oneshot};
use myrt::time::{sleep, timeout};

const HOUR: Duration = Duration::from_secs(3600);

fn tasks(c: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    c.bench_function("spawn and join one", |b| {
        b.iter(|| {
            runtime.block_on(async { myrt::spawn(async { black_box(1) }).await.expect("output") })
        });
    });
    c.bench_function("spawn 1,000, then join them", |b| {
        b.iter(|| {
            runtime.block_on(async {
                let handles: Vec<_> = (0..1000).map(|n| myrt::spawn(async move { n })).collect();
                for handle in handles {
                    black_box(handle.await.expect("output"));
                }
            });
        });
    });
    c.bench_function("yield 1,000 times", |b| {
        b.iter(|| {
            runtime.block_on(async {
                for _ in 0..1000 {
                    myrt::yield_now().await;
                }
            });
        });
    });
    c.bench_function("gather 1,000 that yield", |b| {
        b.iter(|| runtime.block_on(myrt::gather((0..1000).map(|_| myrt::yield_now()))));
    });
}

fn wakes(c: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    c.bench_function("two tasks wake each other, 1,000 round trips", |b| {
        b.iter(|| {
            runtime.block_on(async {
                let (left, right) = (Rc::new(Slot::default()), Rc::new(Slot::default()));
                let (there, back) = (Rc::clone(&left), Rc::clone(&right));
                let echo = myrt::spawn(async move {
                    for _ in 0..1000 {
                        there.take().await;
                        back.put();
                    }
                });
                for _ in 0..1000 {
                    left.put();
                    right.take().await;
                }
                echo.await.expect("output");
            });
        });
    });
    c.bench_function("clone and drop a waker", |b| {
        runtime.block_on(poll_fn(|cx| {
            b.iter(|| black_box(cx.waker().clone()));
            Poll::Ready(())
        }));
    });
}

/// A slot for one signal.
#[derive(Default)]
struct Slot {
    full: Cell<bool>,
    waker: Cell<Option<Waker>>,
}

impl Slot {
    fn put(&self) {
        self.full.set(true);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    async fn take(&self) {
        poll_fn(|cx| {
            if self.full.take() {
                return Poll::Ready(());
            }
            self.waker.set(Some(cx.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}

fn timers(c: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    c.bench_function("create, poll and drop a sleep", |b| {
        runtime.block_on(poll_fn(|cx| {
            b.iter(|| {
                let mut sleep = sleep(HOUR);
                black_box(Pin::new(&mut sleep).poll(cx).is_pending())
            });
            Poll::Ready(())
        }));
    });
    c.bench_function("a timeout around a ready future", |b| {
        b.iter(|| runtime.block_on(timeout(HOUR, std::future::ready(1))));
    });
    c.bench_function("1,000 sleeps of one millisecond, virtual time", |b| {
        let builder = myrt::runtime::Builder::new().start_paused(true);
        let runtime = builder.build().expect("a runtime");
        b.iter(|| {
            runtime.block_on(myrt::gather(
                (0..1000).map(|_| sleep(Duration::from_millis(1))),
            ))
        });
    });
}

fn between_tasks(c: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let (mutex, semaphore) = (Mutex::new(0), Semaphore::new(1));
    c.bench_function("lock and unlock", |b| {
        b.iter(|| runtime.block_on(async { *mutex.lock().await += 1 }));
    });
    c.bench_function("acquire and release", |b| {
        b.iter(|| runtime.block_on(async { drop(semaphore.acquire().await) }));
    });
    c.bench_function("1,000 messages through mpsc", |b| {
        b.iter(|| {
            runtime.block_on(async {
                let (sender, mut receiver) = mpsc::channel(64);
                let producer = myrt::spawn(async move {
                    for n in 0..1000 {
                        sender.send(n).await.expect("the receiver is there");
                    }
                });
                while let Some(n) = receiver.recv().await {
                    black_box(n);
                }
                producer.await.expect("output");
            });
        });
    });
    c.bench_function("oneshot", |b| {
        b.iter(|| {
            runtime.block_on(async {
                let (sender, receiver) = oneshot::channel();
                sender.send(1).expect("the receiver is there");
                receiver.await.expect("a value")
            })
        });
    });
}

fn sockets(c: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    c.bench_function("a TCP echo round trip", |b| {
        b.iter_batched(
            || runtime.block_on(pair()),
            |(client, server)| runtime.block_on(echo(&client, &server)),
            BatchSize::NumIterations(1000),
        );
    });
}

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let client = TcpStream::connect(address).await.expect("a connection");
    let (server, _) = listener.accept().await.expect("a connection");
    (client, server)
}

async fn echo(client: &TcpStream, server: &TcpStream) {
    let mut buf = [0; 64];
    client.write_all(&[7; 32]).await.expect("written");
    let n = server.read(&mut buf).await.expect("read");
    server.write_all(&buf[..n]).await.expect("written");
    client.read_exact(&mut buf[..32]).await.expect("read");
}

criterion_group!(benches, tasks, wakes, timers, between_tasks, sockets);
criterion_main!(benches);
