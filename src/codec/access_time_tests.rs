//! Pickles with an access time that is easily mistaken, and what no pickler writes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

use proptest::prelude::*;

use super::super::text::{decode_plain, encode_plain};
use super::*;

/// What the pickle is of, the pickle, and where its access time is: by CPython 3.11, but for the last ones, which are
/// made by hand. The access time is 1700000000.25.
const VECTORS: &[(&str, &str, Option<usize>)] = &[
    (
        "a plain session, protocol 2",
        "80027d710028580e0000005f61636365737365645f74696d6571014741d954fc40100000580e0000005f637265\
         6174696f6e5f74696d6571024741d954fc401000005807000000757365725f696471034b0a752e",
        Some(28),
    ),
    (
        "a plain session, protocol 3",
        "80037d710028580e0000005f61636365737365645f74696d6571014741d954fc40100000580e0000005f637265\
         6174696f6e5f74696d6571024741d954fc401000005807000000757365725f696471034b0a752e",
        Some(28),
    ),
    (
        "a plain session, protocol 4",
        "80049545000000000000007d94288c0e5f61636365737365645f74696d65944741d954fc401000008c0e5f6372\
         656174696f6e5f74696d65944741d954fc401000008c07757365725f6964944b0a752e",
        Some(32),
    ),
    (
        "a plain session, protocol 5",
        "80059545000000000000007d94288c0e5f61636365737365645f74696d65944741d954fc401000008c0e5f6372\
         656174696f6e5f74696d65944741d954fc401000008c07757365725f6964944b0a752e",
        Some(32),
    ),
    (
        "only the access time",
        "80027d7100580e0000005f61636365737365645f74696d6571014741d954fc40100000732e",
        Some(27),
    ),
    (
        "a nested dict shares the key and the float, protocol 2",
        "80027d71002858060000006261636b757071017d710228580e0000005f61636365737365645f74696d65710347\
         41d954fc40100000580e0000005f6372656174696f6e5f74696d6571044741d954fc401000007568034741d954\
         fc401000005805000000616674657271057d71062868034741d954fc4010000068044741d954fc401000007575\
         2e",
        Some(87),
    ),
    (
        "a nested dict shares the key and the float, protocol 4",
        "80049573000000000000007d94288c066261636b7570947d94288c0e5f61636365737365645f74696d65944741\
         d954fc401000008c0e5f6372656174696f6e5f74696d65944741d954fc401000007568034741d954fc40100000\
         8c056166746572947d942868034741d954fc4010000068044741d954fc4010000075752e",
        Some(82),
    ),
    (
        "a nested dict has an equal key of its own",
        "80027d71002858060000006261636b757071017d7102580e0000005f61636365737365645f74696d6571034741\
         d954fc4010000073580e0000005f61636365737365645f74696d6571044741d954fc4010000058040000006d6f\
         726571055d71067d7107580e0000005f61636365737365645f74696d6571084741d954fc401000007361752e",
        Some(75),
    ),
    (
        "keys that are tuples of the key and the float",
        "80027d710028580e0000005f61636365737365645f74696d6571014741d954fc401000008671024b0168014741\
         d954fc4010000068018771034b022868014741d954fc4010000068014741d954fc401000007471044b03680147\
         41d954fc4010000068018571054b04752e",
        Some(90),
    ),
    (
        "bytes and text that hold the needle",
        "80027d7100285801000000627101635f636f646563730a656e636f64650a7102581b0000005f61636365737365\
         645f74696d6571014741c39954c3bc40100000710358060000006c6174696e3171048671055271065801000000\
         747107581b0000005f61636365737365645f74696d6571014741c39954c3bc401000007108580e0000005f6163\
         6365737365645f74696d6571094741d954fc401000006802580e0000005f61636365737365645f74696d65710a\
         680486710b52710c4741d954fc40100000752e",
        Some(149),
    ),
    (
        "a value that is the key, and a key that is the float",
        "80027d7100285801000000767101580e0000005f61636365737365645f74696d6571024741d954fc4010000068\
         0268024741d954fc40100000752e",
        Some(49),
    ),
    (
        "objects around it",
        "80027d7100285801000000647101636461746574696d650a6461746574696d650a7102635f636f646563730a65\
         6e636f64650a7103580b00000007c3a40102000000000000710458060000006c6174696e317105867106527107\
         857108527109580e0000005f61636365737365645f74696d65710a4741d954fc40100000580100000078710b63\
         646563696d616c0a446563696d616c0a710c5803000000312e35710d85710e52710f5801000000737110635f5f\
         6275696c74696e5f5f0a7365740a71115d7112284741d954fc40100000680a6585711352711458010000006f71\
         1563636f6c6c656374696f6e730a4f726465726564446963740a711629527117680a4741d954fc401000007358\
         01000000637118635f5f6275696c74696e5f5f0a636f6d706c65780a7119473ff0000000000000474000000000\
         00000086711a52711b752e",
        Some(118),
    ),
    (
        "a list that contains itself",
        "80027d71002858010000006c71015d710228580e0000005f61636365737365645f74696d6571034741d954fc40\
         10000068026568034741d954fc40100000752e",
        Some(54),
    ),
    (
        "a tuple that contains itself",
        "80027d71002858010000006c71015d710228580e0000005f61636365737365645f74696d65710368024741d954\
         fc40100000867104654741d954fc401000003030680468034741d954fc40100000752e",
        Some(70),
    ),
    (
        "an integer as the time",
        "80027d710028580e0000005f61636365737365645f74696d6571014b0558010000007871027d710368014741d9\
         54fc4010000073752e",
        None,
    ),
    (
        "no access time at the top",
        "80027d71002858010000007871017d7102580e0000005f61636365737365645f74696d6571034741d954fc4010\
         00007358010000007971045d71052868034741d954fc4010000065752e",
        None,
    ),
    (
        "a float in a tuple as the time",
        "80027d710028580e0000005f61636365737365645f74696d6571014741d954fc40100000857102580100000078\
         71034741d954fc40100000752e",
        None,
    ),
    (
        "a session that contains itself",
        "80027d710028580e0000005f61636365737365645f74696d6571014741d954fc40100000580e0000005f637265\
         6174696f6e5f74696d6571024741d954fc4010000058020000006d6571036800752e",
        None,
    ),
    (
        "a byte string of Python 2 as the key",
        "80027d7101550e5f61636365737365645f74696d6571024741d954fc40100000732e",
        Some(24),
    ),
    (
        "the key twice",
        "80027d710028580e0000005f61636365737365645f74696d6571014741d954fc4010000068014741d954fc4010\
         0000752e",
        None,
    ),
    (
        "bytes after the end",
        "80027d710028580e0000005f61636365737365645f74696d6571014741d954fc40100000580e0000005f637265\
         6174696f6e5f74696d6571024741d954fc40100000752e78",
        None,
    ),
    (
        "a protocol without binary floats",
        "286470300a565f61636365737365645f74696d650a70310a46313730303030303030302e32350a73565f637265\
         6174696f6e5f74696d650a70320a46313730303030303030302e32350a732e",
        None,
    ),
    (
        "the key remembered from beneath what was dropped",
        "80027d710028580e0000005f61636365737365645f74696d654b013071014741d954fc4010000068014b02752e",
        None,
    ),
    (
        "a duplicated value",
        "80027d7100580e0000005f61636365737365645f74696d654741d954fc401000003230732e",
        None,
    ),
    (
        "an outermost dict that is not the first value",
        "80024e7d7100580e0000005f61636365737365645f74696d654741d954fc40100000732e",
        None,
    ),
    (
        "a dict that is built from a mark",
        "800228580e0000005f61636365737365645f74696d654741d954fc40100000642e",
        None,
    ),
];

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

