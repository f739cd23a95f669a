//! The thread or greenlet that runs.

use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::prelude::*;

use super::once::intern;
use super::replaced::BuiltIn;
use crate::fork;

/// A thread, or a greenlet where a program uses those, of one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Runner {
    forks: u32,
    id: Id,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Id {
    /// Our own number of the thread.
    Thread(u64),
    /// The number that the program's replacement of `threading.get_ident` returned.
    Replaced(u64),
}

thread_local! {
    static THREAD: u64 = {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        NEXT.fetch_add(1, Ordering::Relaxed)
    };
}

impl Runner {
    /// The runner that calls. gevent and eventlet replace `threading.get_ident`; only then is Python called.
    pub(crate) fn current(py: Python<'_>) -> PyResult<Self> {
        static GET_IDENT: BuiltIn = BuiltIn::new("threading", "_thread");
        let id = match GET_IDENT.replacement(intern!(py, "get_ident"))? {
            None => Id::Thread(THREAD.with(|id| *id)),
            Some(get_ident) => Id::Replaced(get_ident.call0()?.extract()?),
        };
        Ok(Self { forks: fork::forks(), id })
    }

    /// Whether both are of one process.
    pub(crate) fn shares_process_with(&self, other: &Self) -> bool {
        self.forks == other.forks
    }
}
