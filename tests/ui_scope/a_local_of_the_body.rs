//! What the body declares is gone before the children are.

fn main() {
    myrt::run(async {
        let _ = myrt::scope(async |s| {
            let local = String::from("gone too early");
            s.spawn(async {
                println!("{local}");
            });
        })
        .await;
    });
}
