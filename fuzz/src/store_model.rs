//! What a store does, beside what a plain map would do: any operations in any order, as one thread gives them.
//!
//! Each input is a list of operations, tried on every store there is. Every answer is compared, and at the end
//! what the store holds and, where it has a folder, what lies in it.

mod answer;
mod holders;
mod model;
mod operation;
mod subject;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use answer::Answer;
use beaker_core::store::{Call, Expect};
use model::Model;
use operation::{Operation, Via, operations};
use subject::{Subject, subjects};

use crate::folder::Folder;

/// No more operations are tried of one input: what takes longer to go wrong is seldom found by chance.
const MOST_OPERATIONS: usize = 200;

/// Tries operations on every store.
pub fn hold(data: &[u8]) {
    let operations: Vec<_> = operations(data).take(MOST_OPERATIONS).collect();
    Folder::with(|folder| {
        for subject in subjects(folder, data.len().to_le_bytes()[0]) {
            Run::new(&subject).through(&operations);
        }
    });
}

/// Now, in whole seconds: the clock of the machine, which a store of files goes by. What is stored lives for thousands
/// of seconds, and operations are tried at times halfway between those, so that no run is too slow.
fn beginning() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64().floor()
}

/// One store and its model.
struct Run<'a> {
    subject: &'a Subject,
    model: Model,
    beginning: f64,
    now: f64,
}

impl<'a> Run<'a> {
    fn new(subject: &'a Subject) -> Self {
        let beginning = beginning();
        let model = Model::new(subject.kind);
        Self { subject, model, beginning, now: beginning + 500.0 }
    }

    fn through(&mut self, operations: &[Operation]) {
        let mut held = Vec::new();
        let mut sweep = self.subject.sweep();
        for operation in operations {
            self.settle_doubts();
            match operation {
                Operation::Clock(thousands) => {
                    self.now = self.beginning + f64::from(*thousands) * 1000.0 + 500.0;
                }
                Operation::Hold(id, of) => {
                    let found = self.subject.hold(id, *of, self.now);
                    self.model.hold(id, *of, self.now, &found);
                    held.extend(found.ok().flatten());
                }
                Operation::Release(holder) => {
                    if let Some(place) = usize::from(*holder).checked_rem(held.len()) {
                        let holder = held.remove(place);
                        if place % 2 == 0 {
                            holder.release(&Call::at(self.now)).expect("nothing is in the way");
                            assert!(operation::ids().iter().all(|id| !holder.has_locked(id)));
                            holder.release(&Call::at(self.now)).expect("there is nothing to release");
                        }
                        self.model.release(place);
                    }
                }
                Operation::Sweep(limit) => {
                    let swept = sweep.step(usize::from(*limit), self.now).expect("the store is there");
                    assert!(swept.examined <= u64::from(*limit).max(1));
                    self.after_sweep(swept.expired);
                }
                Operation::Store(via, call) => {
                    let holder = match via {
                        Via::Store => None,
                        Via::Holder(holder) => usize::from(*holder).checked_rem(held.len()),
                    };
                    let answer = match holder.and_then(|holder| held.get(holder)) {
                        Some(held) => call.on(held, &self.model, self.now),
                        None => call.on(self.subject.store(), &self.model, self.now),
                    };
                    self.model.compare(call, holder, self.now, &answer);
                    for (place, held) in held.iter().enumerate() {
                        for id in operation::ids() {
                            assert_eq!(held.has_locked(&id), self.model.holds(place, &id), "{call:?}");
                        }
                    }
                }
            }
            self.model.time_is(self.now);
        }
        drop(held);
        drop(sweep);
        self.model.release_all();
        self.at_the_end();
    }

    /// A record whose life was over at a time that has passed may be gone by now, or be there again if the clock went
    /// back: which, only the store knows.
    fn settle_doubts(&mut self) {
        for id in self.model.doubtful() {
            let is_there = self.subject.is_there(&id);
            self.model.settle(&id, is_there);
        }
    }

    /// Nothing that lives was removed; what was, was counted.
    fn after_sweep(&mut self, expired: u64) {
        let mut removed = 0;
        for id in self.model.over(self.now) {
            let is_there = self.subject.is_there(&id);
            let may_go = !self.model.is_locked(&id) || self.subject.is_hashed();
            assert!(is_there || may_go, "{id:?} is held");
            removed += u64::from(!is_there);
            self.model.settle(&id, is_there);
        }
        if self.subject.sweeps_alone() {
            assert_eq!(expired, removed);
        }
        assert!(expired <= removed);
        self.all_is_there();
    }

    fn all_is_there(&mut self) {
        for id in operation::ids() {
            let answer = Answer::of_load(self.subject.store().load(&id, &Call::at(self.now)));
            self.model.compare(&operation::Verb::Load(id), None, self.now, &answer);
        }
    }

    fn at_the_end(&mut self) {
        self.settle_doubts();
        self.all_is_there();
        self.model.time_is(self.now);
        self.settle_doubts();
        // When records of four thousand seconds are over, and what a writer left behind is an hour old.
        self.now = self.beginning + 4500.0;
        let mut expired = 0;
        let mut sweep = self.subject.sweep();
        loop {
            let swept = sweep.step(40, self.now).expect("the store is there");
            expired += swept.expired;
            if swept.finished {
                break;
            }
        }
        drop(sweep);
        self.model.time_is(self.now);
        let over = self.model.over(self.now);
        self.after_sweep(expired);
        assert!(over.iter().all(|id| !self.subject.is_there(id)), "what is over is gone");
        self.subject.holds_exactly(&self.model);
        for id in operation::ids() {
            let call = Call::at(self.now).waiting(Duration::ZERO);
            let answer = Answer::of_delete(self.subject.store().delete(&id, Expect::Any, &call));
            self.model.compare(&operation::Verb::Delete(id), None, self.now, &answer);
        }
        // A lock of an id that shared its file with another's may be left, until it is swept.
        while !self.subject.sweep().step(usize::MAX, self.now).is_ok_and(|swept| swept.finished) {}
        self.subject.holds_exactly(&self.model);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const SEEDS: [&[u8]; 1] = [include_bytes!("../seeds/store_model/every")];

    #[test]
    fn the_seeds_have_every_operation() {
        let names: BTreeSet<String> = SEEDS
            .iter()
            .flat_map(|seed| operations(seed))
            .map(|operation| match operation {
                Operation::Store(_, call) => format!("{call:?}"),
                other => format!("{other:?}"),
            })
            .map(|shown| shown.split(['(', ' ']).next().unwrap_or_default().to_owned())
            .collect();
        let expected = ["Clock", "Delete", "Hold", "Load", "Release", "Rotate", "Sweep", "Touch", "Write"];
        assert_eq!(names.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    }
}
