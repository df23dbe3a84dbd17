struct Silent;

#[myrt::main]
async fn main() -> Result<(), Silent> {
    Err(Silent)
}
