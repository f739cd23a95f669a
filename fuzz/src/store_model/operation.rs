//! What is done to a store.

use std::time::Duration;

use beaker_core::id::SessionId;
use beaker_core::store::{
    Call, Expect, LockTarget, Patch, Redirect, Renewal, Rotation, SessionStore, Version, Write,
};

use super::answer::Answer;
use super::model::Model;
use crate::input::Source;

/// Ids that are told apart, and some that share a file: with dots and without, from programs and from requests, some
/// that no file can be named by.
const IDS: [&str; 7] = ["ab", "a.b", ".ab", "0123456789abcdef0123456789abcdef", "x/y", "~", ""];

/// What is stored: texts of several lengths, some as long as another, and bytes that are no text.
const DATA: [&[u8]; 6] = [b"", b"abc", b"ABC", b"a much longer text", &[b'x'; 300], b"\xff\xfe"];

/// What a rotation leaves under the old id: mostly nothing.
const LEFT: [Option<&[u8]>; 8] =
    [None, None, None, None, Some(b""), Some(b"abc"), Some(b"left"), Some(b"ABC")];

/// For how long it is left.
pub(super) const LEFT_FOR: Duration = Duration::from_secs(2000);

/// The same where nothing goes by itself.
const AGES: Duration = Duration::from_secs(1_000_000_000);

/// What an operation is done through.
#[derive(Clone, Copy, Debug)]
pub(super) enum Via {
    Store,
    /// The holder of this number, of those that there are.
    Holder(u8),
}

#[derive(Clone, Debug)]
pub(super) enum Operation {
    /// It is so many thousands of seconds after the beginning.
    Clock(i8),
    Hold(SessionId, LockTarget),
    Release(u8),
    Sweep(u8),
    Store(Via, Verb),
}

/// Of all states that were stored and seen, which one is expected; or any of the rest of [`Expect`].
#[derive(Clone, Copy, Debug)]
pub(super) enum Expected {
    Any,
    Absent,
    Present,
    /// The one of the record as it is, if there is one.
    Current,
    /// One that was seen at some time, by its place.
    Seen(u8),
}

#[derive(Clone, Debug)]
pub(super) enum Verb {
    Load(SessionId),
    Write {
        id: SessionId,
        data: &'static [u8],
        ttl: Option<Duration>,
        expect: Expected,
    },
    Touch {
        id: SessionId,
        expect: Expected,
        offset: usize,
        bytes: &'static [u8],
        ttl: Option<Duration>,
    },
    Delete(SessionId),
    Rotate {
        old: SessionId,
        new: SessionId,
        data: &'static [u8],
        ttl: Option<Duration>,
        expect: Expected,
        left: Option<&'static [u8]>,
    },
}

/// Every id there is, as a program's.
pub(super) fn ids() -> [SessionId; IDS.len()] {
    IDS.map(SessionId::from_program)
}

/// The operations that bytes stand for: six bytes each.
pub(super) fn operations(data: &[u8]) -> impl Iterator<Item = Operation> {
    let (whole, rest) = data.as_chunks::<6>();
    let rest = (!rest.is_empty()).then_some(rest);
    whole.iter().map(|chunk| &chunk[..]).chain(rest).map(|bytes| operation(&mut Source::new(bytes)))
}

fn operation(source: &mut Source<'_>) -> Operation {
    let kind = source.below(12);
    match kind {
        0 => Operation::Clock(i8::try_from(source.below(9)).unwrap_or_default() - 2),
        1 => {
            let of = if source.byte().is_multiple_of(2) { LockTarget::Record } else { LockTarget::Id };
            Operation::Hold(id(source), of)
        }
        2 => Operation::Release(source.byte()),
        3 => Operation::Sweep(source.below(40)),
        _ => {
            let via = match source.byte() {
                holder @ 0..128 => Via::Holder(holder),
                _ => Via::Store,
            };
            Operation::Store(via, call(kind, source))
        }
    }
}

