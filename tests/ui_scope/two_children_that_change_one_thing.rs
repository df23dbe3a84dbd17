//! Two children run at once: they cannot both have it.

fn main() {
    myrt::run(async {
        let mut count = 0;
        let one = &mut count;
        let other = &mut count;
        let _ = myrt::scope(async move |s| {
            s.spawn(async move { *one += 1 });
            s.spawn(async move { *other += 1 });
        })
        .await;
    });
}
