//! What `#[myrt::main]` and `#[myrt::test]` make of a function that is right. For the wrong ones
//! see `ui.rs`.

use std::process::ExitCode;

use myrt::time::{Duration, Instant, sleep};

#[myrt::test]
async fn a_test_runs_its_body() {
    myrt::yield_now().await;
}

#[myrt::test]
#[should_panic(expected = "as it should")]
async fn should_panic_is_kept() {
    myrt::yield_now().await;
    panic!("as it should");
}

#[myrt::test]
#[ignore = "it fails if it is run"]
async fn ignore_is_kept() {
    panic!("an ignored test was run");
}

#[myrt::test]
async fn a_test_may_return_a_result() -> Result<(), std::num::ParseIntError> {
    let seven: u8 = "7".parse()?;
    assert_eq!(seven, 7);
    Ok(())
}

#[myrt::test(start_paused, seed = 7, lints = "deny", selector = "poll", debug)]
async fn an_hour_passes_at_once() {
    let before = Instant::now();
    sleep(Duration::from_secs(3600)).await;
    assert_eq!(before.elapsed(), Duration::from_secs(3600));
}

#[myrt::test(start_paused = true, debug = false, seed = 0xff_u64, lints = "off")]
async fn options_in_their_long_forms() {}

/// The functions below are not the program's `main`; the attribute makes a plain function of any.
#[myrt::main]
async fn nothing() {}

#[myrt::main(seed = 1, lints = "warn")]
pub(crate) async fn text() -> String {
    if true {
        return "early".into();
    }
    "late".into()
}

#[myrt::main(debug)]
#[inline(never)]
#[must_use]
async fn code() -> ExitCode {
    ExitCode::from(3)
}

#[myrt::main]
async fn parsed() -> Result<u8, Box<dyn std::error::Error>> {
    Ok("300".parse()?)
}

#[myrt::main]
async fn opaque() -> impl Iterator<Item = u8> {
    1..=3
}

#[test]
fn a_function_returns_what_it_says() {
    nothing();
    assert_eq!(text(), "early");
    assert_eq!(format!("{:?}", code()), format!("{:?}", ExitCode::from(3)));
    assert!(parsed().unwrap_err().to_string().contains("too large"));
    assert_eq!(opaque().sum::<u8>(), 6);
}

mod reexports {
    pub(crate) use myrt as renamed;
}

#[myrt::test(crate = "crate::reexports::renamed", selector = "select")]
async fn a_renamed_crate_is_found() {}

/// A macro hands its fragments over in invisible groups.
macro_rules! seeded {
    ($visibility:vis $name:ident, $seed:literal, $output:ty, $body:block) => {
        #[myrt::test(seed = $seed)]
        $visibility async fn $name() -> $output $body
    };
}

seeded!(pub(crate) made_by_a_macro, 42, Result<(), String>, {
    myrt::yield_now().await;
    Ok(())
});

#[myrt::test]
#[expect(
    unused_variables,
    reason = "an outer attribute speaks for the body too"
)]
async fn lint_levels_reach_the_body() {
    let unused = 1;
}

#[myrt::test]
async fn the_body_keeps_its_lines() {
    let here = std::panic::Location::caller().line();
    assert_eq!(here, line!() - 1);
}
