//! A recording as one page that plays it: offline, without any other file.
//!
//! Why: a reader needs a browser and nothing else. The page is `page.html` with the JSON put into
//! it; it loads no other file.

use super::event::Recording;
use super::json;

const PAGE: &str = include_str!("page.html");
/// Where the JSON goes in the page.
const PLACE: &str = "/*RUN*/null";

pub(super) fn write(recording: &Recording) -> String {
    // A name with "</script>" in it must not end the script.
    let run = json::write(recording).replace('<', "\\u003c");
    PAGE.replacen(PLACE, run.trim_end(), 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_one_place_for_the_run_and_loads_nothing() {
        assert_eq!(PAGE.matches(PLACE).count(), 1);
        for word in ["http:", "https:", " src=", "import ", "fetch("] {
            let loads = PAGE
                .replace("http://www.w3.org/2000/svg", "")
                .contains(word);
            assert!(!loads, "the page must not use {word:?}");
        }
    }
}
