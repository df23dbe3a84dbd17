//! Step 0 at work: two clients of a server that serves one at a time, then what threads cost.

mod demo;

fn main() {
    draw::main(demo::run, &[("figure.svg", demo::figure), ("measure.md", demo::measure)]);
}
