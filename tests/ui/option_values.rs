#[myrt::main(selector = "io_uring", lints = "error")]
async fn main() {}

#[myrt::main(selector = Poll, lints)]
async fn not_a_string() {}

#[myrt::main(seed = "seven", debug = 1, start_paused = )]
async fn of_another_type() {}

#[myrt::main(seed = -1, crate = my-rt)]
async fn longer_than_one_token() {}
