//! Refuses endless recursion through a program's code.
//!
//! A program's code that we call may call us again: a value that is pickled, a serializer, a destructor. If it always
//! did, the stack would overflow. So work that is entered again from within itself is refused, by an exception that
//! the program can catch.

use std::hash::{DefaultHasher, Hash, Hasher};

use parking_lot::Mutex;
use pyo3::prelude::*;

use super::errors::BeakerException;
use super::runner::Runner;
use crate::id::SessionId;

/// The work that is under way. The mutex is held only with the interpreter attached, so a fork never copies it locked.
static ENTERED: Mutex<Works> = Mutex::new(Works { under_way: Vec::new(), nested: Vec::new() });

struct Works {
    under_way: Vec<(Runner, Work)>,
    /// The runners that have entered work from within itself, and how often. A runner without work is not here.
    nested: Vec<(Runner, usize)>,
}

/// The limit of that number. A program that goes on after each refusal ends at it.
const MOST_NESTED: usize = 32;

/// Work that may call a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Making the session of a proxy.
    Make(usize),
    /// Loading a session.
    Load(usize),
    /// Saving a session.
    Save(usize),
    /// Encoding a session.
    Write(usize),
    /// Decoding the record of the id with this hash.
    ReadRecord(u64),
    /// Decoding the text with this hash.
    ReadText(u64),
}

fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

impl Work {
    pub(crate) fn read_record(id: &SessionId) -> Self {
        Self::ReadRecord(hash(id.as_str()))
    }

    pub(crate) fn read_text(text: &[u8]) -> Self {
        Self::ReadText(hash(text))
    }

    /// How often the work may be under way at once.
    fn most(self) -> usize {
        match self {
            // A session that has expired begins another.
            Self::Load(_) => 2,
            // A value may save its session when it is pickled, as long as that ends.
            Self::Save(_) | Self::Write(_) => 4,
            _ => 1,
        }
    }

    fn participle(self) -> &'static str {
        match self {
            Self::Make(_) => "made",
            Self::Load(_) => "loaded",
            Self::Save(_) | Self::Write(_) => "written",
            Self::ReadRecord(_) | Self::ReadText(_) => "read",
        }
    }
}

impl Works {
    /// Adds `work`, unless it is under way too often.
    fn add(&mut self, runner: Runner, work: Work) -> bool {
        let within = self.under_way.iter().filter(|entry| **entry == (runner, work)).count();
        if within > 0 && (self.count_nested(runner) > MOST_NESTED || within >= work.most()) {
            return false;
        }
        self.under_way.push((runner, work));
        true
    }

    fn count_nested(&mut self, runner: Runner) -> usize {
        match self.nested.iter_mut().find(|(other, _)| *other == runner) {
            Some((_, times)) => {
                *times += 1;
                *times
            }
            None => {
                self.nested.push((runner, 1));
                1
            }
        }
    }

    fn remove(&mut self, runner: Runner, work: Work) {
        if let Some(at) = self.under_way.iter().rposition(|entry| *entry == (runner, work)) {
            self.under_way.swap_remove(at);
        }
        if !self.nested.is_empty() && self.under_way.iter().all(|(other, _)| *other != runner) {
            self.nested.retain(|(other, _)| *other != runner);
        }
    }
}

/// Work that is under way until this is dropped.
pub(crate) struct Entered {
    runner: Runner,
    work: Work,
}

impl Drop for Entered {
    fn drop(&mut self) {
        ENTERED.lock().remove(self.runner, self.work);
    }
}

/// Begins work that may call a program.
pub(crate) fn enter(py: Python<'_>, work: Work) -> PyResult<Entered> {
    let runner = Runner::current(py)?;
    if ENTERED.lock().add(runner, work) {
        return Ok(Entered { runner, work });
    }
    Err(BeakerException::new_err(format!(
        "the session is used by code that is called while it is {}: a value of it, its serializer or a method of its \
         class; use it before or afterwards",
        work.participle()
    )))
}
