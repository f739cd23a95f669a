//! What an option's object stands for, by the way in which it was given.
//!
//! What stands in a config, under a prefix, Beaker puts through `coerce_session_params`, which makes text of what has
//! to be text. What is given by keyword it takes as it is, and of most options it only asks whether it is true.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyFloat, PyInt, PyList, PyString, PyTuple};

use crate::config::{Kind, Rule, Value};
use crate::py::once::intern;

/// The way in which an option was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Given {
    /// In a config.
    InConfig,
    /// By keyword, or as an attribute.
    ByKeyword,
}

/// The object that is meant, and what the programmer is told of that.
pub(super) fn meant<'py>(
    rule: &Rule,
    object: &Bound<'py, PyAny>,
    how: Given,
) -> PyResult<(Bound<'py, PyAny>, Option<String>)> {
    let meant = match how {
        Given::InConfig => in_config(rule, object)?,
        Given::ByKeyword => by_keyword(rule, object)?,
    };
    match rule.kind {
        Kind::Folder | Kind::File => at_home(rule, meant),
        _ => Ok((meant, None)),
    }
}

fn in_config<'py>(rule: &Rule, object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = object.py();
    if object.is_none() && rule.name == "cookie_expires" {
        return Ok(PyBool::new(py, false).to_owned().into_any());
    }
    // Of these, Beaker's `coerce_session_params` knows nothing.
    let is_asked_alone = matches!(rule.name, "samesite" | "file_dir" | "dbm_dir");
    let becomes_text = matches!(rule.kind, Kind::Keys | Kind::Word | Kind::Folder) && !is_asked_alone;
    if becomes_text && (object.is_instance_of::<PyInt>() || object.is_instance_of::<PyFloat>()) {
        return Ok(object.str()?.into_any());
    }
    if becomes_text && object.is_instance_of::<PyBytes>() {
        return Ok(object.repr()?.into_any());
    }
    without_nothing(rule, object, object.is_instance_of::<PyString>() && !is_asked_alone)
}

fn by_keyword<'py>(rule: &Rule, object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let is_text = object.is_instance_of::<PyString>();
    match rule.kind {
        Kind::Bool if is_text && object.len()? == 0 => {
            Ok(PyBool::new(object.py(), false).to_owned().into_any())
        }
        // An empty key is a mistake, and what is no text is no key.
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
        _ => without_nothing(rule, object, is_text && rule.kind == Kind::CookiePath),
    }
}

/// `None` in the place of what is false, where Beaker asks for no more than that; unless the object `counts`.
fn without_nothing<'py>(
    rule: &Rule,
    object: &Bound<'py, PyAny>,
    counts: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let is_asked = matches!(rule.kind, Kind::Text | Kind::Folder | Kind::CookiePath)
        || rule.name == "namespace_class"
        || rule.name == "id" && !object.is_instance_of::<PyString>();
    if is_asked && !counts && !object.is_truthy()? {
        return Ok(object.py().None().into_bound(object.py()));
    }
    Ok(object.clone())
}

/// Whether it is the empty `cookie_path` of a cookie without one.
pub(super) fn is_no_path(rule: &Rule, meant: &Bound<'_, PyAny>, how: Given) -> bool {
    rule.kind == Kind::CookiePath
        && how == Given::ByKeyword
        && meant.cast::<PyString>().is_ok_and(|text| text.len().is_ok_and(|length| length == 0))
}

/// A path with the home folder in the place of `~`.
fn at_home<'py>(rule: &Rule, object: Bound<'py, PyAny>) -> PyResult<(Bound<'py, PyAny>, Option<String>)> {
    let py = object.py();
    let is_path = object.is_instance_of::<PyString>() || object.hasattr(intern!(py, "__fspath__"))?;
    if !is_path || !object.str()?.to_str().is_ok_and(|text| text.starts_with('~')) {
        return Ok((object, None));
    }
    let path = py.import("os")?.getattr("path")?;
    let text = object.str()?;
    let expanded = path.call_method1("expanduser", (&text,))?;
    let remark = if !expanded.eq(&text)? && path.call_method1("exists", (&text,))?.is_truthy()? {
        Some(format!(
            "{} = {text} is {expanded}; what Beaker kept is in the folder '~' of the working directory, and has to be \
             moved there",
            rule.name
        ))
    } else {
        None
    };
    Ok((expanded, remark))
}

/// What the programmer is told of an object that is no plain way to say `value`.
pub(super) fn remark(rule: &Rule, object: &Bound<'_, PyAny>, value: &Value) -> Option<String> {
    let name = rule.name;
    match value {
        Value::Text(_) if matches!(rule.kind, Kind::Keys | Kind::Word | Kind::Folder) => {
            let kind = if object.is_instance_of::<PyBool>() {
                "a boolean"
            } else if object.is_instance_of::<PyFloat>() {
                "a float"
            } else if object.is_instance_of::<PyBytes>() && rule.kind != Kind::Keys {
                "bytes"
            } else {
                return None;
            };
            Some(format!("{name} is {kind}, and is taken for the text of it, as Beaker does; give the text"))
        }
        Value::Span(seconds) if object.is_instance_of::<PyFloat>() => Some(format!(
            "{name} is {seconds} seconds; Beaker takes a float for True, which ends with the browser"
        )),
        _ => None,
    }
}
