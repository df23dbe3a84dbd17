//! Runs the same programs on myrt and on its peers, and tells how they compare.
//! See README.md for the method; `compare --help` for the commands.

mod epoll;
mod load;
mod peer;
mod peers;
mod programs;
mod system;
mod tally;

fn main() {
    let a: Vec<String> = std::env::args().collect();
    if a[1] == "serve" { tally::expect(a[3].parse().unwrap()); println!("{:?}", (peers::find(&a[2]).unwrap().serve.unwrap())()); return; }
    if a[1] == "echo" { println!("{}", load::Load { port: a[2].parse().unwrap(), connections: 50, requests: 100000 }.echo().unwrap()); return; }
    if a[1] == "connect" { println!("{}", load::Load { port: a[2].parse().unwrap(), connections: 16, requests: 10000 }.connect().unwrap()); return; }
    let c = peers::find(&a[1]).unwrap();
    let p = programs::find(&a[2]).unwrap();
    println!("{:?}", (c.run.unwrap())(p, p.iterations, 1000));
}
