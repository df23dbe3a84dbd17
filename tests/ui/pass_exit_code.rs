//! A program may end with an exit code, under every option.

use std::process::ExitCode;

#[myrt::main(debug, start_paused, selector = "poll", seed = 7, lints = "deny")]
async fn main() -> ExitCode {
    myrt::yield_now().await;
    ExitCode::SUCCESS
}
