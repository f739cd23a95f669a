//! A session as its store or its cookie keeps it.

use std::sync::Arc;

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::codec::RecordFormat;
use crate::codec::record::Checksum;
use crate::id::SessionId;
use crate::store::Record;

/// A stored session.
#[derive(Clone, Copy)]
pub(crate) enum Content<'a> {
    /// The text of a cookie of format 1.
    Text(&'a [u8]),
    /// The output of the serializer, from a cookie of format 2.
    Payload(&'a [u8]),
    /// The text of a store's record, and the record's id.
    Record(&'a [u8], &'a SessionId),
}

/// Where a stored text has the access time, so that it can be changed in place.
pub(crate) enum InPlace {
    /// In the payload, which is not encoded.
    Payload,
    /// In the head, beside a checksum.
    Head(Box<Checksum>),
}

/// The text of a record, and the id that it was encoded for: under another id it may not be readable.
pub(crate) struct Text {
    pub(crate) bytes: Arc<[u8]>,
    pub(crate) id: SessionId,
}

/// The record that the session was loaded from.
pub(crate) struct Loaded {
    pub(crate) record: Record,
    /// The serialized session.
    pub(crate) payload: Py<PyBytes>,
    /// The access time in the payload.
    pub(crate) accessed: Option<Py<PyAny>>,
    /// Where the record has the access time in the open.
    pub(crate) in_place: Option<InPlace>,
}

/// A text that the session's changes are compared with.
#[derive(Clone)]
pub(crate) enum Base {
    /// Loaded from the store, and the record's id.
    Loaded(Arc<[u8]>, SessionId),
    /// Written to the store.
    Written(Arc<Text>),
}

impl Base {
    pub(crate) fn content(&self) -> Content<'_> {
        match self {
            Self::Loaded(text, id) => Content::Record(text, id),
            Self::Written(text) => Content::Record(&text.bytes, &text.id),
        }
    }
}

/// The session's record as it is known. A method returns the objects that it replaces, which must not be dropped under
/// the lock of the fields.
#[derive(Default)]
pub(crate) struct StoredRecord {
    loaded: Option<Arc<Loaded>>,
    base: Option<Base>,
    format: Option<RecordFormat>,
}

impl StoredRecord {
    /// The record that the session was loaded from, while nothing has replaced it.
    pub(super) fn loaded(&self) -> Option<Arc<Loaded>> {
        self.loaded.clone()
    }

    #[must_use]
    pub(super) fn set_loaded(&mut self, loaded: Option<Arc<Loaded>>) -> impl Sized + use<> {
        std::mem::replace(&mut self.loaded, loaded)
    }

    /// The text that the session is a changed copy of.
    pub(super) fn base(&self) -> Option<Base> {
        self.base.clone()
    }

    /// The newest format in which the record was found.
    pub(super) fn format(&self) -> RecordFormat {
        self.format.unwrap_or(RecordFormat::One)
    }

    /// The record was loaded again, to be merged.
    pub(super) fn found_again(&mut self, data: &[u8]) {
        self.format = self.format.max(Some(RecordFormat::of(data)));
    }

    /// The record was found and decoded.
    #[must_use]
    pub(super) fn found(&mut self, data: &Arc<[u8]>, id: SessionId) -> impl Sized + use<> {
        self.format = Some(RecordFormat::of(data));
        self.base.replace(Base::Loaded(Arc::clone(data), id))
    }

    /// The record was written.
    #[must_use]
    pub(super) fn written(&mut self, text: Text) -> impl Sized + use<> {
        (self.loaded.take(), self.base.replace(Base::Written(Arc::new(text))))
    }

    /// The session has no record.
    #[must_use]
    pub(super) fn clear(&mut self) -> impl Sized + use<> {
        std::mem::take(self)
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.loaded.as_ref().map_or(Ok(()), |loaded| visit.call(&loaded.accessed))
    }
}
