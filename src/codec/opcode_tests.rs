//! Every instruction, and what is none.

#![allow(clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

use super::*;

/// Every instruction of the protocols 0 to 5, but for those on buffers that are handed over beside the pickle.
const ALL: &[(&[u8], Step)] = &[
    (b"\x80\x05", Step::Header),
    (b"\x95\0\0\0\0\0\0\0\0", Step::Header),
    (b"(", Step::Mark),
    (b".", Step::Stop),
    (b"0", Step::Pop),
    (b"1", Step::PopMark),
    (b"2", Step::Dup),
    (b"S'ab'\n", Step::Text { start: 2, len: 2 }),
    (b"Vab\n", Step::Text { start: 1, len: 2 }),
    (b"U\x02ab", Step::Text { start: 2, len: 2 }),
    (b"T\x02\0\0\0ab", Step::Text { start: 5, len: 2 }),
    (b"\x8c\x02ab", Step::Text { start: 2, len: 2 }),
    (b"X\x02\0\0\0ab", Step::Text { start: 5, len: 2 }),
    (b"\x8d\x02\0\0\0\0\0\0\0ab", Step::Text { start: 9, len: 2 }),
    (b"C\x02ab", Step::Bytes { start: 2, len: 2 }),
    (b"B\x02\0\0\0ab", Step::Bytes { start: 5, len: 2 }),
    (b"\x8e\x02\0\0\0\0\0\0\0ab", Step::Bytes { start: 9, len: 2 }),
    (b"\x96\x02\0\0\0\0\0\0\0ab", Step::Blob { len: 2 }),
    (b"\x8a\x02ab", Step::Blob { len: 2 }),
    (b"\x8b\x02\0\0\0ab", Step::Blob { len: 2 }),
    (b"F1.5\n", Step::Blob { len: 3 }),
    (b"Pab\n", Step::Blob { len: 2 }),
    (b"I12\n", Step::Decimal { len: 2 }),
    (b"L12L\n", Step::Decimal { len: 3 }),
    (b"G?\xf8\0\0\0\0\0\0", Step::Float { start: 1 }),
    (b"N", Step::None),
    (b"\x88", Step::Opaque),
    (b"\x89", Step::Opaque),
    (b")", Step::Opaque),
    (b"]", Step::Opaque),
    (b"\x8f", Step::Opaque),
    (b"K\x01", Step::Opaque),
    (b"M\x01\x02", Step::Opaque),
    (b"J\x01\x02\x03\x04", Step::Opaque),
    (b"\x82\x01", Step::Opaque),
    (b"\x83\x01\x02", Step::Opaque),
    (b"\x84\x01\x02\x03\x04", Step::Opaque),
    (b"cmod\nname\n", Step::Opaque),
    (b"}", Step::EmptyDict),
    (b"d", Step::DictMarked),
    (b"s", Step::SetItem),
    (b"u", Step::SetItems),
    (b"\x85", Step::Combine(1)),
    (b"\x86", Step::Combine(2)),
    (b"\x87", Step::Combine(3)),
    (b"Q", Step::Combine(1)),
    (b"\x93", Step::Combine(2)),
    (b"t", Step::CombineMarked),
    (b"l", Step::CombineMarked),
    (b"\x91", Step::SetMarked),
    (b"R", Step::Call(2)),
    (b"\x81", Step::Call(2)),
    (b"\x92", Step::Call(3)),
    (b"o", Step::CallMarked),
    (b"imod\nname\n", Step::CallMarked),
    (b"a", Step::Merge),
    (b"b", Step::Build),
    (b"e", Step::MergeMarked),
    (b"\x90", Step::AddItems),
    (b"p12\n", Step::Put(12)),
    (b"q\x0c", Step::Put(12)),
    (b"r\x0c\x01\0\0", Step::Put(268)),
    (b"\x94", Step::Memoize),
    (b"g12\n", Step::Get(12)),
    (b"h\x0c", Step::Get(12)),
    (b"j\x0c\x01\0\0", Step::Get(268)),
];

