//! Stored texts of format 2: [`Records`], with keys and without.

use std::sync::LazyLock;

use beaker_core::codec::record::Opened;
use beaker_core::codec::{KeyPair, RecordFormat, Records, record};
use beaker_core::error::{ErrorKind, Result};

use crate::input::{Edit, edit_and_rest};
use crate::keys::{FOREIGN_KEYS, KEYS, SILENT_KEYS};

const ID: &str = "f9b61ddc49ba4d9ea0a1b4f4a4b3a5c0";
const OTHER_ID: &str = "f9b61ddc49ba4d9ea0a1b4f4a4b3a5c1";

/// Without keys, with both, with the older alone, with somebody else's, and with those that write nothing.
struct All {
    plain: Records,
    ours: Records,
    older: Records,
    foreign: Records,
    silent: Records,
}

static ALL: LazyLock<All> = LazyLock::new(|| {
    let records = |keys: &[KeyPair<'_>]| Records::new(keys).expect("the keys are valid");
    let (_, older) = KEYS.split_at(1);
    All {
        plain: records(&[]),
        ours: records(&KEYS),
        older: records(older),
        foreign: records(&FOREIGN_KEYS),
        silent: records(&SILENT_KEYS),
    }
});

/// Tries the laws on a change and bytes, which stand for what is stored, for a time and for a payload.
pub fn hold(data: &[u8]) {
    let (edit, rest) = edit_and_rest(data);
    what_is_read_is_spelt_in_one_way(rest);
    let accessed = f64::from_be_bytes(rest.first_chunk().copied().unwrap_or_default());
    for records in [&ALL.plain, &ALL.ours] {
        let text = write(records, rest, accessed);
        a_record_comes_back(records, rest, accessed, &text);
        a_change_is_noticed(records, &text, edit);
    }
    older_keys_are_told_from_the_newest(rest, accessed);
    a_touch_is_a_write(rest, accessed);
}

fn is_refused(result: Result<Opened>) -> bool {
    result.is_err_and(|error| error.kind() == ErrorKind::Corrupt)
}

fn write(records: &Records, payload: &[u8], accessed: f64) -> String {
    let text = records.write(ID, payload, accessed).expect("a short payload can be written");
    assert!(record::names_its_format(text.as_bytes()));
    assert_eq!(RecordFormat::of(text.as_bytes()), RecordFormat::Two);
    text
}

fn what_is_read_is_spelt_in_one_way(stored: &[u8]) {
    match ALL.plain.read(ID, stored) {
        Ok(opened) => assert_eq!(write(&ALL.plain, opened.payload(), opened.accessed).as_bytes(), stored),
        Err(error) => assert_eq!(error.kind(), ErrorKind::Corrupt),
    }
    assert!(is_refused(ALL.silent.read(ID, stored)));
}

fn a_record_comes_back(records: &Records, payload: &[u8], accessed: f64, text: &str) {
    let opened = records.read(ID, text.as_bytes()).expect("what was written is read");
    assert_eq!((opened.payload(), opened.accessed.to_bits()), (payload, accessed.to_bits()));
    assert!(opened.is_current);
    assert!(is_refused(records.read(OTHER_ID, text.as_bytes())));
    for stranger in [&ALL.foreign, if records.encrypts() { &ALL.plain } else { &ALL.ours }] {
        assert!(is_refused(stranger.read(ID, text.as_bytes())));
    }
}

fn a_change_is_noticed(records: &Records, text: &str, edit: Edit) {
    let changed = edit.of_bytes(text.as_bytes());
    if changed != text.as_bytes() {
        assert!(is_refused(records.read(ID, &changed)), "{text:?} by {edit:?}");
    }
}

fn older_keys_are_told_from_the_newest(payload: &[u8], accessed: f64) {
    let text = write(&ALL.older, payload, accessed);
    let opened = ALL.ours.read(ID, text.as_bytes()).expect("what an older key wrote is read");
    assert_eq!((opened.payload(), opened.is_current), (payload, false));
    assert!(is_refused(ALL.older.read(ID, write(&ALL.ours, payload, accessed).as_bytes())));
}

fn a_touch_is_a_write(payload: &[u8], accessed: f64) {
    let mut text = write(&ALL.plain, payload, 0.0).into_bytes();
    let opened = ALL.plain.read(ID, &text).expect("what was written is read");
    let splice = opened.checksum.and_then(|checksum| checksum.touch(accessed)).expect("it can be touched");
    let (_, tail) = text.split_at_mut(splice.offset);
    let (place, _) = tail.split_at_mut(splice.bytes().len());
    place.copy_from_slice(splice.bytes());
    assert_eq!(text, write(&ALL.plain, payload, accessed).into_bytes());
}
