//! What answers requests: hyper's services and tower's, under one trait.
//!
//! Why: axum's router and tonic's services are tower's, which ask to be ready first and want
//! `&mut self`; what one writes with `service_fn` is hyper's. It knows no connection.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ::hyper::body::{Body, Incoming};
use ::hyper::service::Service;
use ::hyper::{Request, Response};
use pin_project_lite::pin_project;

/// What [`serve`](super::serve) takes for a service: one of hyper's
/// ([`service_fn`](::hyper::service::service_fn)) or one of tower's (axum's `Router`, tonic's).
///
/// `Kind` is inferred; it is there so that both can have the trait.
pub trait IntoService<Kind> {
    /// The service as hyper takes it.
    type Service: Service<
            Request<Incoming>,
            Response = Response<Self::Body>,
            Error: Into<Box<dyn Error + Send + Sync>>,
            Future: 'static,
        > + 'static;
    /// What responses carry.
    type Body: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + 'static;

    /// Turns it into one.
    fn into_service(self) -> Self::Service;
}

/// The kind of hyper's services.
#[derive(Debug)]
pub enum Hyper {}

/// The kind of tower's.
#[derive(Debug)]
pub enum Tower {}

impl<S, B> IntoService<Hyper> for S
where
    S: Service<Request<Incoming>, Response = Response<B>> + 'static,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    S::Future: 'static,
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + 'static,
{
    type Service = S;
    type Body = B;

    fn into_service(self) -> S {
        self
    }
}

impl<S, B> IntoService<Tower> for S
where
    S: tower_service::Service<Request<Incoming>, Response = Response<B>> + Clone + 'static,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    S::Future: 'static,
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + 'static,
{
    type Service = Towered<S>;
    type Body = B;

    fn into_service(self) -> Towered<S> {
        Towered(self)
    }
}

/// tower's service under hyper's trait: each request has a clone of it.
#[derive(Debug, Clone)]
pub struct Towered<S>(S);

impl<S, R> Service<R> for Towered<S>
where
    S: tower_service::Service<R> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Answer<S, R>;

    fn call(&self, request: R) -> Answer<S, R> {
        Answer {
            state: State::Waiting {
                service: self.0.clone(),
                request: Some(request),
            },
        }
    }
}

pin_project! {
    /// One call: until the service is ready, then until it has answered.
    pub struct Answer<S: tower_service::Service<R>, R> {
        #[pin]
        state: State<S, R, S::Future>,
    }
}

pin_project! {
    #[project = StateNow]
    enum State<S, R, F> {
        Waiting { service: S, request: Option<R> },
        Called { #[pin] future: F },
    }
}

impl<S: tower_service::Service<R>, R> Future for Answer<S, R> {
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let future = match state.as_mut().project() {
                StateNow::Called { future } => return future.poll(cx),
                StateNow::Waiting { service, request } => {
                    ready!(service.poll_ready(cx))?;
                    let request = request.take().expect("polled after it was ready");
                    service.call(request)
                }
            };
            state.set(State::Called { future });
        }
    }
}

impl<S: tower_service::Service<R>, R> fmt::Debug for Answer<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").finish_non_exhaustive()
    }
}
