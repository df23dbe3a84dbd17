//! `hyper::Connector`: what it refuses, when it gives up, and on which thread it may be called.
#![cfg(all(feature = "hyper-server", feature = "hyper-client"))]
#![allow(
    clippy::disallowed_methods,
    reason = "other threads are what is tested"
)]

use std::convert::Infallible;
use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::client::legacy::Client;
use myrt::hyper::{Connector, Executor, serve};
use myrt::net::{TcpListener, TcpStream};
use myrt::spawn;

async fn get<C>(client: &Client<C, Empty<Bytes>>, uri: &str) -> Result<String, String>
where
    C: hyper_util::client::legacy::connect::Connect + Clone + Send + Sync + 'static,
{
    match client.get(uri.parse().unwrap()).await {
        Ok(response) => {
            let body = response.into_body().collect().await.unwrap().to_bytes();
            Ok(String::from_utf8_lossy(&body).into_owned())
        }
        Err(error) => Err(format!(
            "{error}: {:?}",
            error.source().map(ToString::to_string)
        )),
    }
}

#[myrt::test]
async fn what_a_connector_refuses_it_names() {
    let client = Client::builder(Executor::new()).build(Connector::new());
    let error = get(&client, "ftp://127.0.0.1/").await.unwrap_err();
    assert!(
        error.contains("http and https only: ftp://127.0.0.1/"),
        "{error}"
    );
    let closed = TcpListener::bind("[::1]:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let error = get(&client, &format!("http://{closed}/"))
        .await
        .unwrap_err();
    assert!(error.contains("refused"), "{error}");
}

#[myrt::test]
async fn a_connector_gives_up_in_time() {
    // A listener whose queue is full does not answer.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let any: std::net::SocketAddr = "127.0.0.1:0".parse().unwrap();
    socket.bind(&any.into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let mut held = Vec::new();
    while let Ok(Ok(stream)) =
        myrt::time::timeout(Duration::from_millis(50), TcpStream::connect(address)).await
    {
        held.push(stream);
    }
    let impatient = Connector::new().connect_timeout(Duration::from_millis(30));
    let client = Client::builder(Executor::new()).build(impatient);
    let error = get(&client, &format!("http://{address}/"))
        .await
        .unwrap_err();
    assert!(
        error.contains(&format!("no connection to {address} within 30ms")),
        "{error}"
    );
}

/// The client's tasks on another thread: it connects at home all the same.
#[myrt::test]
async fn a_client_may_have_its_tasks_on_another_thread() {
    #[derive(Clone)]
    struct Threads;
    impl<F: Future<Output = ()> + Send + 'static> hyper::rt::Executor<F> for Threads {
        fn execute(&self, future: F) {
            std::thread::spawn(|| futures_lite::future::block_on(future));
        }
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answer = service_fn(async |_: Request<Incoming>| {
        Ok::<_, Infallible>(Response::new("hello over there".to_owned()))
    });
    let server = spawn(serve(listener, answer).into_future());
    let client = Client::builder(Threads).build(Connector::new());
    let said = myrt::spawn_blocking(move || {
        futures_lite::future::block_on(get(&client, &format!("http://{address}/")))
    });
    assert_eq!(said.await.unwrap().unwrap(), "hello over there");
    server.cancel().await;
}
