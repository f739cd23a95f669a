//! The one place where an error of this crate becomes a Python exception, and where Python is warned.

use std::ffi::CString;

use pyo3::PyTypeInfo;
use pyo3::exceptions::{PyException, PyMemoryError, PyOSError, PyRecursionError};
use pyo3::prelude::*;

use crate::config::UNKNOWN_CIPHER;
use crate::error::{Error, ErrorKind};

pyo3::import_exception!(beaker.exceptions, BeakerException);
pyo3::import_exception!(beaker.exceptions, BeakerWarning);
pyo3::import_exception!(beaker.exceptions, ConfigurationError);
pyo3::import_exception!(beaker.exceptions, CorruptSessionError);
pyo3::import_exception!(beaker.exceptions, InvalidCacheBackendError);
pyo3::import_exception!(beaker.exceptions, InvalidCryptoBackendError);
pyo3::import_exception!(beaker.exceptions, LockError);
pyo3::import_exception!(beaker.exceptions, MissingCacheParameter);
pyo3::import_exception!(beaker.exceptions, OutcomeUnknownError);
pyo3::import_exception!(beaker.exceptions, StoreUnavailableError);
pyo3::import_exception!(beaker.exceptions, UnstorableValueError);

/// Imports the exceptions, so that they are there also where the stack is almost full.
pub(crate) fn register(py: Python<'_>) {
    BeakerException::type_object(py);
    BeakerWarning::type_object(py);
    ConfigurationError::type_object(py);
    CorruptSessionError::type_object(py);
    LockError::type_object(py);
    OutcomeUnknownError::type_object(py);
    StoreUnavailableError::type_object(py);
}

/// The kind of one of our exceptions: the reverse of [`to_python`]. `None` for any other exception.
pub(crate) fn kind(py: Python<'_>, error: &PyErr) -> Option<ErrorKind> {
    let kinds = [
        (CorruptSessionError::type_object(py), ErrorKind::Corrupt),
        (LockError::type_object(py), ErrorKind::Busy),
        (OutcomeUnknownError::type_object(py), ErrorKind::Unknown),
        (StoreUnavailableError::type_object(py), ErrorKind::Unavailable),
    ];
    kinds.into_iter().find(|(class, _)| error.is_instance(py, class)).map(|(_, kind)| kind)
}

/// The Python exception for `error`. Where a Python exception caused it, that one is its `__cause__`, and its
/// words stay there: they are not ours and may show more than we would.
pub(crate) fn to_python(py: Python<'_>, mut error: Error) -> PyErr {
    let (cause, error) = match error.take_source().map(|source| source.downcast::<PyErr>()) {
        Some(Ok(cause)) => (Some(*cause), error),
        Some(Err(source)) => (None, error.with_source(source)),
        None => (None, error),
    };
    // An exception of a signal's handler during a wait keeps its class, too.
    let passes = |cause: &PyErr| {
        is_the_programs(py, cause) || is_of_options(py, cause) || error.kind() == ErrorKind::Interrupted
    };
    if let Some(cause) = cause.as_ref().filter(|cause| passes(cause)) {
        return cause.clone_ref(py);
    }
    let (class, is_os_error) = match error.kind() {
        ErrorKind::Corrupt => (CorruptSessionError::type_object(py), false),
        ErrorKind::Unknown => (OutcomeUnknownError::type_object(py), true),
        ErrorKind::Unavailable | ErrorKind::Interrupted => (StoreUnavailableError::type_object(py), true),
        // Beaker has a class of its own for it.
        ErrorKind::Invalid if error.operation() == UNKNOWN_CIPHER => {
            (InvalidCryptoBackendError::type_object(py), false)
        }
        ErrorKind::Invalid => (ConfigurationError::type_object(py), false),
        ErrorKind::Busy => (LockError::type_object(py), false),
        ErrorKind::Unsupported => (BeakerException::type_object(py), false),
    };
    // PyO3 makes the object of a `new_err` later. While the interpreter ends, that panics.
    let exception = match class.call1((error.to_string(),)) {
        Ok(exception) => PyErr::from_value(exception),
        Err(failed) => return failed,
    };
    if is_os_error {
        tell_as_os_error(py, &exception, &error, cause.as_ref());
    }
    if cause.is_some() {
        exception.set_cause(py, cause);
    }
    exception
}

