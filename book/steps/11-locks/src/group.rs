//! Several futures in one task: all of them, the first of them, and a scope for children.

use std::cell::RefCell;
use std::future::poll_fn;
use std::mem;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

// ANCHOR: bell
/// Says which children are to be polled. A child's waker writes its number here and wakes the task.
#[derive(Default)]
struct Woken {
    numbers: Mutex<Vec<usize>>,
    task: Mutex<Option<Waker>>,
}

struct ChildWaker {
    number: usize,
    woken: Arc<Woken>,
}

impl Wake for ChildWaker {
    fn wake(self: Arc<Self>) {
        self.woken.numbers.lock().unwrap().push(self.number);
        let task = self.woken.task.lock().unwrap().take();
        task.into_iter().for_each(Waker::wake);
    }
}
// ANCHOR_END: bell

// ANCHOR: group
/// Futures that run side by side in one task. Each is polled when it was woken, and only then.
struct Group<'a, T> {
    children: Vec<Option<(Boxed<'a, T>, Waker)>>,
    woken: Arc<Woken>,
}

impl<'a, T> Group<'a, T> {
    fn new() -> Self {
        Self { children: Vec::new(), woken: Arc::default() }
    }

    fn add(&mut self, child: Boxed<'a, T>) {
        let number = self.children.len();
        let waker = Waker::from(Arc::new(ChildWaker { number, woken: Arc::clone(&self.woken) }));
        self.children.push(Some((child, waker)));
        self.woken.numbers.lock().unwrap().push(number);
    }

    /// Polls those that were woken, and tells of each that is done.
    fn poll(&mut self, cx: &mut Context<'_>, mut done: impl FnMut(usize, T)) {
        *self.woken.task.lock().unwrap() = Some(cx.waker().clone());
        let numbers = mem::take(&mut *self.woken.numbers.lock().unwrap());
        for number in numbers {
            let Some((child, waker)) = &mut self.children[number] else {
                continue;
            };
            if let Poll::Ready(output) = child.as_mut().poll(&mut Context::from_waker(waker)) {
                self.children[number] = None;
                done(number, output);
            }
        }
    }
}
// ANCHOR_END: group

// ANCHOR: gather
/// Runs all of them; their outputs in the order in which they were given.
pub async fn gather<'a, T>(
    futures: impl IntoIterator<Item = impl Future<Output = T> + 'a>,
) -> Vec<T> {
    let mut group = Group::new();
    futures.into_iter().for_each(|future| group.add(Box::pin(future)));
    let mut outputs: Vec<Option<T>> = group.children.iter().map(|_| None).collect();
    let mut left = outputs.len();
    poll_fn(|cx| {
        group.poll(cx, |number, output| {
            outputs[number] = Some(output);
            left -= 1;
        });
        if left == 0 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    outputs.into_iter().flatten().collect()
}
// ANCHOR_END: gather

// ANCHOR: select
pub enum Either<A, B> {
    Left(A),
    Right(B),
}

/// The first that is done. The other one is dropped: cancelled.
pub async fn select<A: Future, B: Future>(a: A, b: B) -> Either<A::Output, B::Output> {
    let (mut a, mut b) = (pin!(a), pin!(b));
    poll_fn(|cx| {
        if let Poll::Ready(output) = a.as_mut().poll(cx) {
            return Poll::Ready(Either::Left(output));
        }
        b.as_mut().poll(cx).map(Either::Right)
    })
    .await
}
// ANCHOR_END: select

// ANCHOR: scope
/// Where the body of a scope puts its children. They may borrow what is older than the scope.
pub struct Scope<'env, E> {
    new: RefCell<Vec<Boxed<'env, Result<(), E>>>>,
}

impl<'env, E> Scope<'env, E> {
    pub fn spawn(&self, child: impl Future<Output = Result<(), E>> + 'env) {
        self.new.borrow_mut().push(Box::pin(child));
    }
}

/// Runs the body and its children, and returns when all have ended. The first error cancels the
/// rest.
pub async fn scope<'env, E>(
    body: impl AsyncFnOnce(&Scope<'env, E>) -> Result<(), E>,
) -> Result<(), E> {
    let scope = Scope { new: RefCell::default() };
    let mut group = Group::new();
    group.add(Box::pin(body(&scope)));
    let mut left = 1;
    let mut result = Ok(());
    poll_fn(|cx| {
        loop {
            group.poll(cx, |_, output| {
                left -= 1;
                if result.is_ok() {
                    result = output;
                }
            });
            let new = scope.new.take();
            left += new.len();
            if left == 0 || result.is_err() {
                return Poll::Ready(());
            }
            if new.is_empty() {
                return Poll::Pending;
            }
            new.into_iter().for_each(|child| group.add(child));
        }
    })
    .await;
    result
}
// ANCHOR_END: scope
