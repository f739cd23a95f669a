//! Python values as option values, and back.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDateAccess, PyDateTime, PyDelta, PyDeltaAccess, PyInt, PyString, PyTimeAccess};

use crate::config::{Kind, Rule, Value};
use crate::cookie::CookieDate;

/// What `object` is, as far as an option of `rule` can tell.
pub(crate) fn to_value(rule: &Rule, object: &Bound<'_, PyAny>) -> PyResult<Value> {
    if object.is_none() {
        return Ok(Value::Null);
    }
    if let Ok(flag) = object.cast::<PyBool>() {
        return Ok(Value::Bool(flag.is_true()));
    }
    if let Ok(text) = object.cast::<PyString>() {
        return Ok(Value::Text(text.to_str()?.to_owned()));
    }
    if let Ok(number) = object.cast::<PyInt>() {
        return Ok(number.extract().map_or_else(|_| unknown(object), Value::Int));
    }
    match rule.kind {
        // A path object, say, is the text that it prints as; so Beaker has it.
        Kind::Text | Kind::RequiredText => Ok(Value::Text(object.str()?.to_str()?.to_owned())),
        Kind::Bool => Ok(Value::Bool(object.is_truthy()?)),
        Kind::Expires => Ok(moment(object).unwrap_or_else(|| unknown(object))),
        Kind::Int | Kind::Serializer | Kind::Any => Ok(unknown(object)),
    }
}

fn unknown(object: &Bound<'_, PyAny>) -> Value {
    Value::Object(object.get_type().name().map_or_else(|_| String::from("object"), |name| name.to_string()))
}

fn moment(object: &Bound<'_, PyAny>) -> Option<Value> {
    if let Ok(date) = object.cast::<PyDateTime>() {
        return CookieDate::from_parts(
            date.get_year(),
            date.get_month(),
            date.get_day(),
            date.get_hour(),
            date.get_minute(),
            date.get_second(),
        )
        .map(Value::Date);
    }
    let span = object.cast::<PyDelta>().ok()?;
    let seconds = i64::from(span.get_days()) * 86_400 + i64::from(span.get_seconds());
    #[allow(clippy::cast_precision_loss, reason = "a timedelta holds less than 2^47 seconds")]
    let seconds = seconds as f64 + f64::from(span.get_microseconds()) / 1e6;
    Some(Value::Span(seconds))
}

/// The Python object for `value`; `original` where nothing was changed.
pub(crate) fn to_object<'py>(
    value: &Value,
    given: &Value,
    original: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = original.py();
    if value == given {
        return match value {
            // A path object stays out of the options; the text that it means goes in.
            Value::Text(text) if !original.is_instance_of::<PyString>() => {
                Ok(PyString::new(py, text).into_any())
            }
            Value::Bool(flag) if !original.is_instance_of::<PyBool>() => {
                Ok(PyBool::new(py, *flag).to_owned().into_any())
            }
            _ => Ok(original.clone()),
        };
    }
    Ok(match value {
        Value::Bool(flag) => PyBool::new(py, *flag).to_owned().into_any(),
        Value::Int(number) => number.into_pyobject(py)?.into_any(),
        Value::Text(text) => PyString::new(py, text).into_any(),
        Value::Span(seconds) => py.import("datetime")?.getattr("timedelta")?.call1((0, *seconds))?,
        Value::Null | Value::Date(_) | Value::Object(_) => original.clone(),
    })
}
