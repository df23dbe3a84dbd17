#[myrt::main(verbose)]
async fn main() {}

#[myrt::main(flavor = "current_thread", worker_threads = 1)]
async fn from_elsewhere() {}

#[myrt::main("poll", debug debug, , seed = 1, seed = 2)]
async fn not_a_name() {}