#[test]
fn every_instruction_is_read_with_its_operands_and_no_other_is_known() {
    for (instruction, step) in ALL {
        let mut steps = Steps::new(instruction);
        assert_eq!((steps.next(), steps.position()), (Some(*step), instruction.len()), "{instruction:?}");
        for length in 0..instruction.len() {
            assert_eq!(Steps::new(&instruction[..length]).next(), None, "{length} of {instruction:?}");
        }
    }
    for opcode in (0..=255).filter(|opcode| !ALL.iter().any(|(known, _)| known[0] == *opcode)) {
        assert_eq!(steps(&[opcode, 0, 0, 0, 0, 0, 0, 0, 0, b'\n', b'\n']), [None], "{opcode}");
    }
}

fn steps(pickle: &[u8]) -> Vec<Option<Step>> {
    let mut steps = Steps::new(pickle);
    let mut seen = Vec::new();
    while seen.last() != Some(&None) && seen.last() != Some(&Some(Step::Stop)) {
        seen.push(steps.next());
    }
    seen
}

#[test]
fn a_length_beyond_the_end_is_refused() {
    for cut in [
        &b"X\xff\xff\xff\xffabc"[..],
        b"T\xff\xff\xff\xff",
        b"\x8b\x00\x00\x00\x80",
        b"\x8d\xff\xff\xff\xff\xff\xff\xff\xffabc",
        b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7fabc",
        b"\x96\xff\xff\xff\xff\xff\xff\xff\x7fabc",
        b"\x95\x01\x00\x00\x00\x00\x00\x00\x00",
        b"\x8c\x05abcd",
        b"G\x00\x00",
        b"cno newline",
        b"q",
        b"",
    ] {
        assert_eq!(steps(cut), [None], "{cut:?}");
    }
}

#[test]
fn strings_of_every_protocol_are_found_in_place() {
    for pickle in [&b"S'ab'\n."[..], b"S\"ab\" \n.", b"Vab\n.", b"U\x02ab.", b"X\x02\x00\x00\x00ab."] {
        let [Some(Step::Text { start, len }), Some(Step::Stop)] = steps(pickle)[..] else {
            unreachable!("{pickle:?}")
        };
        assert_eq!(pickle.get(start..start + len), Some(&b"ab"[..]));
    }
}

#[test]
fn an_escaped_line_is_not_taken_for_its_spelling() {
    for pickle in [&b"S'a\\x62'\n."[..], b"V\\u0061\n.", b"V\xe9\n."] {
        let [Some(Step::Blob { .. }), Some(Step::Stop)] = steps(pickle)[..] else {
            unreachable!("{pickle:?}")
        };
    }
    assert_eq!(steps(b"S'ab\n."), [None]);
    assert_eq!(steps(b"S'\n."), [None]);
}

#[test]
fn an_instruction_across_the_end_of_a_frame_is_refused() {
    let frame = |len: u8, rest: &[u8]| [&[0x95, len, 0, 0, 0, 0, 0, 0, 0], rest].concat();
    let whole = [Some(Step::Header), Some(Step::Opaque), Some(Step::Stop)];
    assert_eq!(steps(&frame(0, b"K\x01.")), whole);
    assert_eq!(steps(&frame(1, b"K\x01.")), [Some(Step::Header), None]);
    assert_eq!(steps(&frame(2, b"K\x01.")), whole);
    assert_eq!(steps(&frame(3, b"K\x01.")), whole);
    for length in 1..=9 {
        assert_eq!(steps(&frame(length, &frame(0, b"K\x01."))), [Some(Step::Header), None]);
    }
}

#[test]
fn an_unknown_protocol_is_refused() {
    assert_eq!(steps(b"\x80\x06."), [None]);
}
