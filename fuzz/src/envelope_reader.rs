//! Reading the envelope of a stored session without executing it: [`envelope`].

use beaker_core::codec::{Envelope, Expiry, envelope};
use beaker_core::error::{ErrorKind, Result};

use crate::input::{Edit, Source, edit_and_rest, huge, is_chosen, latin_1, texts};
use crate::pickles::{self, Value};

/// At how many places an envelope is cut.
const CUTS: usize = 16;

/// Tries the laws on a change and bytes, which stand for a file, for a text with its owner, and for a dict.
pub fn hold(data: &[u8]) {
    let (edit, rest) = edit_and_rest(data);
    what_is_read_was_in_the_bytes(rest);
    both_readers_agree(rest);
    for text in texts(rest) {
        let (text, owner) = edit.halves(&text);
        let expires_at = rest.first_chunk().map(|moment| f64::from_be_bytes(*moment));
        for expires_at in [None, expires_at.filter(|moment| !moment.is_nan())] {
            what_was_written_is_read(text, None, expires_at, edit);
            what_was_written_is_read(text, Some(owner), expires_at, edit);
        }
    }
    the_envelope_of_any_dict_is_read(&mut Source::new(rest));
    if is_chosen(data) {
        what_is_read_was_in_the_bytes(&huge(rest));
        what_is_read_was_in_the_bytes(&[b"\x80\x02}", &*huge(rest), b"."].concat());
    }
}

fn what_is_read_was_in_the_bytes(bytes: &[u8]) {
    match envelope::read(bytes) {
        Ok(Some(found)) => {
            assert!(found.text.start <= found.text.end);
            assert!(bytes.get(found.text).is_some());
            if let Some(owner) = found.owner {
                assert!(owner.is_empty() || memchr::memmem::find(bytes, owner.as_bytes()).is_some());
            }
        }
        Ok(None) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::Corrupt),
    }
}

/// The usual shapes are recognized byte by byte. With an instruction more that does nothing they are not, and
/// what is read must be the same.
fn both_readers_agree(bytes: &[u8]) {
    let Ok(found) = envelope::read(bytes) else { return };
    let Some(before_the_end) = bytes.strip_suffix(b".") else { return };
    let walked = [before_the_end, b"N0."].concat();
    assert_eq!(known(envelope::read(&walked)), Some(found.clone()));
    let followed = [bytes, b"\0anything"].concat();
    assert_eq!(known(envelope::read(&followed)), Some(found));
}

fn known(read: Result<Option<Envelope>>) -> Option<Option<Envelope>> {
    read.ok()
}

fn what_was_written_is_read(text: &str, owner: Option<&str>, expires_at: Option<f64>, edit: Edit) {
    let written = envelope::write(text, owner, expires_at).expect("it is shorter than 4 GiB");
    let range = known(envelope::read(&written)).flatten().map(|found| found.text).unwrap_or_default();
    assert_eq!(written.get(range.clone()), Some(text.as_bytes()));
    let expiry = Expiry::at_head_of(&written);
    assert_eq!(expiry.map(|expiry| expiry.at), expires_at);
    let expected = Envelope { text: range.clone(), owner: owner.map(str::to_owned), expiry };
    assert_eq!(known(envelope::read(&written)), Some(Some(expected.clone())));
    both_readers_agree(&written);

    let length = written.len();
    for end in (0..length).step_by(length / CUTS + 1).chain([length - 1]) {
        let cut = written.get(..end).unwrap_or_default();
        assert_eq!(envelope::read(cut).map_err(|error| error.kind()), Err(ErrorKind::Corrupt));
    }
    let changed = edit.of_bytes(&written);
    what_is_read_was_in_the_bytes(&changed);
    both_readers_agree(&changed);

    // A touch changes text in place, and the rest stays what it is.
    let mut touched = written;
    touched.get_mut(range).into_iter().flatten().for_each(|byte| *byte = b'A');
    assert_eq!(known(envelope::read(&touched)), Some(Some(expected)));
}

/// Whatever a program has put beside the session.
fn the_envelope_of_any_dict_is_read(source: &mut Source<'_>) {
    let (style, mut dict) = pickles::session(source);
    // Mostly one that has a session.
    if source.byte() < 192 {
        dict.push((Value::Text("session".to_owned()), Value::Text(latin_1(source.bytes(100)))));
    }
    if source.byte() < 128 {
        dict.push((Value::Text("id".to_owned()), Value::from(source)));
    }
    let last = |name: &str| {
        let is_it = |key: &Value| matches!(key, Value::Text(text) if text == name);
        dict.iter().rev().find(|(key, _)| is_it(key)).map(|(_, value)| value.clone())
    };
    let pickle = pickles::pickle(style, &dict).bytes;
    let read = envelope::read(&pickle);
    both_readers_agree(&pickle);
    let expected = match last("session") {
        None | Some(Value::None) => return assert_eq!(known(read), Some(None)),
        Some(value) => bytes_of(&value, &pickle),
    };
    let Some(expected) = expected else {
        assert_eq!(read.map_err(|error| error.kind()), Err(ErrorKind::Corrupt));
        return;
    };
    let found = read.ok().flatten().expect("there is a session in it");
    assert_eq!(pickle.get(found.text), Some(&*expected));
    let owner = last("id").and_then(|id| bytes_of(&id, &pickle)).and_then(|id| String::from_utf8(id).ok());
    assert_eq!(found.owner, owner);
}

/// What a reader can take for text. Bytes too, as Python 2 wrote text; in protocol 2 they are the call of a function.
fn bytes_of(value: &Value, pickle: &[u8]) -> Option<Vec<u8>> {
    match value {
        Value::Text(text) => Some(text.as_bytes().to_vec()),
        Value::Bytes(bytes) if pickle.get(1) != Some(&2) => Some(bytes.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeds_have_envelopes_with_and_without_an_owner_and_some_that_are_walked_through() {
        for (seed, owner) in [
            (&include_bytes!("../seeds/envelope_reader/protocol-2")[..], None),
            (include_bytes!("../seeds/envelope_reader/owner"), Some("ab.cd")),
            (include_bytes!("../seeds/envelope_reader/protocol-0"), None),
            (include_bytes!("../seeds/envelope_reader/protocol-5"), None),
        ] {
            let (_, file) = edit_and_rest(seed);
            let found = envelope::read(file).ok().flatten().expect("an envelope");
            assert_eq!(file.get(found.text), Some(&b"gAJ9cQAu"[..]));
            assert_eq!(found.owner.as_deref(), owner);
        }
    }
}
