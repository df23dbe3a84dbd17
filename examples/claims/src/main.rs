#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod catalogue;
mod finding;
mod machine;
mod plan;
mod progress;
mod roles;

fn main() {
    let a: Vec<String> = std::env::args().collect();
    roles::take(&a[2], &a[3..]).unwrap();
}
