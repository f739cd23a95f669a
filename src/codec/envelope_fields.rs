//! What an envelope holds.

use std::fmt;
use std::ops::Range;

use crate::id::SessionId;

/// How an envelope that carries an expiry begins: eight bytes of the moment follow.
pub(super) const EXPIRY_KEY: &[u8] = b"\x80\x02}q\x00(X\x0d\0\0\0beaker expiryq\x01G";

/// What an envelope holds.
#[derive(Clone, PartialEq)]
pub struct Envelope {
    /// Where the session's text is, within the bytes that were read. It has not been looked at.
    pub text: Range<usize>,
    /// The id of the session that the envelope was written for, if it says so.
    pub owner: Option<String>,
    /// The end of the record's lifetime, if it carries one.
    pub expiry: Option<Expiry>,
}

/// The end of a record's lifetime, as an envelope carries it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expiry {
    /// Seconds since the epoch; infinite for a record that is kept until it is deleted.
    pub at: f64,
    /// Where its eight bytes are, a big-endian double, within the bytes that were read.
    pub offset: usize,
}

impl Expiry {
    /// The number of bytes of the moment.
    pub const LENGTH: usize = 8;

    /// The number of bytes at the head of an envelope that tell the expiry.
    pub const HEAD: usize = EXPIRY_KEY.len() + Self::LENGTH;

    pub(super) fn read(bytes: &[u8], offset: usize) -> Option<Self> {
        let (moment, _) = bytes.get(offset..)?.split_first_chunk()?;
        let at = f64::from_be_bytes(*moment);
        (!at.is_nan()).then_some(Self { at, offset })
    }

    /// The expiry that the first bytes of an envelope tell, if [`write`](super::envelope::write) made it with one.
    #[must_use]
    pub fn at_head_of(bytes: &[u8]) -> Option<Self> {
        let expiry = Self::read(bytes, EXPIRY_KEY.len())?;
        bytes.starts_with(EXPIRY_KEY).then_some(expiry)
    }
}

impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let owner = self.owner.as_deref().map(|owner| SessionId::from_request(owner).abbreviated());
        f.debug_struct("Envelope")
            .field("text", &self.text)
            .field("owner", &owner)
            .field("expiry", &self.expiry)
            .finish()
    }
}
