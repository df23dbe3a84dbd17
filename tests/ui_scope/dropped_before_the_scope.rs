//! What children borrow cannot go while the scope is there.

fn main() {
    myrt::run(async {
        let text = String::from("borrowed");
        let scope = myrt::scope(async |s| {
            s.spawn(async { println!("{text}") });
        });
        drop(text);
        let _ = scope.await;
    });
}
