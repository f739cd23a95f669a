//! Following the instructions of a pickle: where its access time is ([`locate`], [`splice`]), how much work its
//! values are ([`weigh`], [`is_bounded`]), whether it is one ([`looks_like_pickle`]).

use beaker_core::codec::{
    envelope, is_bounded, locate, looks_like_pickle, looks_like_zlib, splice, text, weigh, with_access_time,
};

use crate::input::{Source, edit_and_rest, huge, is_chosen};
use crate::pickles::{self, Value};

/// Nothing that is inflated here is longer.
const INFLATED: usize = 1 << 16;

/// Tries the laws on a change, whose bytes stand for a time too, and bytes, which stand for a pickle and for what is
/// pickled.
pub fn hold(data: &[u8]) {
    let (edit, rest) = edit_and_rest(data);
    let time = f64::from_bits(0x41da_0000_0000_0000 ^ u64::try_from(edit.place(usize::MAX - 1)).unwrap_or(0));
    a_located_time_is_changed_in_place(rest, time);
    what_follows_the_end_changes_no_answer(rest);
    // The form that every key makes of what another one encrypted.
    assert!(!(looks_like_pickle(rest) && looks_like_zlib(rest, INFLATED)));

    let session = what_is_pickled_is_understood(&mut Source::new(rest), time);
    let changed = edit.of_bytes(&session);
    a_located_time_is_changed_in_place(&changed, time);
    what_follows_the_end_changes_no_answer(&changed);
    if is_chosen(data) {
        every_answer_takes_linear_time(rest);
    }
}

fn a_located_time_is_changed_in_place(pickle: &[u8], time: f64) {
    let Some(offset) = locate(pickle) else {
        return assert_eq!(with_access_time(pickle, time), None);
    };
    assert!(looks_like_pickle(pickle));
    let (before, rest) = pickle.split_at(offset);
    let (_, after) = rest.split_at(8);
    let expected = [before, &time.to_be_bytes(), after].concat();
    assert_eq!(with_access_time(pickle, time).as_deref(), Some(&*expected));

    let mut encoded = text::encode_plain(pickle).into_bytes();
    let length = encoded.len();
    let spliced = splice(&encoded, offset, time).expect("the pickle is in the text");
    let new = spliced.bytes();
    encoded.splice(spliced.offset..spliced.offset + new.len(), new.iter().copied());
    assert_eq!(encoded.len(), length);
    let decoded = text::decode_plain(&encoded).expect("it is a text still");
    assert!(decoded == expected);
    assert_eq!(locate(&decoded), Some(offset));
    assert_eq!(weigh(&decoded), weigh(pickle));
}

/// Whoever reads a pickle stops at its end. To be one whole pickle and nothing else, nothing may follow.
fn what_follows_the_end_changes_no_answer(pickle: &[u8]) {
    let followed = [pickle, b"\0"].concat();
    assert!(!looks_like_pickle(&followed) && locate(&followed).is_none());
    if let Some(weight) = weigh(pickle) {
        assert!(is_bounded(pickle));
        assert_eq!(weigh(&followed), Some(weight));
    }
}

/// A session as Python writes it. Returns its pickle.
fn what_is_pickled_is_understood(source: &mut Source<'_>, time: f64) -> Vec<u8> {
    let (style, mut dict) = pickles::session(source);
    if source.byte() < 192 {
        let place = usize::from(source.byte()) % (dict.len() + 1);
        dict.insert(place, (Value::Text("_accessed_time".to_owned()), Value::Float(time)));
    }
    let pickle = pickles::pickle(style, &dict);
    let is_time = |key: &Value| matches!(key, Value::Text(name) if name == "_accessed_time");
    let times: Vec<_> = dict.iter().zip(&pickle.floats).filter(|((key, _), _)| is_time(key)).collect();
    let expected = match times[..] {
        [(_, float)] => *float,
        // A dict has a key once; a pickle that says otherwise was not made of one.
        _ => None,
    };
    assert_eq!(locate(&pickle.bytes), expected, "{style:?} {dict:?}");
    assert!(looks_like_pickle(&pickle.bytes) && weigh(&pickle.bytes).is_some());
    a_located_time_is_changed_in_place(&pickle.bytes, time);
    pickle.bytes
}

fn every_answer_takes_linear_time(part: &[u8]) {
    for begin in [&b""[..], b"\x80\x02}q\0(", b"\x80\x04}\x94("] {
        for end in [&b""[..], b"u.", b"."] {
            let pickle = [begin, &*huge(part), end].concat();
            let _answers = (locate(&pickle), weigh(&pickle), looks_like_pickle(&pickle));
            let _bounded = is_bounded(&pickle);
            let _envelope = envelope::read(&pickle);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeds_have_pickles_of_every_protocol_that_has_an_access_time_in_place() {
        for seed in [
            &include_bytes!("../seeds/pickle_reader/protocol-2")[..],
            include_bytes!("../seeds/pickle_reader/protocol-3"),
            include_bytes!("../seeds/pickle_reader/protocol-4"),
            include_bytes!("../seeds/pickle_reader/protocol-5"),
        ] {
            assert!(locate(edit_and_rest(seed).1).is_some());
        }
    }
}
