//! Whether bytes that nothing authenticates are at least sound in form.
//!
//! Data encrypted with AES-CTR decrypts to something under every key. These tests tell the key that it was
//! made with from any other, so that what a wrong key gives is never decoded. They are no defence against
//! malice.

use super::deflate;
use super::opcode::{Step, Steps};

/// Whether `bytes` are one whole pickle of protocol 2 to 5: instructions from its header up to its end, of which
/// none is carried out. The first two bytes and the last alone keep out all but one in four million of random
/// texts.
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
    deflate::has_header(bytes) && deflate::decompress(bytes, limit).is_ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const PICKLE: &[u8] = b"\x80\x02}q\0X\x07\0\0\0user_idq\x01K\ns.";

    /// `pickle.dumps({'user_id': 10}, protocol)` of CPython 3.11.
    #[test]
    fn pickles_of_every_protocol_that_python_3_writes_for_sessions_are_sound() {
        for pickle in [
            PICKLE,
            b"\x80\x03}q\0X\x07\0\0\0user_idq\x01K\ns.",
            b"\x80\x04\x95\x10\0\0\0\0\0\0\0}\x94\x8c\x07user_id\x94K\ns.",
            b"\x80\x05\x95\x10\0\0\0\0\0\0\0}\x94\x8c\x07user_id\x94K\ns.",
        ] {
            assert!(looks_like_pickle(pickle), "{pickle:?}");
        }
    }

    #[test]
    fn what_is_no_whole_pickle_is_not_sound() {
        for len in 0..PICKLE.len() {
            assert!(!looks_like_pickle(&PICKLE[..len]), "{len}");
        }
        for bytes in [
            &b"(dp0\nS'user_id'\np1\nI10\ns."[..],
            b"\x80\x06}.",
            b"\x80\x01}.",
            b"\x80\x02}..",
            b"\x80\x02\xff.",
            b"\x80\x02X\xff\0\0\0.",
            b".",
        ] {
            assert!(!looks_like_pickle(bytes), "{bytes:?}");
        }
    }

    #[test]
    fn a_whole_zlib_stream_within_the_limit_is_sound_and_nothing_else() {
        let stream = deflate::compress(&[b'x'; 100_000]).unwrap();
        assert!(looks_like_zlib(&stream, 100_000));
        assert!(!looks_like_zlib(&stream, 99_999));
        assert!(looks_like_zlib(&deflate::compress(b"").unwrap(), 0));
        for len in 0..stream.len() {
            assert!(!looks_like_zlib(&stream[..len], 100_000), "{len}");
        }
        let mut changed = stream.clone();
        *changed.last_mut().unwrap() ^= 1;
        assert!(!looks_like_zlib(&changed, 100_000));
    }

    #[test]
    fn of_all_beginnings_only_those_of_rfc_1950_are_taken_for_zlib() {
        let sound = |first: u8| (0..=255).filter(move |second| deflate::has_header(&[first, *second]));
        // The four levels that a stream with the usual window names.
        assert_eq!(sound(0x78).collect::<Vec<_>>(), [0x01, 0x5e, 0x9c, 0xda]);
        assert_eq!(sound(0x80).count() + sound(0x88).count() + sound(0x79).count(), 0);
        assert_eq!((0..=255).map(|first| sound(first).count()).sum::<usize>(), 32);
        assert!(!deflate::has_header(b"") && !deflate::has_header(b"x"));
    }

    proptest! {
        #[test]
        fn random_bytes_are_not_sound_and_none_panic(bytes in vec(any::<u8>(), 0..300)) {
            prop_assert!(!looks_like_pickle(&bytes));
            prop_assert!(!looks_like_zlib(&bytes, 1 << 20));
            // Whether these are sound is chance; that they come to an end is not.
            let _ = looks_like_pickle(&[b"\x80\x02", &bytes[..], b"."].concat());
            let _ = looks_like_zlib(&[b"\x78\x9c", &bytes[..]].concat(), 1 << 20);
        }
    }
}
