//! Work at the end of an object, of which its program is not told.

use pyo3::prelude::*;

/// Runs `work` while an object is dropped, unless the interpreter is shutting down. An exception may be on its way then,
/// as in `use(session, 1 / 0)`. The interpreter expects it to be there afterwards, so it is put back.
pub(crate) fn at_drop(work: impl FnOnce(Python<'_>)) {
    let _ = Python::try_attach(|py| {
        let on_its_way = PyErr::take(py);
        work(py);
        if let Some(error) = on_its_way {
            error.restore(py);
        }
    });
}
