//! The way of a JSON session: its base64 text ([`text`]) and its compression with a bound ([`deflate`]).

use beaker_core::codec::{deflate, is_modest_json, looks_like_pickle, looks_like_zlib, text};
use beaker_core::error::ErrorKind;

use crate::input::edit_and_rest;

/// The bytes that reading may set aside beyond what it gives.
const SLACK: usize = 4096;

/// Tries the laws on a limit and bytes, which stand for what is decoded and for what is encoded.
pub fn hold(data: &[u8]) {
    let (edit, rest) = edit_and_rest(data);
    let limit = edit.place(usize::from(u16::MAX));
    decompression_is_bounded(rest, limit);
    let compressed = compress(rest);
    the_limit_is_exact(&compressed, rest);
    a_stream_that_is_cut_is_corrupt(&compressed, edit.place(compressed.len()));
    only_canonical_text_is_read(rest);
    // Whatever it answers: it goes through anything without a panic or a loop.
    let _is_pickle = looks_like_pickle(rest);
    what_is_modest_stays_so_when_more_is_stored_of_it(rest, limit);
}

fn decompression_is_bounded(compressed: &[u8], limit: usize) {
    match deflate::decompress(compressed, limit) {
        Ok(plain) => {
            assert!(plain.len() <= limit);
            assert!(plain.capacity() <= 2 * (limit + 1) + SLACK);
            assert!(deflate::has_header(compressed) && looks_like_zlib(compressed, limit));
            the_limit_is_exact(compressed, &plain);
            the_limit_is_exact(&compress(&plain), &plain);
            let followed = [compressed, b"\0 anything"].concat();
            assert_eq!(deflate::decompress(&followed, limit).ok().as_deref(), Some(&*plain));
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Corrupt);
            assert!(!looks_like_zlib(compressed, limit));
        }
    }
}

/// What has just room is given, and with one byte less of room it is corrupt.
fn the_limit_is_exact(compressed: &[u8], plain: &[u8]) {
    assert_eq!(deflate::decompress(compressed, plain.len()).ok().as_deref(), Some(plain));
    assert_eq!(deflate::decompress(compressed, usize::MAX).ok().as_deref(), Some(plain));
    if let Some(less) = plain.len().checked_sub(1) {
        let error = deflate::decompress(compressed, less).expect_err("it exceeds the limit");
        assert_eq!(error.kind(), ErrorKind::Corrupt);
    }
}

fn compress(plain: &[u8]) -> Vec<u8> {
    let compressed = deflate::compress(plain).expect("anything can be compressed");
    assert!(deflate::has_header(&compressed));
    // Stored blocks, which hold what cannot be compressed, add five bytes to each of their 16 KiB or more.
    assert!(compressed.len() <= plain.len() + 5 * (plain.len() / 16_383 + 1) + 6);
    compressed
}

fn a_stream_that_is_cut_is_corrupt(whole: &[u8], place: usize) {
    let (cut, rest) = whole.split_at(place);
    if !rest.is_empty() {
        let error = deflate::decompress(cut, usize::MAX).expect_err("its checksum is missing");
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(!looks_like_zlib(cut, usize::MAX));
    }
}

/// No bytes have two texts.
fn only_canonical_text_is_read(bytes: &[u8]) {
    let encoded = text::encode_plain(bytes);
    assert_eq!(text::decode_plain(encoded.as_bytes()).ok().as_deref(), Some(bytes));
    match text::decode_plain(bytes) {
        Ok(decoded) => assert_eq!(text::encode_plain(&decoded).as_bytes(), bytes.trim_ascii_end()),
        Err(error) => assert_eq!(error.kind(), ErrorKind::Corrupt),
    }
}

/// A text that is worth what is stored of it is worth more, and so is each beginning of it.
fn what_is_modest_stays_so_when_more_is_stored_of_it(json: &[u8], stored: usize) {
    if is_modest_json(json, stored) {
        assert!(is_modest_json(json, stored + 1));
        let (beginning, _) = json.split_at(json.len() / 2);
        assert!(is_modest_json(beginning, stored));
    }
}
