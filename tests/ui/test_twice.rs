#[myrt::test]
#[test]
async fn below() {}

#[myrt::test]
#[core::prelude::v1::test]
async fn below_with_its_path() {}

fn main() {}
