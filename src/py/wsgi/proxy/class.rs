//! The class `SessionObject` and its fields.

use std::sync::Arc;

use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::watch::Watch;
use crate::py::options::Options;
use crate::py::patience::Patience;
use crate::py::runner::Runner;

/// Stands for the session of a request, which is made when it is first used.
///
/// SessionObject(environ, **options)
///
/// `environ` is the WSGI environ, whose `HTTP_COOKIE` brings the session's id; the options are those of the
/// middleware, without their prefix. Frameworks that save sessions themselves call `accessed()` and `persist()`
/// and then look at `__dict__['_headers']`.
// Without `dict`: the getter `__dict__` shows the fields, and objects of subclasses have dictionaries of their own.
#[pyclass(frozen, subclass, weakref, module = "beaker.session")]
pub(crate) struct SessionObject {
    pub(super) cell: Cell,
    pub(super) watch: Watch,
}

impl SessionObject {
    /// The proxy that a middleware puts into an environ. Without `prepared`, the options are compiled when the session is
    /// used.
    pub(crate) fn for_request(
        environ: Bound<'_, PyAny>,
        params: Py<PyDict>,
        prepared: Option<Arc<Options>>,
    ) -> Self {
        Self {
            cell: Cell::new(Fields {
                environ: Some(environ.unbind()),
                params: Some(params),
                prepared,
                ..Fields::default()
            }),
            watch: Watch::default(),
        }
    }
}

#[derive(Default)]
pub(super) struct Fields {
    /// Until the headers go; see [`Cell::drop_environ`].
    pub(super) environ: Option<Py<PyAny>>,
    /// The request's Cookie header, where the environ was dropped before the session was made.
    pub(super) cookie: Option<Py<PyAny>>,
    pub(super) params: Option<Py<PyDict>>,
    pub(super) session: Option<Py<PyAny>>,
    /// The process, by its forks, and the thread that make the session.
    pub(super) maker: Option<Runner>,
    pub(super) headers: Option<Py<PyDict>>,
    pub(super) prepared: Option<Arc<Options>>,
    /// How long the request waits for its session, and what of that is over, also where no session could be made.
    pub(super) patience: Option<Arc<Patience>>,
    pub(super) dirty: bool,
    pub(super) exposed: Option<Py<PyDict>>,
}

/// The fields, under a lock that is held for reading or replacing them and for nothing else.
#[derive(Default)]
pub(super) struct Cell {
    pub(super) fields: Mutex<Fields>,
}

impl Cell {
    fn new(fields: Fields) -> Self {
        Self { fields: Mutex::new(fields) }
    }
}
