//! Step 11 at work; `cargo run -p step11 -- figure.svg` prints its drawing.

mod demo;

#[global_allocator]
static ALLOCATOR: sys::count::Counting = sys::count::Counting;

fn main() {
    draw::main(demo::run, &[("figure.svg", demo::figure), ("measure.md", demo::measure)]);
}
