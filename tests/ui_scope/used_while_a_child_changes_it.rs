//! The parent cannot look while a child may change it.

fn main() {
    myrt::run(async {
        let mut list = vec![1];
        let _ = myrt::scope(async |s| {
            s.spawn(async { list.push(2) });
            println!("{list:?}");
        })
        .await;
    });
}
