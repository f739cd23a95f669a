//! The fields of a session.

use std::sync::Arc;

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use super::access::RecordAccess;
use super::cookie_state::CookieState;
use super::snapshots::Snapshots;
use super::stored::StoredRecord;
use crate::codec::RecordFormat;
use crate::py::options::Options;
use crate::py::patience::Patience;
use crate::session::Life;

/// The fields of a session, by the module that changes them.
pub(crate) struct State {
    pub(crate) options: Arc<Options>,
    pub(crate) request: Py<PyAny>,
    pub(crate) life: Life,
    pub(crate) snapshots: Snapshots,
    pub(super) record: StoredRecord,
    pub(crate) cookie: CookieState,
    pub(crate) access: RecordAccess,
}

impl State {
    pub(crate) fn new(
        options: Arc<Options>,
        request: Py<PyAny>,
        life: Life,
        patience: Arc<Patience>,
    ) -> Box<Self> {
        Box::new(Self {
            options,
            request,
            life,
            snapshots: Snapshots::default(),
            record: StoredRecord::default(),
            cookie: CookieState::default(),
            access: RecordAccess::new(patience),
        })
    }

    /// The format to write the session's record in: that of the options, or the newer one that the record has already.
    pub(super) fn record_format(&self) -> RecordFormat {
        self.options.settings.record_format.max(self.record.format())
    }

    /// Shows the fields to the garbage collector.
    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.request)?;
        self.snapshots.traverse(visit)?;
        self.record.traverse(visit)?;
        self.cookie.traverse(visit)?;
        self.access.traverse(visit)
    }
}
