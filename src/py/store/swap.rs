//! Changes by the method `swap` of a backend's class, which compares and changes in one step: they hold among all that
//! use the backend, on whichever machine. `docs/stores.md` tells who writes a backend what the method promises.

use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::namespace_text::{KEY, text_in, version_of};
use crate::py::errors::{CorruptSessionError, LockError};
use crate::py::once::intern;
use crate::store::{Deleted, Expect, Patch, Written};

/// How often a change that holds for any text is tried, where others change the record each time.
const ATTEMPTS: usize = 64;

/// Whether the class of `namespace` has the method. What an object alone has is not asked, since it may stand for anything.
pub(super) fn is_offered(namespace: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(namespace
        .get_type()
        .getattr_opt(intern!(namespace.py(), "swap"))?
        .is_some_and(|swap| swap.is_callable()))
}

/// A namespace whose class has the method, and the text that its record had when it was last seen.
pub(super) struct Swap<'a, 'py> {
    namespace: &'a Bound<'py, PyAny>,
    seen: Option<&'a [u8]>,
}

/// The record of a namespace.
enum Found {
    Nothing,
    Text(Vec<u8>),
    Corrupt,
}

impl Found {
    fn text(&self) -> Option<&[u8]> {
        match self {
            Self::Text(text) => Some(text),
            Self::Nothing | Self::Corrupt => None,
        }
    }
}

impl<'a, 'py> Swap<'a, 'py> {
    /// `None` if the class does not have the method.
    pub(super) fn of(namespace: &'a Bound<'py, PyAny>, seen: Option<&'a [u8]>) -> PyResult<Option<Self>> {
        Ok(is_offered(namespace)?.then_some(Self { namespace, seen }))
    }

    /// Writes the record.
    pub(super) fn write(&self, data: &[u8], lifetime: Option<Duration>, expect: Expect) -> PyResult<Written> {
        let is_stored = match expect {
            Expect::Absent => self.call(None, Some(data), lifetime)?,
            Expect::Version(_) => match self.expected(expect)? {
                Some(text) => self.call(Some(&text), Some(data), lifetime)?,
                None => false,
            },
            Expect::Any | Expect::Present => self.write_over(data, lifetime, expect)?,
        };
        Ok(if is_stored { Written::Stored(version_of(data)) } else { Written::Refused })
    }

    fn write_over(&self, data: &[u8], lifetime: Option<Duration>, expect: Expect) -> PyResult<bool> {
        let mut found = match (self.seen, expect) {
            (Some(text), _) => Found::Text(text.to_vec()),
            (None, Expect::Any) => Found::Nothing,
            (None, _) => self.look()?,
        };
        for _ in 0..ATTEMPTS {
            if matches!(found, Found::Nothing) && expect != Expect::Any {
                return Ok(false);
            }
            if matches!(found, Found::Corrupt) {
                self.remove()?;
            }
            if self.call(found.text(), Some(data), lifetime)? {
                return Ok(true);
            }
            found = self.look()?;
        }
        Err(busy())
    }

    /// Changes some bytes of the text, if it is the one that was loaded. `false` if there is no record.
    pub(super) fn patch(&self, patch: &Patch<'_>, lifetime: Option<Duration>) -> PyResult<bool> {
        let expect = Expect::Version(patch.renewal.version);
        let Some(text) = self.expected(expect)? else { return Ok(text_in(self.namespace)?.is_some()) };
        let mut new = text.clone();
        if let Some(place) = new.get_mut(patch.offset..patch.offset.saturating_add(patch.bytes.len())) {
            place.copy_from_slice(patch.bytes);
        }
        // Another writer that was faster stored the time of its own access.
        Ok(self.call(Some(&text), Some(&new), lifetime)? || text_in(self.namespace)?.is_some())
    }

    /// Removes the record.
    pub(super) fn delete(&self, expect: Expect) -> PyResult<Deleted> {
        let mut found = match self.seen {
            Some(seen) if expect.holds(Some(version_of(seen))) => Found::Text(seen.to_vec()),
            _ => self.look()?,
        };
        for _ in 0..ATTEMPTS {
            if let Found::Corrupt = found {
                // It has no version.
                if matches!(expect, Expect::Absent | Expect::Version(_)) {
                    return Ok(Deleted::Refused);
                }
                return self.remove().map(|()| Deleted::Record);
            }
            let deleted = expect.deletes(found.text().map(version_of));
            if deleted != Deleted::Record || self.call(found.text(), None, None)? {
                return Ok(deleted);
            }
            found = self.look()?;
        }
        Err(busy())
    }

    /// The text, if it is the expected one. A text that was seen is asked for again only where it is another.
    fn expected(&self, expect: Expect) -> PyResult<Option<Vec<u8>>> {
        let holds = |text: &[u8]| expect.holds(Some(version_of(text)));
        match self.seen.filter(|text| holds(text)) {
            Some(text) => Ok(Some(text.to_vec())),
            None => Ok(text_in(self.namespace)?.filter(|text| holds(text))),
        }
    }

    fn look(&self) -> PyResult<Found> {
        match text_in(self.namespace) {
            Ok(Some(text)) => Ok(Found::Text(text)),
            Ok(None) => Ok(Found::Nothing),
            Err(error) if error.is_instance_of::<CorruptSessionError>(self.namespace.py()) => {
                Ok(Found::Corrupt)
            }
            Err(error) => Err(error),
        }
    }

    fn remove(&self) -> PyResult<()> {
        self.namespace.call_method0(intern!(self.namespace.py(), "remove")).map(drop)
    }

    fn call(
        &self,
        expected: Option<&[u8]>,
        text: Option<&[u8]>,
        lifetime: Option<Duration>,
    ) -> PyResult<bool> {
        let py = self.namespace.py();
        let text_of = |text: &'_ [u8]| String::from_utf8_lossy(text).into_owned();
        let arguments = (intern!(py, KEY), expected.map(text_of), text.map(text_of));
        let kwargs = PyDict::new(py);
        if let Some(lifetime) = lifetime {
            kwargs.set_item(intern!(py, "expiretime"), lifetime.as_secs())?;
        }
        self.namespace.call_method(intern!(py, "swap"), arguments, Some(&kwargs))?.is_truthy()
    }
}

fn busy() -> PyErr {
    LockError::new_err(format!("others changed the session each time, in {ATTEMPTS} attempts to change it"))
}