/// A float in a pickle.
fn float(value: f64) -> Vec<u8> {
    [&b"G"[..], &value.to_be_bytes()].concat()
}

/// A session of `keys` keys as CPython pickles it with protocol 2: in batches of a thousand, a last single one
/// without a mark. The access time is the value of the key number `at`.
fn batched(keys: usize, at: usize) -> Vec<u8> {
    let mut pickle = b"\x80\x02}q\0".to_vec();
    let numbers: Vec<usize> = (0..keys).collect();
    for batch in numbers.chunks(1000) {
        if batch.len() > 1 {
            pickle.push(b'(');
        }
        for &number in batch {
            if number == at {
                pickle.extend(b"X\x0e\0\0\0_accessed_timeq\x01");
                pickle.extend(float(1.5));
            } else {
                pickle.push(b'M');
                pickle.extend(u16::try_from(number).unwrap().to_le_bytes());
                // A tuple of the key and a float, which is only a value.
                pickle.extend(b"X\x0e\0\0\0_accessed_time");
                pickle.extend(float(1.5));
                pickle.push(0x86);
            }
        }
        pickle.push(if batch.len() > 1 { b'u' } else { b's' });
    }
    pickle.push(b'.');
    pickle
}

#[test]
fn the_access_time_of_the_outermost_dict_is_found_and_no_other() {
    for (name, pickle, expected) in VECTORS {
        let pickle = hex(pickle);
        assert_eq!(locate(&pickle), *expected, "{name}");
        let mut changed = pickle.clone();
        if let Some(at) = *expected {
            assert_eq!(pickle[at..at + 8], 1_700_000_000.25_f64.to_be_bytes(), "{name}");
            changed[at..at + 8].copy_from_slice(&1_800_000_000.5_f64.to_be_bytes());
        }
        assert_eq!(with_access_time(&pickle, 1_800_000_000.5), expected.map(|_| changed), "{name}");
    }
}

