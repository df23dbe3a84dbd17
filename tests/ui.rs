//! The errors that a wrong use of the attributes gives, compared with what is written down in
//! `ui/*.stderr`.
//!
//! To write them again after a change: `TRYBUILD=overwrite cargo test --test ui`, and then read the
//! difference.

#[test]
fn wrong_programs_are_told_what_to_do_instead() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass_*.rs");
    cases.compile_fail("tests/ui/main_*.rs");
    cases.compile_fail("tests/ui/test_*.rs");
    cases.compile_fail("tests/ui/option_*.rs");
    cases.compile_fail("tests/ui/body_*.rs");
    cases.compile_fail("tests/ui/names_*.rs");
}
