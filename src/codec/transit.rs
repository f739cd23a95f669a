//! A record on its way from one store to another, in the store that it goes to.
//!
//! ```text
//! text    "move2." + base64(since(8) + record + 0x80 + zeros)
//! ```
//!
//! `since` are seconds since the epoch as a big-endian float. The zeros (ISO/IEC 7816-4) make the base64 one without `=`.
//! As a [pointer](super::pointer), it is a text that nobody can decode who does not know this format, for sure and
//! before anything is unpickled.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;

use crate::error::{Error, Result};

const PREFIX: &str = "move2.";
const TIME: usize = 8;
/// Ends the record; zeros follow.
const END: u8 = 0x80;
/// The bytes that base64 makes four characters of.
const GROUP: usize = 3;

/// A record on its way.
#[derive(Clone, Debug, PartialEq)]
pub struct Transit {
    /// When it was put there, in seconds since the epoch.
    pub since: f64,
    /// The record.
    pub data: Vec<u8>,
}

impl Transit {
    /// The text to store.
    #[must_use]
    pub fn write(&self) -> String {
        let mut body = [&self.since.to_be_bytes()[..], &self.data, &[END]].concat();
        body.resize(body.len().next_multiple_of(GROUP), 0);
        let mut text = String::from(PREFIX);
        BASE64.encode_string(&body, &mut text);
        text
    }

    /// The record on its way that `text` is; `None` if it is any other record.
    ///
    /// # Errors
    /// `Corrupt` if it is one that cannot be read.
    pub fn read(text: &[u8]) -> Result<Option<Self>> {
        let Some(coded) = text.strip_prefix(PREFIX.as_bytes()) else { return Ok(None) };
        let corrupt = || Error::corrupt("read a record that moves between stores");
        let body = BASE64.decode(coded).map_err(|error| corrupt().with_source(error))?;
        let (since, rest) = body.split_first_chunk::<TIME>().ok_or_else(corrupt)?;
        let end = rest.iter().rposition(|byte| *byte != 0).ok_or_else(corrupt)?;
        match rest.split_at_checked(end) {
            Some((data, [END, ..])) => {
                Ok(Some(Self { since: f64::from_be_bytes(*since), data: data.to_vec() }))
            }
            _ => Err(corrupt()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

    use proptest::prelude::*;

    use super::*;
    use crate::codec::pointer;
    use crate::error::ErrorKind;

    proptest! {
        #[test]
        fn a_record_on_its_way_arrives(since in any::<f64>(), data in prop::collection::vec(any::<u8>(), 0..99)) {
            let text = Transit { since, data: data.clone() }.write();
            let read = Transit::read(text.as_bytes()).unwrap().unwrap();
            prop_assert_eq!(read.since.to_bits(), since.to_bits());
            prop_assert_eq!(read.data, data);
            prop_assert!(!pointer::is_pointer(text.as_bytes()));
            // One character more than base64 can have.
            prop_assert_eq!(text.chars().filter(char::is_ascii_alphanumeric).count() % 4, text.matches(['+', '/']).count().wrapping_neg().wrapping_add(1) % 4);
            prop_assert!(!text.contains('='));
        }

        #[test]
        fn any_text_is_read_or_refused(text in prop::collection::vec(any::<u8>(), 0..60), ours in any::<bool>()) {
            let text = if ours { [PREFIX.as_bytes(), &text].concat() } else { text };
            match Transit::read(&text) {
                Ok(read) => prop_assert_eq!(read.is_some(), text.starts_with(PREFIX.as_bytes())),
                Err(error) => prop_assert_eq!(error.kind(), ErrorKind::Corrupt),
            }
        }
    }
}