/// Gives an exception what an `OSError` tells besides its text: that of the `OSError` that is its cause, or that of the
/// operating system's error and the folder that was concerned.
fn tell_as_os_error(py: Python<'_>, exception: &PyErr, error: &Error, cause: Option<&PyErr>) {
    let told = || -> PyResult<()> {
        let exception = exception.value(py);
        if let Some(cause) = cause.filter(|cause| cause.is_instance_of::<PyOSError>(py)) {
            for name in ["errno", "strerror"] {
                exception.setattr(name, cause.value(py).getattr(name)?)?;
            }
            let file = cause.value(py).getattr("filename")?;
            return match file.is_none() {
                true => Ok(()),
                false => {
                    exception.setattr("filename", py.import("os.path")?.call_method1("dirname", (file,))?)
                }
            };
        }
        if let Some(number) = error.os_error() {
            exception.setattr("errno", number)?;
            exception.setattr("strerror", py.import("os")?.call_method1("strerror", (number,))?)?;
        }
        error.folder().map_or(Ok(()), |folder| exception.setattr("filename", folder.to_string_lossy()))
    };
    // The exception is the thing to raise, told in full or not.
    let _told = told();
}

/// Whether an exception says nothing of the session or its store, so that it is passed on as it is: what is no
/// `Exception` ends the program, the request or its greenlet, and memory and stack are the program's own.
pub(crate) fn is_the_programs(py: Python<'_>, error: &PyErr) -> bool {
    !error.is_instance_of::<PyException>(py)
        || error.is_instance_of::<PyMemoryError>(py)
        || error.is_instance_of::<PyRecursionError>(py)
}

/// Whether an exception says that the options are wrong.
fn is_of_options(py: Python<'_>, error: &PyErr) -> bool {
    error.is_instance_of::<ConfigurationError>(py)
        || error.is_instance_of::<MissingCacheParameter>(py)
        || error.is_instance_of::<InvalidCacheBackendError>(py)
}

/// Turns an exception of a decoder, be it a serializer or the application's own, into `CorruptSessionError`. An
/// `OSError` stays as it is, since the machine is in trouble, and so do the program's own exceptions.
pub(crate) fn from_decoder(py: Python<'_>, error: PyErr) -> PyErr {
    if error.is_instance_of::<PyOSError>(py)
        || error.is_instance_of::<BeakerException>(py)
        || is_the_programs(py, &error)
    {
        return error;
    }
    let corrupt = CorruptSessionError::new_err(format!("cannot decode the session: {error}"));
    corrupt.set_cause(py, Some(error));
    corrupt
}

/// Turns a crate result into a Python result.
pub(crate) trait IntoPyResult<T> {
    /// See [`to_python`].
    fn into_py(self, py: Python<'_>) -> PyResult<T>;
}

impl<T> IntoPyResult<T> for Result<T, Error> {
    fn into_py(self, py: Python<'_>) -> PyResult<T> {
        self.map_err(|error| to_python(py, error))
    }
}

/// Says something to the programmer, as a `BeakerWarning` that names the line that called us.
pub(crate) fn warn(py: Python<'_>, message: &str) -> PyResult<()> {
    warn_as(py, &BeakerWarning::type_object(py).into_any(), message)
}

/// The same with a category of the caller's choice.
pub(crate) fn warn_as(py: Python<'_>, category: &Bound<'_, PyAny>, message: &str) -> PyResult<()> {
    let message = CString::new(on_one_line(message))?;
    PyErr::warn(py, category, &message, 1)
}

/// Tells the operator what went wrong without failing the request, on the logger `beaker.session`.
pub(crate) fn log_warning(py: Python<'_>, message: &str) -> PyResult<()> {
    let logger = py.import("logging")?.call_method1("getLogger", ("beaker.session",))?;
    logger.call_method1("warning", ("%s", on_one_line(message)))?;
    Ok(())
}

/// `message` with its control characters spelt out. Part of it may come from a request or from what is stored, and
/// must not pass for a line of the log, nor for an instruction to the terminal that shows it (CWE-117).
fn on_one_line(message: &str) -> String {
    let mut line = String::with_capacity(message.len());
    for character in message.chars() {
        // The separators of lines and of paragraphs are no control characters, and end a line all the same.
        if character.is_control() || matches!(character, '\u{2028}' | '\u{2029}') {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}
