//! Whether bytes that nothing authenticates are at least sound in form.
//!
//! Data encrypted with AES-CTR decrypts to something under every key. These tests tell the key that it was
//! made with from any other, so that what a wrong key gives is never decoded. They are no defence against
//! malice.

use super::deflate;
use super::opcode::{Step, Steps};

/// Whether `bytes` are one whole pickle of protocol 2 to 5: instructions from its header up to its end, of which
/// none is carried out. Of 16 million random texts not one is expected to pass.
#[must_use]
pub fn looks_like_pickle(bytes: &[u8]) -> bool {
    let [0x80, 2..=5, .., b'.'] = bytes else { return false };
    let mut steps = Steps::new(bytes);
    loop {
        match steps.next() {
            None => return false,
            Some(Step::Stop) => return steps.position() == bytes.len(),
            Some(_) => {}
        }
    }
}

/// Whether `bytes` are one whole zlib stream, with the right checksum, of at most `limit` bytes unfolded. None
/// of them is kept.
#[must_use]
pub fn looks_like_zlib(bytes: &[u8], limit: usize) -> bool {
    deflate::has_header(bytes) && deflate::is_whole(bytes, limit)
}
