//! A `?` in a function that returns nothing, and one whose error does not convert.

#[myrt::main]
async fn main() {
    let seven: u8 = "7".parse()?;
    println!("{seven}");
}

#[myrt::main]
async fn another_error() -> Result<(), std::fmt::Error> {
    let seven: u8 = "7".parse()?;
    println!("{seven}");
    Ok(())
}
