//! Options in Python dictionaries: coerced in place, and gathered from the arguments of the middleware.

use pyo3::PyTypeInfo;
use pyo3::exceptions::PyDeprecationWarning;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::as_given::{self, Given};
use super::errors::{self, IntoPyResult};
use super::values::{to_object, to_value};
use crate::config::{self, OptionSpec, Value};

/// An option, coerced.
pub(crate) struct Coerced<'py> {
    pub(crate) value: Value,
    /// The same as an object.
    pub(crate) object: Bound<'py, PyAny>,
    /// A warning for the programmer.
    pub(crate) warning: Option<String>,
}

/// Coerces one option.
pub(crate) fn coerce_value<'py>(
    option: &OptionSpec,
    object: &Bound<'py, PyAny>,
    how: Given,
) -> PyResult<Coerced<'py>> {
    let (meant, warning) = as_given::meant(option, object, how)?;
    if as_given::is_no_path(option, &meant, how) {
        return Ok(Coerced { value: Value::Text(String::new()), object: meant, warning });
    }
    let given = to_value(option, &meant)?;
    let value = config::coerce(option, given.clone()).into_py(object.py())?;
    let warning = warning.or_else(|| as_given::warning(option, object, &value));
    let object = to_object(&value, &given, &meant)?;
    Ok(Coerced { value, object, warning })
}

/// Coerces and checks the session options in `params`, in place, and returns it. Unknown names stay as they are.
///
/// Raises `ConfigurationError` for a value that its option cannot take.
#[pyfunction]
pub(crate) fn coerce_session_params<'py>(params: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyDict>> {
    coerce_all(params, Given::InConfig)?;
    let timeout = params.get_item("timeout")?.is_some_and(|timeout| !timeout.is_none());
    let keeps_time = params
        .get_item("save_accessed_time")?
        .is_none_or(|keeps| keeps.is_none() || keeps.is_truthy().unwrap_or(true));
    if timeout && !keeps_time {
        return Err(errors::ConfigurationError::new_err("timeout requires save_accessed_time"));
    }
    Ok(params.clone())
}

/// Coerces the options in `params`, in place. An option that stays as it is earns its warning later, when its
/// meaning is worked out.
pub(crate) fn coerce_all(params: &Bound<'_, PyDict>, how: Given) -> PyResult<()> {
    for (name, object) in params.copy()?.iter() {
        let Some(option) = name.cast::<PyString>().ok().and_then(|name| config::option(name.to_str().ok()?))
        else {
            continue;
        };
        let coerced = coerce_value(option, &object, how)?;
        if !coerced.object.is(&object) {
            params.set_item(name, coerced.object)?;
            if let Some(warning) = coerced.warning {
                errors::warn(params.py(), &warning)?;
            }
        }
    }
    Ok(())
}

/// The boolean that a word stands for, or `None`.
#[pyfunction]
pub(crate) fn word_as_bool(word: &str) -> Option<bool> {
    config::word_as_bool(word)
}

/// Gathers the options of a middleware from its `config` and its keyword arguments into `options`, coerced, and warns
/// of likely mistakes.
pub(crate) fn gather(
    options: &Bound<'_, PyDict>,
    config: Option<&Bound<'_, PyAny>>,
    kwargs: Option<&Bound<'_, PyDict>>,
) -> PyResult<()> {
    let py = options.py();
    let defaults = options.copy()?;
    let set = |options: &Bound<'_, PyDict>, name: &str, value: Bound<'_, PyAny>| -> PyResult<()> {
        // Beaker names the cookie `None` then, and visitors may still have that cookie.
        let keeps_none = !value.is_none() || name == "key";
        let default = if keeps_none { None } else { defaults.get_item(name)? };
        options.set_item(name, default.unwrap_or(value))
    };
    let prefixed = PyDict::new(py);
    if let Some(config) = config.filter(|config| !config.is_none()) {
        for item in config.call_method0("items")?.try_iter()? {
            let (key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item?.extract()?;
            let Ok(key) = key.cast::<PyString>().map(|key| key.to_string()) else { continue };
            match option_of(py, &key)? {
                Some(name) => set(&prefixed, name, value)?,
                None if config::option(&key).is_some() => errors::warn(
                    py,
                    &format!("option '{key}' ignored: in a config its name is 'session.{key}'"),
                )?,
                None => {}
            }
        }
    }
    let bare = PyDict::new(py);
    for (key, value) in kwargs.into_iter().flat_map(|kwargs| kwargs.iter()) {
        let key: String = key.extract()?;
        let known = config::option(&key).is_some();
        match if known { None } else { option_of(py, &key)? } {
            Some(name) => set(&prefixed, name, value)?,
            None => set(&bare, &key, value)?,
        }
    }
    for name in bare.keys() {
        if prefixed.contains(&name)? {
            prefixed.del_item(name)?;
        }
    }
    coerce_all(&prefixed, Given::InConfig)?;
    coerce_all(&bare, Given::ByKeyword)?;
    options.update(prefixed.as_mapping())?;
    options.update(bare.as_mapping())
}

/// The name of the option in a prefixed key.
fn option_of<'k>(py: Python<'_>, key: &'k str) -> PyResult<Option<&'k str>> {
    if let Some(name) = key.strip_prefix("beaker.session.").or_else(|| key.strip_prefix("session.")) {
        return Ok(Some(name));
    }
    let Some(name) = key.strip_prefix("session_").filter(|_| config::option(key).is_none()) else {
        return Ok(None);
    };
    let message = format!("option '{key}' is deprecated: its name is 'session.{name}'");
    errors::warn_as(py, &PyDeprecationWarning::type_object(py).into_any(), &message)?;
    Ok(Some(name))
}

/// Warns of unknown options. A backend of the application's own takes arguments of its own, so there only a name that
/// looks misspelt earns a warning.
pub(crate) fn warn_of_unknown(options: &Bound<'_, PyDict>, own_backend: bool) -> PyResult<()> {
    let py = options.py();
    for key in options.keys() {
        let Ok(key) = key.cast::<PyString>().map(|key| key.to_string()) else { continue };
        if config::option(&key).is_some() || key.starts_with("sa.") {
            continue;
        }
        match config::nearest_name(&key) {
            Some(near) => {
                errors::warn(py, &format!("unknown session option '{key}' ignored; did you mean '{near}'?"))?;
            }
            None if own_backend => {}
            None => errors::warn(py, &format!("unknown session option '{key}' ignored"))?,
        }
    }
    Ok(())
}
