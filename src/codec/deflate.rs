//! The compression around a JSON payload: zlib (RFC 1950).
//!
//! A compressor has tables of some hundred kilobytes and a decompressor has a window. For a session of some hundred
//! bytes it takes longer to allocate and clear them than to use them, so each thread keeps one of each.

use std::cell::RefCell;
use std::thread::LocalKey;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use crate::error::{Error, Result};

const COMPRESS: &str = "a session could not be compressed";
const DECOMPRESS: &str = "decompress a stored session";

/// The level that zlib itself, and so Python, takes when none is named.
const LEVEL: u32 = 6;

/// Compresses, so that Python's `zlib.decompress` gives `plain` back.
///
/// # Errors
/// `Invalid` if the compressor refuses, which no input is known to bring about.
pub fn compress(plain: &[u8]) -> Result<Vec<u8>> {
    with(
        &COMPRESSOR,
        || Compress::new(Compression::new(LEVEL), true),
        |compressor| {
            compressor.reset();
            let mut out = Vec::with_capacity(plain.len() / 2 + 64);
            loop {
                let status = compressor
                    .compress_vec(rest(plain, compressor.total_in()), &mut out, FlushCompress::Finish)
                    .map_err(|error| Error::invalid(COMPRESS).with_source(error))?;
                match status {
                    Status::StreamEnd => return Ok(out),
                    // There was no room left.
                    Status::Ok | Status::BufError => out.reserve(out.capacity().max(64)),
                }
            }
        },
    )
}

thread_local! {
    static COMPRESSOR: RefCell<Option<Compress>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompress>> = const { RefCell::new(None) };
}

/// Works with the thread's own `T`, which is made when it is first needed; or with a new one, should the thread be
/// at its end, where it has none any more.
fn with<T, R>(
    own: &'static LocalKey<RefCell<Option<T>>>,
    make: impl Fn() -> T,
    work: impl FnOnce(&mut T) -> R,
) -> R {
    let taken = own.try_with(RefCell::take).ok().flatten();
    let mut tool = taken.unwrap_or_else(make);
    let result = work(&mut tool);
    // One that is lost is made again.
    let _kept = own.try_with(|own| own.replace(Some(tool)));
    result
}

/// What is left of `input` after its first `done` bytes.
fn rest(input: &[u8], done: u64) -> &[u8] {
    usize::try_from(done).ok().and_then(|done| input.get(done..)).unwrap_or_default()
}

/// Decompresses what `zlib.compress` made, into at most `limit` bytes.
///
/// Bytes after the end of the compressed data are ignored, as `zlib.decompress` ignores them.
///
/// # Errors
/// `Corrupt` if `compressed` is not a whole zlib stream with the right checksum, or if it decompresses to more
/// than `limit` bytes; one byte more than that is all that is ever made of it.
pub fn decompress(compressed: &[u8], limit: usize) -> Result<Vec<u8>> {
    let too_large =
        || Error::corrupt(DECOMPRESS).with_detail(format!("it is larger than the limit of {limit} bytes"));
    // Session data compresses to a third or so; what does not fit makes the buffer grow.
    let mut out = Vec::with_capacity(compressed.len().saturating_mul(4).clamp(64, 1 << 20).min(limit));
    with(
        &DECOMPRESSOR,
        || Decompress::new(true),
        |decompressor| {
            decompressor.reset(true);
            loop {
                let input = rest(compressed, decompressor.total_in());
                let status = decompressor
                    .decompress_vec(input, &mut out, FlushDecompress::None)
                    .map_err(|error| Error::corrupt(DECOMPRESS).with_source(error))?;
                match status {
                    _ if out.len() > limit => return Err(too_large()),
                    Status::StreamEnd => return Ok(out),
                    Status::Ok | Status::BufError if out.len() == out.capacity() => {
                        // One byte more than the limit is all that is ever asked for.
                        let growth = out.len().max(64).min(limit.saturating_add(1) - out.len());
                        out.reserve_exact(growth);
                    }
                    // It has room left, so it has no input left.
                    Status::Ok | Status::BufError => {
                        return Err(Error::corrupt(DECOMPRESS).with_detail("it ends too early"));
                    }
                }
            }
        },
    )
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
    fn a_limit_of_nothing_lets_nothing_through() {
        assert_eq!(decompress(&compress(b"").unwrap(), 0).unwrap(), b"");
        assert!(decompress(&compress(b"a").unwrap(), 0).unwrap_err().to_string().contains("limit"));
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
