//! The changes that a request has made to a session.
//!
//! A key is changed where the program has assigned, deleted or mutated it. Mutations are not observed, so the data
//! before is compared with the data now. Both are read back from the text that was or would be stored, so that changes
//! by the serializer do not count: it may turn a tuple into a list, and it may never write the same bytes twice.

use std::cell::OnceCell;

use pyo3::exceptions::PyRecursionError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyString, PyTuple, PyType};

use super::class::Session;
use super::stored::{Base, Content, Loaded, Text};
use super::{content, encode};
use crate::py::errors::{self, CorruptSessionError};
use crate::py::nesting::{self, Work};
use crate::py::once::intern;

/// The session's data before and now.
pub(super) struct Changes<'a, 'py> {
    session: &'a Bound<'py, Session>,
    before: Bound<'py, PyDict>,
    now: Bound<'py, PyDict>,
    /// The data now, as the program has it.
    live: &'a Bound<'py, PyDict>,
    /// Whether the program's values were read from the data before, and not written to it.
    was_loaded: bool,
    /// Whether the program has saved the session.
    is_saved: bool,
    before_again: OnceCell<Bound<'py, PyDict>>,
    now_again: OnceCell<Bound<'py, PyDict>>,
}

impl<'a, 'py> Changes<'a, 'py> {
    /// The changes since `base`. `live` encodes to `text`.
    pub(super) fn since(
        session: &'a Bound<'py, Session>,
        base: Option<&Base>,
        live: &'a Bound<'py, PyDict>,
        text: &Text,
        is_saved: bool,
    ) -> PyResult<Self> {
        let py = session.py();
        let now = match encode::decode(session, Content::Record(&text.bytes, &text.id)) {
            Ok(decoded) => decoded.data.unwrap_or_else(|| PyDict::new(py)),
            // The options may forbid to read it back. A later load reports that.
            Err(error) if error.is_instance_of::<CorruptSessionError>(py) => live.copy()?,
            Err(error) => return Err(error),
        };
        Self::between(session, base, now, live, is_saved)
    }

    /// The changes since `base` of an unsaved session, which is compared without encoding it.
    fn as_it_is(
        session: &'a Bound<'py, Session>,
        base: Option<&Base>,
        live: &'a Bound<'py, PyDict>,
    ) -> PyResult<Self> {
        Self::between(session, base, live.copy()?, live, false)
    }

    fn between(
        session: &'a Bound<'py, Session>,
        base: Option<&Base>,
        now: Bound<'py, PyDict>,
        live: &'a Bound<'py, PyDict>,
        is_saved: bool,
    ) -> PyResult<Self> {
        let before = if let Some(base) = base { encode::decode(session, base.content())?.data } else { None };
        Ok(Self {
            session,
            before: before.unwrap_or_else(|| PyDict::new(session.py())),
            now,
            live,
            was_loaded: matches!(base, Some(Base::Loaded(..))),
            is_saved,
            before_again: OnceCell::new(),
            now_again: OnceCell::new(),
        })
    }

    /// The data now, as the next request will load it.
    pub(super) fn now(&self) -> &Bound<'py, PyDict> {
        &self.now
    }

    /// The data before.
    pub(super) fn before(&self) -> &Bound<'py, PyDict> {
        &self.before
    }

    /// Whether anything but the times is changed.
    pub(super) fn any(&self) -> PyResult<bool> {
        for key in self.before.keys() {
            if !is_time(&key) && !self.now.contains(&key)? {
                return Ok(true);
            }
        }
        for (key, now) in self.now.iter() {
            if is_time(&key) {
                continue;
            }
            match self.before.get_item(&key)? {
                Some(before) if self.is_same(&key, &before, &now)? => {}
                _ => return Ok(true),
            }
        }
        Ok(false)
    }

    /// Whether the value under `key` is the same as before.
    pub(super) fn is_same(
        &self,
        key: &Bound<'py, PyAny>,
        before: &Bound<'py, PyAny>,
        now: &Bound<'py, PyAny>,
    ) -> PyResult<bool> {
        let py = key.py();
        let compared = compare(before, now)?;
        if compared != Likeness::Unknown {
            return Ok(compared == Likeness::Same);
        }
        // The program's value was made from the stored one. So the stored one is encoded and decoded once more.
        if self.was_loaded
            && let Some(before) = self.again(&self.before_again, &self.before, key)?
            && compare(&before, now)? == Likeness::Same
        {
            return Ok(true);
        }
        // A value that gives the same twice has changed.
        if let Some(again) = self.again(&self.now_again, self.live, key)?
            && compare(&again, now)? == Likeness::Same
        {
            return Ok(false);
        }
        match before.eq(now) {
            Ok(true) => Ok(true),
            Err(error) if errors::is_the_programs(py, &error) => Err(error),
            Ok(false) if knows_its_equals(now)? => Ok(false),
            // It remains unknown.
            Ok(false) | Err(_) => Ok(!self.is_saved || self.is_untouched(key)?),
        }
    }

    /// The value that `data` has under `key`, written and read once more. `None` where that cannot be done.
    fn again(
        &self,
        cell: &OnceCell<Bound<'py, PyDict>>,
        data: &Bound<'py, PyDict>,
        key: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        if let Some(again) = cell.get() {
            return again.get_item(key);
        }
        let read = || {
            let text = encode::text_for_record(self.session, data)?;
            encode::decode(self.session, Content::Record(&text.bytes, &text.id))
        };
        let py = key.py();
        let again = match read() {
            Ok(decoded) => decoded.data.unwrap_or_else(|| PyDict::new(py)),
            Err(error) if errors::is_the_programs(py, &error) => return Err(error),
            Err(_) => PyDict::new(py),
        };
        cell.get_or_init(|| again).get_item(key)
    }

    /// Whether the program has got no mutable value, and has assigned none to `key`.
    fn is_untouched(&self, key: &Bound<'py, PyAny>) -> PyResult<bool> {
        if !self.was_loaded || self.session.get().with(|state| state.snapshots.maybe_mutated)? {
            return Ok(false);
        }
        let loaded = content::loaded(self.session)?;
        let loaded = loaded.cast::<PyDict>()?.get_item(key)?;
        Ok(loaded.zip(self.live.get_item(key)?).is_some_and(|(loaded, live)| loaded.is(&live)))
    }
}

