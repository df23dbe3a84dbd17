//! Recordings: the course's programs draw what the course draws, to the byte, and each form of the output is sound.
//!
//! The drawings are those of `examples/13_timeline.rs`. `MYRT_BLESS=1 cargo test --test record` writes what they should be anew.

use std::env;
use std::fs;
use std::path::Path;

#[path = "../examples/13_timeline.rs"]
#[expect(dead_code, reason = "its main is not wanted here")]
mod timeline;

fn assert_golden(name: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    if env::var_os("MYRT_BLESS").is_some() {
        fs::write(&file, text).unwrap();
    }
    let expected = fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(text, expected, "{name} is not drawn as {}", file.display());
}

#[test]
fn the_programs_of_the_course_draw_exactly_this() {
    for (name, _, record) in timeline::PROGRAMS {
        assert_golden(&format!("{name}.txt"), &record().to_text());
    }
}
