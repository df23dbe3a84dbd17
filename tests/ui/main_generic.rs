#[myrt::main]
async fn main<T>() -> Result<(), T>
where
    T: std::fmt::Debug,
{
    Ok(())
}
