//! Stand-in.
use crate::error::{Error, Result};
use std::ops::Range;

pub(super) struct Envelope {
    pub(super) text: Range<usize>,
    pub(super) owner: Option<String>,
}

pub(super) fn read(bytes: &[u8]) -> Result<Option<Envelope>> {
    let bad = || Error::corrupt("read envelope");
    let n = bytes.get(..8).and_then(|b| b.try_into().ok()).map(u64::from_le_bytes).ok_or_else(bad)? as usize;
    let text = 8..8 + n;
    bytes.get(text.clone()).ok_or_else(bad)?;
    let owner = bytes.get(8 + n..).ok_or_else(bad)?;
    let owner = match owner {
        [] => None,
        [_, rest @ ..] => Some(String::from_utf8(rest.to_vec()).map_err(|_| bad())?),
    };
    Ok(Some(Envelope { text, owner }))
}
pub(super) fn write(text: &[u8], owner: Option<&str>) -> (Vec<u8>, usize) {
    let mut v = (text.len() as u64).to_le_bytes().to_vec();
    v.extend_from_slice(text);
    if let Some(o) = owner {
        v.push(b'o');
        v.extend_from_slice(o.as_bytes());
    }
    (v, 8)
}
