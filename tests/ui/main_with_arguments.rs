#[myrt::main]
async fn main(arguments: Vec<String>, more: u8) {
    println!("{arguments:?} {more}");
}
