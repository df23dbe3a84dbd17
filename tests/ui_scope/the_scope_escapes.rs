//! The scope cannot be kept for later.

fn main() {
    myrt::run(async {
        let mut kept = None;
        let _ = myrt::scope(async |s| {
            kept = Some(s);
        })
        .await;
        drop(kept);
    });
}
