//! A task may outlive the scope, so it cannot spawn into it.

fn main() {
    myrt::run(async {
        let _ = myrt::scope(async |s| {
            drop(myrt::spawn(async move {
                s.spawn(async {});
            }));
        })
        .await;
    });
}
