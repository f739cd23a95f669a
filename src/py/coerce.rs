//! Options as Python dictionaries: coercing them in place, and gathering them from what the middleware is given.

use pyo3::PyTypeInfo;
use pyo3::exceptions::PyDeprecationWarning;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::errors::{self, IntoPyResult};
use super::values::{to_object, to_value};
use crate::config::{self, Rule, Value};

/// Coerces one option; gives its value and the object that stands for it.
pub(crate) fn coerce_value<'py>(
    rule: &Rule,
    object: &Bound<'py, PyAny>,
) -> PyResult<(Value, Bound<'py, PyAny>)> {
    let given = to_value(rule, object)?;
    let value = config::coerce(rule, given.clone()).into_py(object.py())?;
    let coerced = to_object(&value, &given, object)?;
    Ok((value, coerced))
}

/// Coerces and checks the session options in `params`, in place, and returns it. Names that are no options are
/// left as they are.
///
/// Raises `ConfigurationError` for a value that its option cannot take.
#[pyfunction]
pub(crate) fn coerce_session_params<'py>(params: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyDict>> {
    for (name, object) in params.copy()?.iter() {
        let Some(rule) = name.cast::<PyString>().ok().and_then(|name| config::rule(name.to_str().ok()?))
        else {
            continue;
        };
        let (_, coerced) = coerce_value(rule, &object)?;
        if !coerced.is(&object) {
            params.set_item(name, coerced)?;
        }
    }
    let timeout = params.get_item("timeout")?.is_some_and(|timeout| !timeout.is_none());
    let keeps_time =
        params.get_item("save_accessed_time")?.is_none_or(|keeps| keeps.is_truthy().unwrap_or(true));
    if timeout && !keeps_time {
        return Err(errors::ConfigurationError::new_err("timeout requires save_accessed_time"));
    }
    Ok(params.clone())
}

/// Every option's name, without `session.`.
#[pyfunction]
pub(crate) fn option_names() -> Vec<&'static str> {
    config::option_names().collect()
}

/// Gathers the session options of a middleware from its `config` and its keyword arguments into `options`, and
/// warns of what looks like a mistake.
pub(crate) fn gather(
    options: &Bound<'_, PyDict>,
    config: Option<&Bound<'_, PyAny>>,
    kwargs: Option<&Bound<'_, PyDict>>,
) -> PyResult<()> {
    let py = options.py();
    if let Some(config) = config.filter(|config| !config.is_none()) {
        for item in config.call_method0("items")?.try_iter()? {
            let (key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item?.extract()?;
            let Ok(key) = key.cast::<PyString>().map(|key| key.to_string()) else { continue };
            match option_of(py, &key)? {
                Some(name) => options.set_item(name, value)?,
                None if config::rule(&key).is_some() => errors::warn(
                    py,
                    &format!(
                        "the option '{key}' has no effect here: in a config it is called 'session.{key}'"
                    ),
                )?,
                None => {}
            }
        }
    }
    for (key, value) in kwargs.into_iter().flat_map(|kwargs| kwargs.iter()) {
        let key: String = key.extract()?;
        let known = config::rule(&key).is_some();
        match if known { None } else { option_of(py, &key)? } {
            Some(name) => options.set_item(name, value)?,
            None => options.set_item(key, value)?,
        }
    }
    Ok(())
}

/// The option that a prefixed key means.
fn option_of<'k>(py: Python<'_>, key: &'k str) -> PyResult<Option<&'k str>> {
    if let Some(name) = key.strip_prefix("beaker.session.").or_else(|| key.strip_prefix("session.")) {
        return Ok(Some(name));
    }
    let Some(name) = key.strip_prefix("session_").filter(|_| config::rule(key).is_none()) else {
        return Ok(None);
    };
    let message = format!("the option '{key}' is spelt 'session.{name}'");
    errors::warn_as(py, &PyDeprecationWarning::type_object(py).into_any(), &message)?;
    Ok(Some(name))
}

/// Warns of names that are no options. A backend of the application's own takes arguments of its own, so there
/// only a name that looks misspelt is worth a word.
pub(crate) fn warn_of_unknown(options: &Bound<'_, PyDict>, own_backend: bool) -> PyResult<()> {
    let py = options.py();
    for key in options.keys() {
        let Ok(key) = key.cast::<PyString>().map(|key| key.to_string()) else { continue };
        if config::rule(&key).is_some() || key.starts_with("sa.") {
            continue;
        }
        match config::nearest_name(&key) {
            Some(near) => {
                errors::warn(py, &format!("'{key}' is no session option; did you mean '{near}'?"))?;
            }
            None if own_backend => {}
            None => errors::warn(py, &format!("'{key}' is no session option and has no effect"))?,
        }
    }
    Ok(())
}
