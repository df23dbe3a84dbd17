//! hyper's time limits and tasks on myrt, in virtual time and over a pipe in memory: exact, and
//! done at once.

use std::cell::Cell;
use std::convert::Infallible;
use std::rc::Rc;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper::client::conn;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response};
use myrt::hyper::{Executor, Io, Timer};
use myrt::io::{AsyncReadExt, AsyncWriteExt, duplex};
use myrt::time::{Duration, Instant, sleep};

async fn hello(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::from("hello")))
}

fn assert_send_sync<T: Send + Sync>(_: &T) {}

#[myrt::test(start_paused)]
async fn a_slow_head_is_cut_by_the_default_header_timeout() {
    let (mut client, server) = duplex(1024);
    let start = Instant::now();
    let serving = myrt::spawn(
        http1::Builder::new()
            .timer(Timer::new())
            .serve_connection(Io::new(server), service_fn(hello)),
    );
    // A byte each second, for ever: what slow-loris does.
    let dripping = myrt::spawn(async move {
        let head = b"GET / HTTP/1.1\r\nhost: x\r\nx-drip: "
            .iter()
            .chain(std::iter::repeat(&b'a'));
        for byte in head {
            if client.write_all(&[*byte]).await.is_err() {
                break;
            }
            sleep(Duration::from_secs(1)).await;
        }
    });
    let error = serving.await.unwrap().unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    let took = start.elapsed();
    assert!(
        (Duration::from_secs(30)..Duration::from_secs(31)).contains(&took),
        "cut after {took:?}"
    );
    dripping.await.unwrap();
}

#[myrt::test(start_paused)]
async fn the_timeout_begins_anew_with_each_request() {
    let (mut client, server) = duplex(1024);
    let serving = myrt::spawn(
        http1::Builder::new()
            .timer(Timer::new())
            .header_read_timeout(Duration::from_secs(10))
            .serve_connection(Io::new(server), service_fn(hello)),
    );
    let start = Instant::now();
    let mut buf = [0; 1024];
    for _ in 0..5 {
        client
            .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        let count = client.read(&mut buf).await.unwrap();
        assert!(buf[..count].ends_with(b"hello"));
        sleep(Duration::from_secs(9)).await;
    }
    // Silent from here on: the tenth second after the last request ends it.
    assert_eq!(client.read(&mut buf).await.unwrap(), 0);
    let took = start.elapsed().as_secs_f64();
    assert!((46.0..46.1).contains(&took), "closed after {took}");
    let _ = serving.await.unwrap();
}

#[myrt::test]
async fn moving_a_deadline_keeps_the_box() {
    use hyper::rt::Timer as _;
    let timer = Timer::new();
    let mut sleeping = timer.sleep(Duration::from_secs(3600));
    assert_send_sync(&sleeping);
    let before: *const dyn hyper::rt::Sleep = &*sleeping;
    let start = timer.now();
    timer.reset(&mut sleeping, start + Duration::from_millis(5));
    assert!(std::ptr::addr_eq(before, &raw const *sleeping));
    sleeping.as_mut().await;
    assert!(timer.now() >= start + Duration::from_millis(5));
    // And again after it has ended; a deadline that has passed is ready at once.
    timer.reset(&mut sleeping, start);
    sleeping.await;
}

#[myrt::test]
async fn http2_serves_what_is_not_send() {
    let requests = Rc::new(Cell::new(0));
    let (near, far) = duplex(16 * 1024);
    let count = requests.clone();
    let serving = myrt::spawn(http2::Builder::new(Executor::new()).serve_connection(
        Io::new(far),
        service_fn(move |request: Request<Incoming>| {
            let count = count.clone();
            async move {
                let body = request.into_body().collect().await?.to_bytes();
                count.set(count.get() + 1);
                Ok::<_, hyper::Error>(Response::new(Full::new(body)))
            }
        }),
    ));
    let (sender, connection) = conn::http2::handshake(Executor::new(), Io::new(near))
        .await
        .unwrap();
    let driver = myrt::spawn(connection);
    let body = Bytes::from(vec![7; 300_000]); // more than the windows, so that both sides wait for each other
    let calls = (0..20).map(|_| {
        let (mut sender, body) = (sender.clone(), body.clone());
        async move {
            let answer = sender
                .send_request(Request::post("http://x/").body(Full::new(body)).unwrap())
                .await;
            answer.unwrap().collect().await.unwrap().to_bytes().len()
        }
    });
    assert_eq!(myrt::gather(calls).await, vec![300_000; 20]);
    assert_eq!(requests.get(), 20);
    drop(sender);
    driver.await.unwrap().unwrap();
    serving.await.unwrap().unwrap();
    assert_eq!(myrt::task::all().len(), 1, "only this task is left");
}

#[myrt::test]
async fn a_body_larger_than_the_shared_buffer_passes_whole() {
    let (near, far) = duplex(1 << 20);
    let serving = myrt::spawn(http1::Builder::new().serve_connection(
        Io::new(far),
        service_fn(async |request: Request<Incoming>| {
            Ok::<_, Infallible>(Response::new(request.into_body()))
        }),
    ));
    let (mut sender, connection) = conn::http1::handshake(Io::new(near)).await.unwrap();
    let driver = myrt::spawn(connection);
    let body: Bytes = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
    let request = Request::post("/").header("host", "x");
    let answer = sender
        .send_request(request.body(Full::new(body.clone())).unwrap())
        .await
        .unwrap();
    assert!(answer.collect().await.unwrap().to_bytes() == body);
    drop(sender);
    driver.await.unwrap().unwrap();
    serving.await.unwrap().unwrap();
}

#[myrt::test]
async fn a_request_under_way_survives_graceful_shutdown() {
    let (near, far) = duplex(1024);
    let service = service_fn(async |_: Request<Incoming>| {
        sleep(Duration::from_millis(20)).await;
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::from("late")))
    });
    let serving = myrt::spawn(async move {
        let connection = http1::Builder::new().serve_connection(Io::new(far), service);
        let mut connection = std::pin::pin!(connection);
        myrt::select! {
            _ = connection.as_mut() => panic!("ended too early"),
            () = sleep(Duration::from_millis(5)) => {}
        }
        connection.as_mut().graceful_shutdown();
        connection.await
    });
    let (mut sender, connection) = conn::http1::handshake(Io::new(near)).await.unwrap();
    let driver = myrt::spawn(connection);
    let request = Request::get("/").header("host", "x");
    let answer = sender
        .send_request(request.body(Empty::<Bytes>::new()).unwrap())
        .await
        .unwrap();
    assert_eq!(answer.headers()["connection"], "close");
    assert_eq!(answer.collect().await.unwrap().to_bytes(), "late");
    driver.await.unwrap().unwrap();
    serving.await.unwrap().unwrap();
}