fn call(kind: u8, source: &mut Source<'_>) -> Verb {
    let id = id(source);
    match kind {
        4 | 5 => Verb::Load(id),
        6 | 7 => {
            Verb::Write { id, data: data(source.byte()), ttl: ttl(source.byte()), expect: expect(source) }
        }
        8 | 9 => {
            let expect = expect(source);
            let (offset, bytes): (usize, &[u8]) = match source.below(6) {
                0 => (0, b"XY"),
                1 => (1, b"Z"),
                2 => (3, b""),
                3 => (2, b"12"),
                4 => (usize::MAX, b"12"),
                _ => (0, b""),
            };
            Verb::Touch { id, expect, offset, bytes, ttl: ttl(source.byte()) }
        }
        10 => Verb::Delete(id),
        _ => {
            let new = self::id(source);
            let all = source.byte();
            let left = LEFT.get(usize::from(all / 36)).copied().flatten();
            let expect = expect(source);
            Verb::Rotate { old: id, new, data: data(all % 6), ttl: ttl(all / 6), expect, left }
        }
    }
}

fn id(source: &mut Source<'_>) -> SessionId {
    let number = source.byte();
    let text = IDS.get(usize::from(number) % IDS.len()).copied().unwrap_or_default();
    if number < 128 { SessionId::from_program(text) } else { SessionId::from_request(text) }
}

fn data(number: u8) -> &'static [u8] {
    DATA.get(usize::from(number) % DATA.len()).copied().unwrap_or_default()
}

fn ttl(number: u8) -> Option<Duration> {
    let thousands = u64::from(number % 6);
    (thousands > 0).then(|| Duration::from_secs(thousands * 1000))
}

fn expect(source: &mut Source<'_>) -> Expected {
    match source.byte() {
        seen @ 128.. => Expected::Seen(seen),
        other => match other % 5 {
            0 | 1 => Expected::Any,
            2 => Expected::Absent,
            3 => Expected::Present,
            _ => Expected::Current,
        },
    }
}

impl Verb {
    /// Whose record is used, or used first.
    pub(super) fn id(&self) -> &SessionId {
        match self {
            Self::Load(id) | Self::Delete(id) | Self::Write { id, .. } | Self::Touch { id, .. } => id,
            Self::Rotate { old, .. } => old,
        }
    }

    /// Does it. The model says what is expected by which version.
    pub(super) fn on(&self, store: &SessionStore, model: &Model, now: f64) -> Answer {
        let expected = |expect: Expected| model.expect(self.id(), expect);
        let call = Call::at(now).waiting(Duration::ZERO);
        match self {
            Self::Load(id) => Answer::of_load(store.load(id, &call)),
            Self::Delete(id) => Answer::of_delete(store.delete(id, Expect::Any, &call)),
            Self::Write { id, data, ttl, expect } => Answer::of_write(
                store.write(&Write { key: id, data, ttl: model.ttl(*ttl), expect: expected(*expect) }, &call),
            ),
            Self::Touch { id, expect, offset, bytes, ttl } => {
                let version = match expected(*expect) {
                    Expect::Version(version) => version,
                    _ => Version::from(0),
                };
                Answer::of(store.patch(
                    &Patch {
                        renewal: Renewal { key: id, version, ttl: model.ttl(*ttl) },
                        offset: *offset,
                        bytes,
                        loaded: None,
                    },
                    &call,
                ))
            }
            Self::Rotate { old, new, data, ttl, expect, left } => {
                let redirect =
                    left.map(|data| Redirect { data, ttl: model.ttl(Some(LEFT_FOR)).unwrap_or(AGES) });
                let (ttl, expect) = (model.ttl(*ttl), expected(*expect));
                Answer::of_write(store.rotate(&Rotation { old, new, data, ttl, expect, redirect }, &call))
            }
        }
    }
}
