//! What a panic says, and at which file it points.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

thread_local! {
    /// The file and the message of this thread's last panic.
    static LAST: RefCell<(String, String)> = const { RefCell::new((String::new(), String::new())) };
}

/// The file in which `misuse` panics, and what it says.
pub(crate) fn said<T>(misuse: impl FnOnce() -> T) -> (String, String) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let file = panic.location().map_or("", |at| at.file());
            let text = panic
                .payload()
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned());
            let text = text.or_else(|| panic.payload().downcast_ref::<String>().cloned());
            LAST.set((file.to_owned(), text.unwrap_or_default()));
            before(panic);
        }));
    });
    let panicked = catch_unwind(AssertUnwindSafe(|| drop(misuse()))).is_err();
    assert!(panicked, "misuse panics");
    LAST.take()
}
