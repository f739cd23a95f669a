//! The compression around a JSON payload: zlib (RFC 1950).

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::bufread::ZlibDecoder;
use flate2::write::ZlibEncoder;

use crate::error::{Error, Result};

const DECOMPRESS: &str = "decompress a stored session";

/// The level that zlib itself, and so Python, takes when none is named.
const LEVEL: u32 = 6;

/// Compresses, so that Python's `zlib.decompress` gives `plain` back.
///
/// # Errors
/// `Invalid` if the compressor refuses, which no input is known to bring about.
pub fn compress(plain: &[u8]) -> Result<Vec<u8>> {
    let out = Vec::with_capacity(plain.len() / 2 + 64);
    let mut encoder = ZlibEncoder::new(out, Compression::new(LEVEL));
    encoder
        .write_all(plain)
        .and_then(|()| encoder.finish())
        .map_err(|error| Error::invalid("a session could not be compressed").with_source(error))
}

/// Decompresses what `zlib.compress` made, into at most `limit` bytes.
///
/// Bytes after the end of the compressed data are ignored, as `zlib.decompress` ignores them.
///
/// # Errors
/// `Corrupt` if `compressed` is not a whole zlib stream with the right checksum, or if it decompresses to more
/// than `limit` bytes; one byte more than that is all that is ever made of it.
pub fn decompress(compressed: &[u8], limit: usize) -> Result<Vec<u8>> {
    // Session data compresses to a third or so; what does not fit makes the buffer grow.
    let mut out = Vec::with_capacity(compressed.len().saturating_mul(4).clamp(64, 1 << 20).min(limit));
    ZlibDecoder::new(compressed)
        .take((limit as u64).saturating_add(1))
        .read_to_end(&mut out)
        .map_err(|error| Error::corrupt(DECOMPRESS).with_source(error))?;
    if out.len() > limit {
        return Err(
            Error::corrupt(DECOMPRESS).with_detail(format!("it is larger than the limit of {limit} bytes"))
        );
    }
    Ok(out)
}

/// Whether `bytes` begin as zlib streams without a preset dictionary do (RFC 1950, section 2.2). Of random bytes
/// one in two thousand does.
#[must_use]
pub fn has_header(bytes: &[u8]) -> bool {
    let [method, flags, ..] = *bytes else { return false };
    let (is_deflate, window_is_valid) = (method & 0x0f == 8, method >> 4 <= 7);
    let has_dictionary = flags & 0x20 != 0;
    is_deflate && window_is_valid && !has_dictionary && u16::from_be_bytes([method, flags]).is_multiple_of(31)
}

/// Whether [`decompress`] would give something. Nothing of it is kept.
#[must_use]
pub(super) fn is_whole(compressed: &[u8], limit: usize) -> bool {
    let mut decoder = ZlibDecoder::new(compressed).take((limit as u64).saturating_add(1));
    std::io::copy(&mut decoder, &mut std::io::sink()).is_ok_and(|len| len <= limit as u64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]
    use super::*;
    use crate::error::ErrorKind;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
    }

    /// `zlib.compress` of CPython 3.11.
    #[test]
    fn what_python_compressed_is_read() {
        for (compressed, plain) in [
            ("789c030000000001", &b""[..]),
            (PYTHON_JSON, br#"{"_accessed_time": 1700000000.25, "user_id": 10}"#),
        ] {
            assert_eq!(decompress(&hex(compressed), 1000).unwrap(), plain);
        }
    }

    const PYTHON_JSON: &str =
        "789cab568a4f4c4e4e2d2e4e4d892fc9cc4d55b25230343780023d23531d05a5d2e2d4a2f8cc14908c412d006c850df2";

    #[test]
    fn what_was_compressed_comes_back() {
        let long: Vec<u8> = (0..300_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        for plain in [&b""[..], b"a", &[b'x'; 100_000], &long] {
            assert_eq!(decompress(&compress(plain).unwrap(), plain.len()).unwrap(), plain);
        }
    }

    #[test]
    fn the_header_says_default_compression() {
        assert_eq!(compress(b"{}").unwrap()[..2], [0x78, 0x9c]);
    }

    #[test]
    fn what_would_exceed_the_limit_is_corrupt() {
        let bomb = compress(&vec![0; 10 << 20]).unwrap();
        let error = decompress(&bomb, 1 << 20).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.to_string().contains("limit"));
        assert!(decompress(&bomb, (10 << 20) - 1).is_err());
        assert_eq!(decompress(&bomb, 10 << 20).unwrap().len(), 10 << 20);
        assert_eq!(decompress(&bomb, usize::MAX).unwrap().len(), 10 << 20);
    }

    #[test]
    fn a_stream_cut_anywhere_is_corrupt() {
        let whole = compress(&[b'x'; 1000]).unwrap();
        for len in 0..whole.len() {
            assert_eq!(decompress(&whole[..len], 2000).unwrap_err().kind(), ErrorKind::Corrupt, "{len}");
        }
    }

    #[test]
    fn a_changed_stream_is_corrupt() {
        let mut changed = compress(b"some session").unwrap();
        *changed.last_mut().unwrap() ^= 1;
        assert_eq!(decompress(&changed, 100).unwrap_err().kind(), ErrorKind::Corrupt);
        assert_eq!(decompress(b"no zlib at all", 100).unwrap_err().kind(), ErrorKind::Corrupt);
    }

    #[test]
    fn bytes_after_the_end_are_ignored() {
        let mut long = compress(b"some session").unwrap();
        long.extend_from_slice(b"garbage");
        assert_eq!(decompress(&long, 100).unwrap(), b"some session");
    }
}
