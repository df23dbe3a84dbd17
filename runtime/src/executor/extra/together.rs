//! Cleanups of futures that were dropped together, side by side.
//!
//! It exists so that a scope with ten thousand children ends as fast as its slowest cleanup, and
//! that a timer of one of them polls that one alone. It must not know what was dropped.

use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::children::Children;
use super::cleanup::Cleanup;
use crate::executor::waker::give_way;

/// See the module's head. Dropped, it leaves what it still had, one after the other.
pub(crate) struct Together {
    all: Vec<Option<Cleanup>>,
    left: usize,
    /// Made by the first poll; each cleanup is a part of whoever polls.
    parts: Option<Children>,
}

impl Together {
    pub(crate) fn new(all: Vec<Cleanup>) -> Self {
        Self {
            left: all.len(),
            all: all.into_iter().map(Some).collect(),
            parts: None,
        }
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let count = u32::try_from(self.all.len()).expect("fewer than 2^28 tasks at once");
        let parts = self.parts.get_or_insert_with(|| {
            let parts = Children::new();
            (0..count).for_each(|number| parts.add_part(number, Location::caller()));
            parts
        });
        parts.set_owner(cx.waker());
        for _ in 0..parts.ready_len() {
            let Some(number) = parts.next_ready() else {
                break;
            };
            let Some(cleanup) = &mut self.all[number as usize] else {
                continue;
            };
            parts.set_whole(number);
            let polled = parts.poll(number, |cx| Pin::new(cleanup).poll(cx));
            if polled.is_ready() {
                self.all[number as usize] = None;
                self.left -= 1;
                parts.release(number);
            }
        }
        if self.left == 0 {
            return Poll::Ready(());
        }
        if parts.ready_len() > 0 {
            give_way(cx.waker());
        }
        Poll::Pending
    }
}
