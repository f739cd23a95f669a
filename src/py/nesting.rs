//! Calls of ours within calls of ours.
//!
//! What we call of a program's may call us: a value that is pickled, a serializer, a destructor. A program that does so
//! each time would come to no end, and the stack of the process to one. So what is entered again from within itself is
//! refused, by an exception that the program can catch.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use parking_lot::Mutex;
use pyo3::prelude::*;

use super::errors::BeakerException;
use super::wait::{self, Runner};

/// What each of them is in the midst of. Locked with the interpreter's lock held and for a moment, so that no fork finds
/// it locked.
static ENTERED: Mutex<BTreeMap<Runner, Works>> = Mutex::new(BTreeMap::new());

/// What one of them is in the midst of.
#[derive(Default)]
struct Works {
    works: Vec<Work>,
    /// How often something was entered from within itself since it is in the midst of anything.
    nested: usize,
}

/// How often that may be, so that a program which goes on after each refusal comes to its end too.
const MOST_NESTED: usize = 32;

/// What may call a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// The session of this proxy is made, from within the making of it.
    Make(usize),
    /// This session is loaded.
    Load(usize),
    /// This session is saved.
    Save(usize),
    /// This session is written.
    Write(usize),
    /// The record of this id is read.
    ReadRecord(String),
    /// The text of this hash is read.
    ReadText(u64),
}

impl Work {
    /// This text is read.
    pub(crate) fn read_text(text: &[u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        Self::ReadText(hasher.finish())
    }

    /// How often it may be in the midst of itself and this once more.
    fn most(&self) -> usize {
        match self {
            // One that is found over begins another.
            Self::Load(_) => 2,
            // A value may save its session when it is pickled, as long as it comes to an end.
            Self::Save(_) | Self::Write(_) => 4,
            _ => 1,
        }
    }

    fn told(&self) -> &'static str {
        match self {
            Self::Make(_) => "made",
            Self::Load(_) => "loaded",
            Self::Save(_) | Self::Write(_) => "written",
            Self::ReadRecord(_) | Self::ReadText(_) => "read",
        }
    }
}

/// That something is being done, until it is dropped.
pub(crate) struct Entered {
    runner: Runner,
    work: Work,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut entered = ENTERED.lock();
        let Some(Works { works, .. }) = entered.get_mut(&self.runner) else { return };
        if let Some(at) = works.iter().rposition(|work| *work == self.work) {
            works.remove(at);
        }
        if works.is_empty() {
            entered.remove(&self.runner);
        }
    }
}

/// Begins to do something that may call a program.
pub(crate) fn enter(py: Python<'_>, work: Work) -> PyResult<Entered> {
    let runner = wait::running(py)?;
    {
        let mut entered = ENTERED.lock();
        let Works { works, nested } = entered.entry(runner).or_default();
        let within = works.iter().filter(|other| **other == work).count();
        *nested += usize::from(within > 0);
        if within == 0 || within < work.most() && *nested <= MOST_NESTED {
            works.push(work.clone());
            return Ok(Entered { runner, work });
        }
    }
    let told = work.told();
    Err(BeakerException::new_err(format!(
        "the session is used by what is called while it is {told}: a value of it, its serializer or a method of its \
         class; use it before or afterwards"
    )))
}
