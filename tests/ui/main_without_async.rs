#[myrt::main]
fn main() {
    myrt::yield_now().await;
}