/// Whether the loaded `data` was changed in place, its times aside.
pub(super) fn in_place(
    session: &Bound<'_, Session>,
    data: &Bound<'_, PyDict>,
    loaded: Option<&Loaded>,
    base: Option<&Base>,
) -> PyResult<bool> {
    let py = session.py();
    let key = intern!(py, "_accessed_time");
    let known = match loaded {
        Some(loaded) => loaded.accessed.as_ref().map(|accessed| (loaded, accessed)),
        None => None,
    };
    if let (Some((loaded, before)), Some(now)) = (known, data.get_item(key)?) {
        let _entered = nesting::enter(py, Work::Write(session.as_ptr() as usize))?;
        data.set_item(key, before)?;
        let options = session.get().options()?;
        let known = loaded.payload.bind(py).as_bytes();
        let payload = options.serializer.dumps_like(known, data);
        data.set_item(key, now)?;
        if payload?.as_bytes() == known {
            return Ok(false);
        }
        if !options.serializer.writes(known) {
            // The current serializer may be unable to store it, and a request that only reads must not fail for that.
            return Changes::as_it_is(session, base, data)?.any();
        }
    }
    if loaded.is_none() && encodes_as_before(session, data, base)? {
        return Ok(false);
    }
    let text = encode::text_for_record(session, data)?;
    Changes::since(session, base, data, &text, false)?.any()
}

/// Whether `data` encodes to the loaded text, where a subclass encodes it in a way of its own. That saves the subclass a
/// call to decode its own text.
fn encodes_as_before(
    session: &Bound<'_, Session>,
    data: &Bound<'_, PyDict>,
    base: Option<&Base>,
) -> PyResult<bool> {
    let py = session.py();
    let key = intern!(py, "_accessed_time");
    let before = session.get().with(|state| state.snapshots.last_accessed(py))?;
    let (Some(Base::Loaded(known, _)), Some(before), Some(now)) = (base, before, data.get_item(key)?) else {
        return Ok(false);
    };
    data.set_item(key, before)?;
    let text = encode::text_for_record(session, data);
    data.set_item(key, now)?;
    Ok(text?.bytes[..] == known[..])
}

/// Whether two values are stored as the same.
pub(super) fn is_like(one: &Bound<'_, PyAny>, other: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(compare(one, other)? == Likeness::Same)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Likeness {
    Same,
    Different,
    /// They differ in the state that a class gives of its values, which may differ each time.
    Unknown,
}

/// Compares the parts of two values.
fn compare<'py>(one: &Bound<'py, PyAny>, other: &Bound<'py, PyAny>) -> PyResult<Likeness> {
    let py = one.py();
    if !one.get_type().is(other.get_type()) {
        return Ok(Likeness::Different);
    }
    if is_plain(one) {
        return Ok(if one.eq(other)? { Likeness::Same } else { Likeness::Different });
    }
    match difference(one, other) {
        Ok(None) => Ok(Likeness::Same),
        Ok(Some(classes)) if classes.is_empty() => Ok(Likeness::Different),
        Ok(Some(_)) => Ok(Likeness::Unknown),
        // A value that is nested too deeply to be taken apart may still be stored and compared.
        Err(error) if error.is_instance_of::<PyRecursionError>(py) => Ok(Likeness::Unknown),
        Err(error) if errors::is_the_programs(py, &error) => Err(error),
        Err(_) => Ok(Likeness::Unknown),
    }
}

/// The classes that give the parts of two different values.
fn difference<'py>(
    one: &Bound<'py, PyAny>,
    other: &Bound<'py, PyAny>,
) -> PyResult<Option<Bound<'py, PyTuple>>> {
    let likeness = one.py().import("beaker._likeness")?;
    Ok(likeness.call_method1("difference", (one, other))?.extract()?)
}

/// Whether the classes of `value` define equality, and do not compare by identity.
fn knows_its_equals(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    let name = intern!(value.py(), "__eq__");
    let by_identity = value.py().get_type::<PyAny>().getattr(name)?;
    let says = |class: &Bound<'_, PyType>| Ok::<_, PyErr>(!class.getattr(name)?.is(&by_identity));
    if !says(&value.get_type())? {
        return Ok(false);
    }
    // Nothing is like `None`, so that these are all its classes.
    let Ok(Some(classes)) = difference(value, value.py().None().bind(value.py())) else { return Ok(true) };
    for class in classes {
        if !says(class.cast::<PyType>()?)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn is_time(key: &Bound<'_, PyAny>) -> bool {
    let name = key.cast::<PyString>().ok().and_then(|key| key.to_str().ok());
    matches!(name, Some("_accessed_time" | "_creation_time"))
}

fn is_plain(value: &Bound<'_, PyAny>) -> bool {
    value.is_none()
        || value.is_exact_instance_of::<PyString>()
        || value.is_exact_instance_of::<PyInt>()
        || value.is_exact_instance_of::<PyBool>()
        || value.is_exact_instance_of::<PyBytes>()
        // A number that is not one is not equal to itself, and of the two zeros one is negative.
        || value.cast_exact::<PyFloat>().is_ok_and(|number| number.value() != 0.0 && !number.value().is_nan())
}
