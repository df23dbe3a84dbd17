//! A child's output that borrows from the body cannot leave it.

fn main() {
    myrt::run(async {
        let mut kept = None;
        let _ = myrt::scope(async |s| {
            let text = String::from("in the body");
            let child = s.spawn(async { text.as_str() });
            kept = child.await.ok();
        })
        .await;
        println!("{kept:?}");
    });
}
