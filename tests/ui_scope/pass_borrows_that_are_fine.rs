//! What may be borrowed: all that was declared before the scope, and the scope itself.

fn main() {
    myrt::run(async {
        let text = String::from("shared");
        let mut list = vec![1];
        let push = &mut list;
        let length = myrt::try_scope(async |s| {
            s.spawn(async {
                s.spawn(async { println!("{text}") });
            });
            let child = s.try_spawn(async {
                push.push(2);
                Ok::<_, String>(text.as_str())
            });
            Ok(child.await.unwrap().len())
        })
        .await
        .unwrap();
        assert_eq!((length, list), (6, vec![1, 2]));
    });
}
