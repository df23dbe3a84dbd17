//! A wrong last line, a wrong `return`, a forgotten value, a forgotten `.await`.

async fn nothing() {}

#[myrt::main]
async fn main() -> Result<(), String> {
    1
}

#[myrt::main]
async fn early() -> u8 {
    if true {
        return "one";
    }
    2
}

#[myrt::main]
async fn forgotten() -> u8 {
    nothing().await;
}

#[myrt::main]
async fn not_awaited() {
    let () = nothing();
}
