//! Keys find their own value, never another one, also when the generations of a place are used up.

use std::collections::HashSet;

use exercises_12::arena::Arena;

#[test]
fn values_are_found_and_removed() {
    let mut arena = Arena::new();
    let (a, b) = (arena.insert("a"), arena.insert("b"));
    assert_eq!((arena.get(a), arena.get(b)), (Some(&"a"), Some(&"b")));
    assert_eq!(arena.remove(a), Some("a"));
    assert_eq!((arena.get(a), arena.get(b)), (None, Some(&"b")));
    assert_eq!(arena.remove(a), None);
}

#[test]
fn a_place_is_used_again_and_the_old_key_is_stale() {
    let mut arena = Arena::new();
    let old = arena.insert("old");
    arena.remove(old);
    let new = arena.insert("new");
    assert_eq!(arena.places(), 1);
    assert_eq!((arena.get(old), arena.get(new)), (None, Some(&"new")));
    assert_eq!(arena.remove(old), None, "an old key removes nothing");
    assert_eq!(arena.get(new), Some(&"new"));
}

#[test]
fn no_key_is_ever_given_twice() {
    let mut arena = Arena::new();
    let mut seen = HashSet::new();
    for n in 0..1000 {
        let key = arena.insert(n);
        assert!(seen.insert(format!("{key:?}")), "{key:?} was another value's");
        arena.remove(key);
    }
    assert_eq!(arena.places(), 4, "a place has 256 keys");
}
