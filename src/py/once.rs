//! Values that a process makes once, when it first needs them.
//!
//! PyO3's `PyOnceLock` and `intern!` may release the interpreter while they make a value. A process that another thread
//! forks at that moment waits for the value for ever. Here nothing is locked while the interpreter may be released, and a
//! thread needs the interpreter to fork.

use std::convert::Infallible;
use std::sync::OnceLock;

use pyo3::prelude::*;

/// A value that is made when it is first needed.
pub(crate) struct Once<T>(OnceLock<T>);

impl<T> Once<T> {
    pub(crate) const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// The value, if it was made.
    pub(crate) fn get(&self) -> Option<&T> {
        self.0.get()
    }

    /// The value. Where several threads make one, the first counts.
    pub(crate) fn get_or_try_init<E>(
        &self,
        _py: Python<'_>,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<&T, E> {
        if let Some(made) = self.0.get() {
            return Ok(made);
        }
        let made = make()?;
        Ok(self.0.get_or_init(|| made))
    }

    /// The same, where making it cannot fail.
    pub(crate) fn get_or_init(&self, py: Python<'_>, make: impl FnOnce() -> T) -> &T {
        let Ok(made) = self.get_or_try_init(py, || Ok::<_, Infallible>(make()));
        made
    }
}

impl Once<Py<PyAny>> {
    /// An attribute of a module.
    pub(crate) fn import<'py>(
        &self,
        py: Python<'py>,
        module: &str,
        name: &str,
    ) -> PyResult<&Bound<'py, PyAny>> {
        let found = self.get_or_try_init(py, || py.import(module)?.getattr(name).map(Bound::unbind))?;
        Ok(found.bind(py))
    }
}

/// A name as Python's own text, made once.
macro_rules! intern {
    ($py:expr, $text:expr) => {{
        static NAME: $crate::py::once::Once<pyo3::Py<pyo3::types::PyString>> = $crate::py::once::Once::new();
        NAME.get_or_init($py, || pyo3::types::PyString::intern($py, $text).unbind()).bind($py)
    }};
}
pub(crate) use intern;