/// `instructions`, where `k` stands for the text of the key and `f` for a float.
fn spelt(instructions: &[u8]) -> Vec<u8> {
    let mut pickle = b"\x80\x04".to_vec();
    for &byte in instructions {
        match byte {
            b'k' => pickle.extend(b"X\x0e\0\0\0_accessed_time"),
            b'f' => pickle.extend(float(1.5)),
            byte => pickle.push(byte),
        }
    }
    pickle
}

#[test]
fn no_access_time_is_found_where_an_instruction_is_none_that_a_pickler_writes_there() {
    assert!(locate(&spelt(b"}kfs.")).is_some());
    for (name, instructions) in [
        ("the outermost dict is dropped", &b"}0}kfs."[..]),
        ("a mark is dropped like a value", b"}(0kfs."),
        ("a value beneath a mark is dropped", b"}kN(0f1s."),
        ("the outermost dict is used as a list", b"}Nakfs."),
        ("the outermost dict is used as a list of several", b"}(Nekfs."),
        ("the outermost dict is used as a set", b"}(N\x90kfs."),
        ("the outermost dict gets a state", b"}Nbkfs."),
        ("an item is set beneath a mark", b"}(kfsu."),
        ("a value is left over", b"}kfsN."),
        ("a mark is left over", b"}kfs(."),
        ("the value is another dict", b"}N}kfs."),
        ("a number is given after one was counted", b"}\x94kq\x01fs."),
        ("a number is counted after one was given", b"}q\0k\x94fs."),
        ("the outermost dict is remembered twice", b"}q\0q\x05kfs."),
        ("nothing is remembered", b"}(q\0kfu."),
        ("the numbers of the key fall", b"}(Nkq\x05kq\x03fu."),
        ("the key has a number twice", b"}(Nkq\x05kq\x05fu."),
        ("another value has the number of the key", b"}(kq\x01fNq\x01Nu."),
    ] {
        assert_eq!(locate(&spelt(instructions)), None, "{name}");
    }
}

#[test]
fn it_is_found_in_whatever_batch_of_keys_it_lies() {
    for keys in [1, 2, 999, 1000, 1001, 1002, 2000, 2001, 2500] {
        for at in [0, 1, keys / 2, 998, 999, 1000, 1001, keys - 1] {
            let pickle = batched(keys, at);
            assert_eq!(locate(&pickle).is_some(), at < keys, "{at} of {keys}");
        }
    }
}

#[test]
fn a_pickle_cut_short_anywhere_has_no_access_time() {
    for (_, pickle, _) in VECTORS {
        let pickle = hex(pickle);
        for len in 0..pickle.len().saturating_sub(1) {
            assert_eq!(locate(&pickle[..len]), None);
        }
    }
}

