//! A session as its store or its cookie keeps it.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyBytes;

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
    Head(Checksum),
}

/// The text of a record, and the id that it was encoded for: under another id it may not be readable.
pub(crate) struct Text {
    pub(crate) bytes: Vec<u8>,
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

/// The value of a cookie.
#[derive(Default)]
pub(crate) struct CookieValue {
    /// The value without its protection, where that differs from `coded`.
    pub(crate) plain: Option<String>,
    /// The value as it is sent.
    pub(crate) coded: String,
}

impl CookieValue {
    /// The value without its protection.
    pub(crate) fn plain(&self) -> &str {
        self.plain.as_deref().unwrap_or(&self.coded)
    }
}
