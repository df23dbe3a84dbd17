//! A recording as polls: which task was polled when, what woke it, and what came of it.
//!
//! Why: the drawing and the traces are made of polls and waits, not of single events.

use super::event::{Recording, What};
use crate::executor::error::Outcome;
use crate::inspect::observe::{By, Rest};

/// What a task does for a while.
#[derive(Debug, Clone, Copy)]
pub(super) enum Doing {
    /// It is polled; the number of the poll.
    Runs(usize),
    /// It stands in the ready queue.
    Ready,
    /// It waits.
    Waits(Rest),
}

/// A stretch of a task's life.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stretch {
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) doing: Doing,
}

/// One poll.
#[derive(Debug, Clone)]
pub(super) struct Poll {
    /// Place of the task.
    pub(super) task: usize,
    pub(super) from: u64,
    pub(super) to: u64,
    /// Who woke the task for it; none for its first one.
    pub(super) woken: Option<(u64, By)>,
    /// The number of the poll in which that happened, if it was one.
    pub(super) woken_in: Option<usize>,
    /// Places of the tasks that it spawned, and woke.
    pub(super) spawned: Vec<usize>,
    pub(super) wakes: Vec<usize>,
    /// Numbers of the texts that were printed meanwhile.
    pub(super) printed: Vec<u64>,
    pub(super) rest: Option<Rest>,
    pub(super) outcome: Option<Outcome>,
}

/// What a task did from its first event to its last.
#[derive(Debug, Clone, Default)]
pub(super) struct Life {
    pub(super) stretches: Vec<Stretch>,
    pub(super) outcome: Option<(u64, Outcome)>,
    woken: Option<(u64, By)>,
    woken_in: Option<usize>,
    now: Option<(u64, Doing)>,
}

impl Life {
    fn turn_to(&mut self, at: u64, doing: Option<Doing>) {
        if let Some((from, doing)) = self.now.take() {
            self.stretches.push(Stretch {
                from,
                to: at,
                doing,
            });
        }
        self.now = doing.map(|doing| (at, doing));
    }

    /// The poll that is just over.
    fn last_poll(&self) -> Option<usize> {
        match (self.now, self.stretches.last()?.doing) {
            (Some((_, Doing::Ready)), Doing::Runs(poll)) => Some(poll),
            _ => None,
        }
    }

    fn poll(&self) -> Option<usize> {
        match self.now {
            Some((_, Doing::Runs(poll))) => Some(poll),
            _ => None,
        }
    }
}

/// A recording as polls, in the order in which they began, and lives, by place of the task.
pub(super) struct Polls {
    pub(super) polls: Vec<Poll>,
    pub(super) lives: Vec<Life>,
    /// Ends of tasks that were told outside of their polls: they were cancelled.
    pub(super) dropped: Vec<(u64, usize, Outcome)>,
    /// Numbers of the texts that were printed while nobody was polled.
    pub(super) printed: Vec<(u64, u64)>,
}

impl Polls {
    pub(super) fn of(recording: &Recording) -> Self {
        let mut all = Self {
            polls: Vec::new(),
            lives: vec![Life::default(); recording.tasks.len()],
            dropped: Vec::new(),
            printed: Vec::new(),
        };
        // Polls that are on the stack: children inside of their parents.
        let mut open: Vec<usize> = Vec::new();
        for (at, what) in &recording.events {
            all.take(recording, *at, *what, &mut open);
        }
        let end = recording.end();
        all.lives
            .iter_mut()
            .for_each(|life| life.turn_to(end, None));
        all
    }

    fn take(&mut self, recording: &Recording, at: u64, what: What, open: &mut Vec<usize>) {
        if let What::Printed(by, number) = what {
            match open.last().filter(|_| by.is_some()) {
                Some(poll) => self.polls[*poll].printed.push(number),
                None => self.printed.push((at, number)),
            }
            return;
        }
        let (What::Spawned(id)
        | What::Woken(id, _)
        | What::Polled(id)
        | What::Rested(id, _)
        | What::Ended(id, _)) = what
        else {
            return;
        };
        let Some(task) = recording.place(id) else {
            return;
        };
        let life = &mut self.lives[task];
        match what {
            What::Spawned(_) => {
                life.turn_to(at, Some(Doing::Ready));
                if let Some(poll) = open.last() {
                    self.polls[*poll].spawned.push(task);
                }
            }
            What::Woken(_, by) => {
                life.woken = Some((at, by));
                life.woken_in = open.last().filter(|_| matches!(by, By::Task(_))).copied();
                if life.poll().is_none() {
                    life.turn_to(at, Some(Doing::Ready));
                }
                if let (Some(poll), By::Task(_)) = (open.last(), by) {
                    self.polls[*poll].wakes.push(task);
                }
            }
            What::Polled(_) => {
                let poll = self.polls.len();
                life.turn_to(at, Some(Doing::Runs(poll)));
                open.push(poll);
                self.polls.push(Poll {
                    task,
                    from: at,
                    to: at,
                    woken: life.woken.take(),
                    woken_in: life.woken_in.take(),
                    spawned: Vec::new(),
                    wakes: Vec::new(),
                    printed: Vec::new(),
                    rest: None,
                    outcome: None,
                });
            }
            What::Rested(_, rest) => {
                if let Some(poll) = life.poll() {
                    self.polls[poll].to = at;
                    self.polls[poll].rest = rest;
                    open.retain(|it| *it != poll);
                }
                life.turn_to(at, Some(rest.map_or(Doing::Ready, Doing::Waits)));
            }
            What::Ended(_, outcome) => {
                let last_poll = life.last_poll().filter(|_| life.woken.is_none());
                life.turn_to(at, None);
                life.outcome = Some((at, outcome));
                match last_poll {
                    Some(poll) => self.polls[poll].outcome = Some(outcome),
                    None => self.dropped.push((at, task, outcome)),
                }
            }
            What::Fired(_) | What::Parked(_) | What::Unparked(_) | What::Printed(..) => {}
        }
    }
}
