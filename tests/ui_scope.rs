//! Borrows that would escape a scope do not compile; compared with what is written down in
//! `ui_scope/*.stderr`.
//!
//! To write them again after a change: `TRYBUILD=overwrite cargo test --test ui_scope`, and then
//! read the difference.

#[test]
fn borrows_cannot_escape_their_scope() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui_scope/pass_*.rs");
    cases.compile_fail("tests/ui_scope/a_*.rs");
    cases.compile_fail("tests/ui_scope/an_*.rs");
    cases.compile_fail("tests/ui_scope/dropped_*.rs");
    cases.compile_fail("tests/ui_scope/the_*.rs");
    cases.compile_fail("tests/ui_scope/two_*.rs");
    cases.compile_fail("tests/ui_scope/used_*.rs");
}
