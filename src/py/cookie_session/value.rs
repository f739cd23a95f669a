//! The value of the cookie, which protects the session on its way through the browser.

use std::borrow::Cow;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::data;
use crate::config::{CookieKeys, Settings};
use crate::cookie::{self, CookieSealer, Format, Reading, readings};
use crate::error::Result;
use crate::py::errors::{self, BeakerException, CorruptSessionError, IntoPyResult};
use crate::py::format_one;
use crate::py::nesting::{self, Work};
use crate::py::options::Options;
use crate::py::session::request::cookie_header;
use crate::py::session::stored::Content;
use crate::py::session::{CookieValue, Session, call, creation_time, encode};

/// Browsers keep a cookie of which name and value together have this many bytes, and ignore a larger one (RFC
/// 6265bis, section 5.6).
const LARGEST_COOKIE: usize = 4096;

/// A value that is ours.
pub(super) struct Received<'h> {
    /// The session in it, in the form that its format has.
    bytes: Cow<'h, [u8]>,
    format: Format,
    /// Whether it is as it would be written today.
    pub(super) is_current: bool,
    /// When it ends, in seconds since the epoch, if it says so.
    pub(super) expires: Option<f64>,
}

impl Received<'_> {
    /// The session in it.
    pub(super) fn content(&self, session: &Bound<'_, Session>) -> PyResult<Content<'_>> {
        Ok(match self.format {
            Format::Two if !call::has_own_text(session)? => Content::Payload(&self.bytes),
            Format::One | Format::Two => Content::Text(&self.bytes),
        })
    }
}

fn keys(options: &Options) -> PyResult<&Arc<CookieKeys>> {
    let keys = options.settings.cookie.as_ref();
    keys.ok_or_else(|| BeakerException::new_err("the session has no validate_key, which its cookie needs"))
}

/// The header with the request's cookies, if it has one.
pub(super) fn header<'py>(session: &Bound<'py, Session>) -> PyResult<Option<Bound<'py, PyString>>> {
    let py = session.py();
    let request = session.get().with(|state| state.request.clone_ref(py))?;
    cookie_header(request.bind(py))
}

/// How many values of one request are decoded.
const MOST: usize = 5;

/// Offers the values in the header's cookies that are ours, each once and a handful at the most, until one is taken:
/// those under our name, the last first, then those under older names. `CorruptSessionError` if there are such cookies
/// and none is ours.
pub(super) fn receive<'h>(
    py: Python<'_>,
    options: &Options,
    header: &'h str,
    mut takes: impl FnMut(&Received<'h>) -> PyResult<bool>,
) -> PyResult<()> {
    let keys = keys(options)?;
    let mut refusal = None;
    let mut offered: Vec<&str> = Vec::new();
    let now = format_one::moment(py, &options.settings)?;
    for Reading { name, value, is_joined } in readings(header, options.settings.names(), true) {
        // A cookie in a format that is no longer read is ignored without a warning, since it was valid once.
        let is_read = !value.is_empty() && options.settings.reads_format_of(value, now);
        if !is_read || offered.contains(&value) {
            continue;
        }
        match open(keys, &options.settings, name, value) {
            Ok(Some(received)) => {
                offered.push(value);
                if received.format == Format::One {
                    format_one::tell(py, &options.settings, now)?;
                }
                if takes(&received)? || offered.len() == MOST {
                    break;
                }
            }
            // A part of a neighbour's value, as likely as not.
            Ok(None) | Err(_) if is_joined => {}
            Ok(None) => {
                refusal.get_or_insert(None);
            }
            Err(error) => refusal = Some(Some(error)),
        }
    }
    match refusal {
        Some(refusal) if offered.is_empty() => Err(match refusal {
            None => CorruptSessionError::new_err("Invalid signature"),
            Some(error) => errors::to_python(py, error),
        }),
        _ => Ok(()),
    }
}

fn open<'h>(
    keys: &CookieKeys,
    settings: &Settings,
    name: &str,
    value: &'h str,
) -> Result<Option<Received<'h>>> {
    if CookieSealer::is_sealed(value) {
        let opened = keys.sealer.open(name, value)?;
        return Ok(opened.map(|opened| Received {
            is_current: opened.is_current && settings.format == Format::Two,
            #[allow(clippy::cast_precision_loss, reason = "a moment below 2^53 seconds")]
            expires: opened.expires.map(|seconds| seconds as f64),
            bytes: opened.payload.into(),
            format: Format::Two,
        }));
    }
    Ok(keys.signers.verify(value).map(|(text, is_newest)| Received {
        is_current: is_newest && name == settings.key && settings.format == Format::One,
        expires: None,
        bytes: text.as_bytes().into(),
        format: Format::One,
    }))
}

/// The value that has `data`.
pub(super) fn of_data(session: &Bound<'_, Session>, data: &Bound<'_, PyDict>) -> PyResult<CookieValue> {
    let options = session.get().options()?;
    if call::has_own_text(session)? {
        let text = encode::encrypt_data(session, data)?;
        return match options.settings.format {
            Format::One => {
                let text = String::from_utf8_lossy(&text).into_owned();
                cookie::validate_value(&text).into_py(session.py())?;
                of_text(&options, text)
            }
            Format::Two => sealed(&options, data, &text),
        };
    }
    let payload = {
        let _entered = nesting::enter(session.py(), Work::Write(session.as_ptr() as usize))?;
        options.serializer.dumps(data)?
    };
    of_payload(session, data, payload.as_bytes())
}

/// The value that has `data`, which is serialized already.
pub(super) fn of_payload(
    session: &Bound<'_, Session>,
    data: &Bound<'_, PyDict>,
    payload: &[u8],
) -> PyResult<CookieValue> {
    let options = session.get().options()?;
    match options.settings.format {
        Format::One => of_text(&options, encode::in_format_1(session.py(), &options, payload)?),
        Format::Two => sealed(&options, data, payload),
    }
}

fn of_text(options: &Options, text: String) -> PyResult<CookieValue> {
    let value = match &options.settings.cookie {
        Some(keys) => {
            let coded = keys.signers.sign(&text);
            CookieValue { plain: Some(text), coded }
        }
        // A class with keys of its own has protected it.
        None => CookieValue { plain: None, coded: text },
    };
    fitting(options, value)
}

fn sealed(options: &Options, data: &Bound<'_, PyDict>, payload: &[u8]) -> PyResult<CookieValue> {
    let expires = options.settings.limits.end(creation_time(data)?);
    // A cast from a float saturates, and nothing ends before 1970.
    let expires = expires.map(|seconds| seconds.ceil() as u64);
    let coded = keys(options)?.sealer.seal(payload, expires).into_py(data.py())?;
    fitting(options, CookieValue { plain: None, coded })
}

/// Refuses a value that browsers would drop silently.
fn fitting(options: &Options, value: CookieValue) -> PyResult<CookieValue> {
    let size = options.settings.key.len() + value.coded.len();
    if size <= LARGEST_COOKIE {
        return Ok(value);
    }
    Err(BeakerException::new_err(format!(
        "Cookie value is too long to store: its name and value have {size} bytes, and browsers keep \
         {LARGEST_COOKIE} at most"
    )))
}

/// The value for a program that writes the cookie itself before the session was saved: the session as it was
/// loaded, or empty.
pub(super) fn current(session: &Bound<'_, Session>) -> PyResult<CookieValue> {
    of_data(session, &data::stored(session)?)
}
