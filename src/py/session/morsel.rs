//! The `Morsel` of a session's cookie, which a program may change and which must pass the rules for our own headers.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::cookie::{self, Attributes};
use crate::py::errors::{ConfigurationError, IntoPyResult};
use crate::py::once::intern;

/// The attributes that are written as their name alone, whatever their value.
const FLAGS: [&str; 3] = ["httponly", "partitioned", "secure"];

/// Prints `morsel` as the value of a `Set-Cookie` header, once its parts are valid. It prints itself, since its class may
/// do that in a way of its own.
pub(super) fn print<'py>(morsel: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyString>> {
    let py = morsel.py();
    let parts = Parts::of(morsel)?;
    let name = text(&morsel.getattr(intern!(py, "key"))?)?;
    let value = text(&morsel.getattr(intern!(py, "coded_value"))?)?;
    cookie::validate(&name, &parts.attributes()).into_py(py)?;
    cookie::validate_value(&value).into_py(py)?;
    parts.validate_others().into_py(py)?;
    let kwargs = PyDict::new(py);
    kwargs.set_item(intern!(py, "header"), "")?;
    let header = morsel.call_method(intern!(py, "output"), (), Some(&kwargs))?.str()?;
    check_header(&header)?;
    Ok(header)
}

/// Refuses a header written by a program if it cannot be sent.
pub(crate) fn check_header(header: &Bound<'_, PyString>) -> PyResult<()> {
    cookie::validate_header(&header.to_string_lossy()).into_py(header.py())
}

/// Refuses a `Morsel` with an attribute that would end the header early.
///
/// Raises `ConfigurationError`, which names the attribute.
#[pyfunction]
pub(crate) fn check_attributes(morsel: &Bound<'_, PyAny>) -> PyResult<()> {
    let parts = Parts::of(morsel)?;
    let mut all = parts.texts.iter();
    all.try_for_each(|(name, text)| cookie::validate_other(name, text)).into_py(morsel.py())
}

/// The attributes of a `Morsel` that it prints.
struct Parts {
    texts: Vec<(String, String)>,
    flags: Vec<String>,
}

impl Parts {
    fn of(morsel: &Bound<'_, PyAny>) -> PyResult<Self> {
        let morsel = morsel.cast::<PyDict>().map_err(|_| {
            ConfigurationError::new_err("the session's cookie has to be a Morsel of http.cookies")
        })?;
        let mut parts = Self { texts: Vec::new(), flags: Vec::new() };
        for (name, value) in morsel.copy()? {
            let name = text(&name)?;
            if FLAGS.contains(&&*name) {
                if value.is_truthy()? {
                    parts.flags.push(name);
                }
                continue;
            }
            let value = text(&value)?;
            if !value.is_empty() {
                parts.texts.push((name, value));
            }
        }
        Ok(parts)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.texts.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_str())
    }

    fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|known| known == flag)
    }

    fn attributes(&self) -> Attributes<'_> {
        Attributes {
            domain: self.text("domain"),
            expires: self.text("expires"),
            http_only: self.has("httponly"),
            partitioned: self.has("partitioned"),
            path: self.text("path").unwrap_or_default(),
            same_site: self.text("samesite"),
            secure: self.has("secure"),
        }
    }

    /// Validates the attributes that we never write: `comment`, `max-age`, `version`, and those of a later Python.
    fn validate_others(&self) -> crate::error::Result<()> {
        let ours = ["domain", "expires", "path", "samesite"];
        let mut others = self.texts.iter().filter(|(name, _)| !ours.contains(&&**name));
        others.try_for_each(|(name, text)| cookie::validate_other(name, text))
    }
}

/// The text of `object`. A lone surrogate becomes a character that no cookie can carry.
fn text(object: &Bound<'_, PyAny>) -> PyResult<String> {
    Ok(object.str()?.to_string_lossy().into_owned())
}
