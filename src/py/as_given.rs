//! Reads an option's object as Beaker reads it, by the way in which it was given.
//!
//! Beaker puts the options in a config, under a prefix, through `coerce_session_params`, which turns values into text
//! where an option takes text. It leaves keyword arguments as they are, and for most options only asks whether the
//! argument is true.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyFloat, PyInt, PyList, PyString, PyTuple};

use crate::config::{Kind, OptionSpec, Value};
use crate::py::once::intern;

/// The way in which an option was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Given {
    /// In a config.
    InConfig,
    /// By keyword, or as an attribute.
    ByKeyword,
}

/// The object that is meant, and a warning for the programmer.
pub(super) fn meant<'py>(
    option: &OptionSpec,
    object: &Bound<'py, PyAny>,
    how: Given,
) -> PyResult<(Bound<'py, PyAny>, Option<String>)> {
    let meant = match how {
        Given::InConfig => in_config(option, object)?,
        Given::ByKeyword => by_keyword(option, object)?,
    };
    match option.kind {
        Kind::Folder | Kind::KeyFile => at_home(option, meant),
        _ => Ok((meant, None)),
    }
}

fn in_config<'py>(option: &OptionSpec, object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = object.py();
    if object.is_none() && option.kind == Kind::Expires {
        return Ok(PyBool::new(py, false).to_owned().into_any());
    }
    let becomes_text = takes_text_of(option.kind) && !option.uncoerced_in_beaker;
    if becomes_text && (object.is_instance_of::<PyInt>() || object.is_instance_of::<PyFloat>()) {
        return Ok(object.str()?.into_any());
    }
    if becomes_text && object.is_instance_of::<PyBytes>() {
        return Ok(object.repr()?.into_any());
    }
    without_nothing(option, object, object.is_instance_of::<PyString>() && !option.uncoerced_in_beaker)
}

/// Whether Python's text of a number, of bytes or of a boolean is a value.
fn takes_text_of(kind: Kind) -> bool {
    kind.is_word() || matches!(kind, Kind::Keys | Kind::Folder)
}

fn by_keyword<'py>(option: &OptionSpec, object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let is_text = object.is_instance_of::<PyString>();
    match option.kind {
        Kind::Bool if is_text && object.len()? == 0 => {
            Ok(PyBool::new(object.py(), false).to_owned().into_any())
        }
        // An empty text is a mistake, and a false object is no key.
        Kind::Keys => {
            let is_keys = is_text
                || object.is_instance_of::<PyBytes>()
                || object.is_instance_of::<PyList>()
                || object.is_instance_of::<PyTuple>();
            if is_keys || object.is_truthy()? {
                Ok(object.clone())
            } else {
                Ok(object.py().None().into_bound(object.py()))
            }
        }
        _ => without_nothing(option, object, is_text && option.kind == Kind::CookiePath),
    }
}

/// Replaces a false object by `None` where Beaker only asks whether it is true, unless the object `counts`.
fn without_nothing<'py>(
    option: &OptionSpec,
    object: &Bound<'py, PyAny>,
    counts: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let is_asked = matches!(option.kind, Kind::Text | Kind::Folder | Kind::CookiePath)
        || option.name == "namespace_class"
        || option.name == "id" && !object.is_instance_of::<PyString>();
    if is_asked && !counts && !object.is_truthy()? {
        return Ok(object.py().None().into_bound(object.py()));
    }
    Ok(object.clone())
}

/// Whether it is an empty `cookie_path`, which gives a cookie without a path.
pub(super) fn is_no_path(option: &OptionSpec, meant: &Bound<'_, PyAny>, how: Given) -> bool {
    option.kind == Kind::CookiePath
        && how == Given::ByKeyword
        && meant.cast::<PyString>().is_ok_and(|text| text.len().is_ok_and(|length| length == 0))
}

/// Expands `~` to the home folder.
fn at_home<'py>(
    option: &OptionSpec,
    object: Bound<'py, PyAny>,
) -> PyResult<(Bound<'py, PyAny>, Option<String>)> {
    let py = object.py();
    let is_path = object.is_instance_of::<PyString>() || object.hasattr(intern!(py, "__fspath__"))?;
    if !is_path || !object.str()?.to_str().is_ok_and(|text| text.starts_with('~')) {
        return Ok((object, None));
    }
    let path = py.import("os")?.getattr("path")?;
    let text = object.str()?;
    let expanded = path.call_method1("expanduser", (&text,))?;
    let warning = if !expanded.eq(&text)? && path.call_method1("exists", (&text,))?.is_truthy()? {
        Some(format!(
            "{} = {text} is {expanded}; Beaker's sessions are in the folder '~' of the working directory and must be \
             moved there",
            option.name
        ))
    } else {
        None
    };
    Ok((expanded, warning))
}

/// The warning for an object that is an unwise way to say `value`.
pub(super) fn warning(option: &OptionSpec, object: &Bound<'_, PyAny>, value: &Value) -> Option<String> {
    let name = option.name;
    match value {
        Value::Text(_) if takes_text_of(option.kind) => {
            let kind = if object.is_instance_of::<PyBool>() {
                "a boolean"
            } else if object.is_instance_of::<PyFloat>() {
                "a float"
            } else if object.is_instance_of::<PyBytes>() && option.kind != Kind::Keys {
                "bytes"
            } else {
                return None;
            };
            Some(format!("{name} is {kind}, and Beaker takes its text; give the text itself"))
        }
        Value::Span(seconds) if object.is_instance_of::<PyFloat>() => Some(format!(
            "{name} is {seconds} seconds; for Beaker a float is True, and the cookie ends with the browser"
        )),
        _ => None,
    }
}
