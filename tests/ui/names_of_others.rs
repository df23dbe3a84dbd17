//! Names of asyncio and tokio: the compiler leads to ours.

fn main() {
    myrt::TaskGroup::new();
    myrt::task::LocalSet::new();
}