#[test]
fn deep_nesting_neither_recurses_nor_takes_long() {
    let deep = 300_000;
    let mut pickle = b"\x80\x02}(K\x01".to_vec();
    pickle.extend(b"(]".repeat(deep));
    pickle.extend(b"t".repeat(deep));
    pickle.extend(b"X\x0e\0\0\0_accessed_time");
    pickle.extend(float(1.5));
    pickle.extend(b"u.");
    assert_eq!(locate(&pickle), Some(pickle.len() - 10));
    assert_eq!(
        locate(&b"\x80\x02}(K\x01".iter().copied().chain(b"(".repeat(deep)).collect::<Vec<_>>()),
        None
    );
}

#[test]
fn a_splice_changes_the_float_and_nothing_else() {
    for (name, pickle, at) in VECTORS {
        let (pickle, Some(at)) = (hex(pickle), *at) else { continue };
        // The offset in every position of a group of three, and the float in the last group or not.
        let mut text = encode_plain(&pickle).into_bytes();
        let splice = splice(&text, at, 1_800_000_000.5).unwrap();
        text[splice.offset..][..splice.bytes().len()].copy_from_slice(splice.bytes());
        let mut expected = pickle;
        expected[at..at + 8].copy_from_slice(&1_800_000_000.5_f64.to_be_bytes());
        assert_eq!(decode_plain(&text).unwrap(), expected, "{name}");
    }
}

#[test]
fn a_splice_beyond_the_text_or_into_no_base64_is_refused() {
    let text = encode_plain(&[7; 30]);
    for at in [23, 24, 30, 1000, usize::MAX - 3, usize::MAX] {
        assert_eq!(splice(text.as_bytes(), at, 1.0), None, "{at}");
    }
    assert!(splice(text.as_bytes(), 22, 1.0).is_some());
    assert_eq!(splice(b"BwcHBwcHBwcH*wcHBwcH", 6, 1.0), None);
    assert_eq!(splice(b"", 0, 1.0), None);
}

proptest! {
    #[test]
    fn a_splice_at_any_offset_changes_eight_bytes(
        payload in prop::collection::vec(any::<u8>(), 8..80), at in 0usize..80, new in any::<f64>(),
    ) {
        let mut text = encode_plain(&payload).into_bytes();
        match splice(&text, at, new) {
            None => prop_assert!(at + 8 > payload.len()),
            Some(splice) => {
                text[splice.offset..][..splice.bytes().len()].copy_from_slice(splice.bytes());
                let mut expected = payload;
                expected[at..at + 8].copy_from_slice(&new.to_be_bytes());
                prop_assert_eq!(decode_plain(&text).unwrap(), expected);
            }
        }
    }

    #[test]
    fn no_bytes_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = locate(&[b"\x80\x02}", &body[..]].concat());
        let _ = locate(&body);
    }

    /// Instructions in random order, which gets further than random bytes.
    #[test]
    fn no_instructions_panic_and_what_is_found_is_a_float(
        picks in prop::collection::vec(prop::sample::select(INSTRUCTIONS), 0..40),
    ) {
        let pickle = [b"\x80\x02}(", &picks.concat()[..], b"u."].concat();
        if let Some(at) = locate(&pickle) {
            prop_assert_eq!(pickle[at - 1], b'G');
            prop_assert!(at + 8 < pickle.len());
        }
    }
}

const INSTRUCTIONS: &[&[u8]] = &[
    b"0",
    b"1",
    b"2",
    b"(",
    b"s",
    b"u",
    b"}",
    b"]",
    b")",
    b"\x85",
    b"\x86",
    b"\x87",
    b"a",
    b"e",
    b"b",
    b"R",
    b"t",
    b"d",
    b"l",
    b"h\x00",
    b"h\x01",
    b"q\x00",
    b"q\x01",
    b"\x94",
    b"N",
    b"K\x05",
    b"G?\xf8\0\0\0\0\0\0",
    b"X\x0e\0\0\0_accessed_time",
    b"U\x0e_accessed_time",
    b"C\x0e_accessed_time",
];
