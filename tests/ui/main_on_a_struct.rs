#[myrt::main]
struct Application;

fn main() {}
