#[myrt::test]
async fn takes_one(input: u8) {
    assert_eq!(input, 1);
}

#[myrt::test]
async fn generic<const N: usize>() {
    assert_eq!(N, 1);
}

#[myrt::test]
#[should_panic]
fn not_async() {
    panic!();
}

fn main() {}
