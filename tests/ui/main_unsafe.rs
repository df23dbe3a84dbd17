#[myrt::main]
async unsafe fn main() {}
