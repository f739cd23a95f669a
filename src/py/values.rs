//! Python values as option values, and back.

use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyBytes, PyDateAccess, PyDateTime, PyDelta, PyDeltaAccess, PyDict, PyFloat, PyInt, PyList,
    PyString, PyTimeAccess, PyTuple,
};

use super::errors::ConfigurationError;
use crate::config::bytes_literal::of_bytes;
use crate::config::{DefaultValue, Kind, OptionSpec, Value};
use crate::cookie::CookieDate;
use crate::py::once::intern;

/// The object of an option; `None` also if it is `None`.
pub(crate) fn given<'py>(options: &Bound<'py, PyDict>, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
    Ok(options.get_item(name)?.filter(|object| !object.is_none()))
}

/// The same as what it has to be.
pub(crate) fn given_as<'py, T: FromPyObjectOwned<'py>>(
    options: &Bound<'py, PyDict>,
    name: &str,
) -> PyResult<Option<T>> {
    given(options, name)?.map(|object| object.extract().map_err(Into::into)).transpose()
}

/// A span of time in seconds. Raises `ValueError` for a number that is none.
pub(crate) fn duration(seconds: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds).map_err(|error| PyValueError::new_err(error.to_string()))
}

/// A time limit of a backend.
pub(crate) fn time_limit(name: &str, seconds: Option<f64>, default: Duration) -> PyResult<Duration> {
    match seconds.map(Duration::try_from_secs_f64) {
        None => Ok(default),
        Some(Ok(limit)) if !limit.is_zero() => Ok(limit),
        Some(_) => Err(ConfigurationError::new_err(format!("{name} must be a number of seconds above 0"))),
    }
}

/// The value of an object that was given for an option.
pub(crate) fn to_value(option: &OptionSpec, object: &Bound<'_, PyAny>) -> PyResult<Value> {
    if object.is_none() {
        return Ok(Value::Null);
    }
    if let Ok(flag) = object.cast::<PyBool>() {
        return Ok(Value::Bool(flag.is_true()));
    }
    if let Ok(text) = object.cast::<PyString>() {
        // Python's own error shows the whole text, which may be a secret.
        let Ok(plain) = text.to_str() else {
            return Err(ConfigurationError::new_err(format!("{} must be valid Unicode", option.name)));
        };
        return match option.kind {
            Kind::Keys | Kind::OlderKeys => keys_in_text(text),
            Kind::Moment => moment_in_text(text),
            _ => Ok(Value::Text(plain.to_owned())),
        };
    }
    if let Ok(number) = object.cast::<PyInt>() {
        return Ok(number.extract().map_or_else(|_| unknown(object), Value::Int));
    }
    if let Ok(number) = object.cast::<PyFloat>()
        && matches!(option.kind, Kind::Int | Kind::Seconds | Kind::Expires)
    {
        return Ok(Value::Float(number.value()));
    }
    match option.kind {
        Kind::Text | Kind::Folder | Kind::KeyFile | Kind::CookiePath
            if object.is_instance_of::<PyBytes>() =>
        {
            Ok(unknown(object))
        }
        Kind::Text | Kind::Word | Kind::Choice(_) | Kind::Folder | Kind::KeyFile | Kind::CookiePath => {
            printed(object)
        }
        Kind::Bool => Ok(Value::Bool(object.is_truthy()?)),
        Kind::Keys => match keys(option, object) {
            Some(keys) => Ok(keys),
            None => printed(object),
        },
        Kind::OlderKeys => Ok(keys(option, object).unwrap_or_else(|| unknown(object))),
        Kind::Names => Ok(list(object).unwrap_or_else(|| unknown(object))),
        Kind::Moment => Ok(seconds(object).unwrap_or_else(|_| unknown(object))),
        Kind::Expires => Ok(expiry(object).unwrap_or_else(|| unknown(object))),
        Kind::Int | Kind::Seconds | Kind::Serializer | Kind::Any => Ok(unknown(object)),
    }
}

/// The text of an object such as a path, as Beaker takes it. A container has no such text, nor has an object that
/// prints only its address.
fn printed(object: &Bound<'_, PyAny>) -> PyResult<Value> {
    let py = object.py();
    let any = py.get_type::<PyAny>();
    let prints_as = |name: &Bound<'_, PyString>| -> PyResult<bool> {
        Ok(!object.get_type().getattr(name)?.is(&any.getattr(name)?))
    };
    if object.is_instance_of::<PyBytes>() {
        return Ok(Value::Text(object.repr()?.to_str()?.to_owned()));
    }
    if object.try_iter().is_ok()
        || !(prints_as(intern!(py, "__str__"))? || prints_as(intern!(py, "__repr__"))?)
    {
        return Ok(unknown(object));
    }
    Ok(Value::Text(object.str()?.to_str()?.to_owned()))
}

fn unknown(object: &Bound<'_, PyAny>) -> Value {
    Value::Object(object.get_type().name().map_or_else(|_| String::from("object"), |name| name.to_string()))
}

/// The keys in an object. Bytes stand for Python's text of them, as in Beaker; an `encrypt_key` by keyword also stands
/// for itself. (In a config bytes have become text before.)
fn keys(option: &OptionSpec, object: &Bound<'_, PyAny>) -> Option<Value> {
    let takes_bytes = option.name.starts_with("encrypt_key");
    list_of(object, |bytes| {
        let text = of_bytes(bytes).into_bytes();
        if takes_bytes { vec![bytes.to_vec(), text] } else { vec![text] }
    })
}

