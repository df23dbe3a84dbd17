#[myrt::main]
#[myrt::main]
async fn main() {}
