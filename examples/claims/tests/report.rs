//! The report's structure, on a stubbed measurement: every id once, JSON that parses, a page that
//! needs nothing else. Nothing is measured, and no time is asserted.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

fn claims(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_claims"))
        .args(arguments)
        .output()
        .expect("the program starts")
}

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// The ids that the course has a number for.
fn expected() -> Vec<String> {
    let others = [
        "A5", "A6", "A7", "A11", "A13", "A14", "A19", "B15", "C22", "C23",
    ]
    .map(str::to_owned);
    (1..=24)
        .map(|number| format!("N{number}"))
        .chain(others)
        .collect()
}

fn stub(arguments: &[&str], name: &str) -> String {
    let path = file(name);
    let mut all = vec!["--stub"];
    all.extend(arguments);
    let path_text = path.to_str().expect("UTF-8");
    all.push(path_text);
    let output = claims(&all);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        output.stderr.is_empty(),
        "no progress bar where nobody looks"
    );
    fs::read_to_string(path).expect("it was written")
}

#[test]
fn json_has_every_id_once() {
    let json: Value = serde_json::from_str(&stub(&["--json"], "all.json")).expect("JSON");
    let mut ids = BTreeMap::new();
    for claim in json["claims"].as_array().expect("a list") {
        *ids.entry(claim["id"].as_str().expect("a text").to_owned())
            .or_insert(0) += 1;
        let verdicts = ["holds", "does not hold", "cannot be tested here"];
        assert!(verdicts.contains(&claim["verdict"].as_str().expect("a text")));
        let parts = claim["parts"].as_array().expect("a list");
        assert!(!parts.is_empty(), "{} says nothing", claim["id"]);
        for part in parts.iter().filter(|part| part["verdict"] == verdicts[2]) {
            assert_ne!(part["why"], "", "{} does not say why", claim["id"]);
        }
    }
    let once = expected().into_iter().map(|id| (id, 1)).collect();
    assert_eq!(ids, once);
    assert!(json["machine"]["cores"].is_string());
}

#[test]
fn the_page_refers_to_nothing_outside() {
    let page = stub(&["--html"], "all.html");
    for outside in [
        "http:", "https:", "//", "src=", "href=", "url(", "@import", "<script", "<link",
    ] {
        assert!(!page.contains(outside), "the page has {outside}");
    }
    for id in expected() {
        assert_eq!(
            page.matches(&format!("<tr id=\"{id}\">")).count(),
            1,
            "{id}"
        );
    }
    assert!(page.contains("a &lt;claim&gt; &amp; &quot;its&quot; text"));
    assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
    assert!(page.contains("<svg"));
}

#[test]
fn the_table_has_every_id_once_and_no_colours_in_a_pipe() {
    let output = claims(&["--stub"]);
    let table = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(!table.contains('\x1b'));
    for id in expected() {
        let start = format!("{id:<4} | ");
        assert_eq!(
            table
                .lines()
                .filter(|line| line.starts_with(&start))
                .count(),
            1,
            "{id}"
        );
    }
}

#[test]
fn only_shows_what_was_asked_for() {
    let path = file("only.json");
    let path_text = path.to_str().expect("UTF-8");
    claims(&["--stub", "--only", "n7,A6", "--json", path_text]);
    let json: Value =
        serde_json::from_str(&fs::read_to_string(path).expect("a file")).expect("JSON");
    let ids: Vec<_> = json["claims"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|claim| &claim["id"])
        .collect();
    assert_eq!(ids, ["N7", "A6"]);
}

#[test]
fn an_unknown_id_is_refused() {
    let output = claims(&["--only", "N99"]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("N99"));
}