/// A byte string, or a list or tuple of texts and byte strings.
fn list(object: &Bound<'_, PyAny>) -> Option<Value> {
    list_of(object, |bytes| vec![bytes.to_vec()])
}

fn list_of(object: &Bound<'_, PyAny>, made_of: impl Fn(&[u8]) -> Vec<Vec<u8>>) -> Option<Value> {
    let parts = |object: &Bound<'_, PyAny>| match object.cast::<PyString>() {
        Ok(text) => text.to_str().ok().map(|text| vec![text.as_bytes().to_vec()]),
        Err(_) => object.cast::<PyBytes>().ok().map(|bytes| made_of(bytes.as_bytes())),
    };
    if let Some(one) = parts(object) {
        return Some(Value::List(one));
    }
    if !object.is_instance_of::<PyList>() && !object.is_instance_of::<PyTuple>() {
        return None;
    }
    let all = object.try_iter().ok()?.map(|part| parts(&part.ok()?)).collect::<Option<Vec<_>>>()?;
    Some(Value::List(all.concat()))
}

/// The keys in a JSON list. Any other text is one key; no sensible key looks like a list.
fn keys_in_text(text: &Bound<'_, PyString>) -> PyResult<Value> {
    let plain = Value::Text(text.to_str()?.to_owned());
    if !text.to_str()?.trim_start().starts_with('[') {
        return Ok(plain);
    }
    let parsed = text.py().import("json")?.call_method1("loads", (text,));
    Ok(parsed
        .ok()
        .filter(|parsed| parsed.is_instance_of::<PyList>())
        .as_ref()
        .and_then(list)
        .unwrap_or(plain))
}

fn moment_in_text(text: &Bound<'_, PyString>) -> PyResult<Value> {
    let plain = text.to_str()?.trim();
    if let Ok(seconds) = plain.parse::<f64>() {
        return Ok(Value::Moment(seconds));
    }
    // CPython 3.10 does not read the Z.
    let plain =
        plain.strip_suffix(['Z', 'z']).map_or_else(|| plain.to_owned(), |date| format!("{date}+00:00"));
    let read = text.py().import("datetime")?.getattr("datetime")?.call_method1("fromisoformat", (&plain,));
    Ok(read.and_then(|date| seconds(&date)).unwrap_or(Value::Text(plain)))
}

/// The moment that a number of seconds or a `datetime` stands for. Without a time zone it is UTC.
fn seconds(object: &Bound<'_, PyAny>) -> PyResult<Value> {
    let Ok(date) = object.cast::<PyDateTime>() else {
        return object.extract().map(Value::Moment);
    };
    let py = object.py();
    let aware = if date.getattr("tzinfo")?.is_none() {
        let kwargs = PyDict::new(py);
        kwargs.set_item("tzinfo", py.import("datetime")?.getattr("timezone")?.getattr("utc")?)?;
        date.call_method("replace", (), Some(&kwargs))?
    } else {
        date.clone().into_any()
    };
    aware.call_method0("timestamp")?.extract().map(Value::Moment)
}

/// A `datetime` in UTC. One without a time zone stays as it is.
fn in_utc<'py>(date: &Bound<'py, PyDateTime>) -> PyResult<Bound<'py, PyAny>> {
    if date.call_method0("utcoffset")?.is_none() {
        return Ok(date.clone().into_any());
    }
    let utc = date.py().import("datetime")?.getattr("timezone")?.getattr("utc")?;
    date.call_method1("astimezone", (utc,))
}

fn expiry(object: &Bound<'_, PyAny>) -> Option<Value> {
    if let Ok(date) = object.cast::<PyDateTime>() {
        let in_utc = in_utc(date).ok()?;
        let date = in_utc.cast::<PyDateTime>().ok()?;
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

/// The Python object of a default. One that depends on other things is `None`.
pub(crate) fn default_to_object(py: Python<'_>, default: DefaultValue) -> PyResult<Bound<'_, PyAny>> {
    Ok(match default {
        DefaultValue::Unset | DefaultValue::Depends(_) => py.None().into_bound(py),
        DefaultValue::Bool(flag) => PyBool::new(py, flag).to_owned().into_any(),
        DefaultValue::Int(number) => number.into_pyobject(py)?.into_any(),
        DefaultValue::Text(text) => PyString::new(py, text).into_any(),
    })
}

/// The Python object for `value`: `original` if coercing changed nothing.
pub(crate) fn to_object<'py>(
    value: &Value,
    given: &Value,
    original: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = original.py();
    let is_changed = value != given;
    Ok(match value {
        // The options show the text of a path object.
        Value::Text(text) if is_changed || !original.is_instance_of::<PyString>() => {
            PyString::new(py, text).into_any()
        }
        Value::Bool(flag) if is_changed || !original.is_instance_of::<PyBool>() => {
            PyBool::new(py, *flag).to_owned().into_any()
        }
        Value::Int(number) if is_changed => number.into_pyobject(py)?.into_any(),
        Value::Float(number) if is_changed => number.into_pyobject(py)?.into_any(),
        Value::Span(seconds) if is_changed => {
            py.import("datetime")?.getattr("timedelta")?.call1((0, *seconds))?
        }
        _ => original.clone(),
    })
}
