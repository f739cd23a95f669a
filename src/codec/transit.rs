//! A record that leaves its store for another one, in the store that it leaves.
//!
//! ```text
//! text    "move2." + base64(record + 0x80 + zeros)
//! ```
//!
//! The zeros (ISO/IEC 7816-4) make the base64 one without `=`. As a [pointer](super::pointer), it is a text that nobody
//! can decode who does not know this format, for sure and before anything is unpickled.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;

use crate::error::{Error, Result};

const PREFIX: &str = "move2.";
/// Ends the record; zeros follow.
const END: u8 = 0x80;
/// The bytes that base64 makes four characters of.
const GROUP: usize = 3;

/// The text of a record that leaves.
pub fn write(record: &[u8]) -> String {
    let mut body = [record, &[END]].concat();
    body.resize(body.len().next_multiple_of(GROUP), 0);
    let mut text = String::from(PREFIX);
    BASE64.encode_string(&body, &mut text);
    text
}

/// The record that leaves by `text`; `None` if it is any other record.
///
/// # Errors
/// `Corrupt` if it is one that cannot be read.
pub fn read(text: &[u8]) -> Result<Option<Vec<u8>>> {
    let Some(coded) = text.strip_prefix(PREFIX.as_bytes()) else { return Ok(None) };
    let corrupt = || Error::corrupt("read a session that moves between stores");
    let mut body = BASE64.decode(coded).map_err(|error| corrupt().with_source(error))?;
    let end = body.iter().rposition(|byte| *byte != 0).filter(|end| body.get(*end) == Some(&END));
    body.truncate(end.ok_or_else(corrupt)?);
    Ok(Some(body))
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
        fn a_record_that_leaves_is_read_again(record in prop::collection::vec(any::<u8>(), 0..99)) {
            let text = write(&record);
            prop_assert!(!pointer::is_pointer(text.as_bytes()));
            prop_assert_eq!(read(text.as_bytes()).unwrap(), Some(record));
            // Base64 never has one character more than whole groups, and Python overlooks the point.
            prop_assert_eq!(text.replace('.', "").len() % 4, 1);
            prop_assert!(!text.contains('='));
        }

        #[test]
        fn any_text_is_read_or_refused(text in prop::collection::vec(any::<u8>(), 0..60), ours in any::<bool>()) {
            let text = if ours { [PREFIX.as_bytes(), &text].concat() } else { text };
            match read(&text) {
                Ok(read) => prop_assert_eq!(read.is_some(), text.starts_with(PREFIX.as_bytes())),
                Err(error) => prop_assert_eq!(error.kind(), ErrorKind::Corrupt),
            }
        }
    }
}
