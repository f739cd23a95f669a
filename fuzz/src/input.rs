//! What the bytes of an input stand for.

/// Bytes in which any work for each part and byte would take minutes.
pub(crate) const HUGE: usize = 1 << 20;

/// Whether an input is among the one in 4096 that are tried at a size of [`HUGE`], which takes a thousand times as
/// long as the rest. No clock is read there: the fuzzer ends an input that takes seconds.
pub(crate) fn is_chosen(data: &[u8]) -> bool {
    let fingerprint = |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(16_777_619);
    data.iter().fold(1, fingerprint).is_multiple_of(4096)
}

/// `part` as often as it has room in [`HUGE`] bytes.
pub(crate) fn huge(part: &[u8]) -> Vec<u8> {
    part.repeat(HUGE / (part.len() + 1))
}

/// The bytes before the rest of an input that say how a valid value is changed.
const EDIT: usize = 4;

/// One change to a text, such as somebody makes who has no key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edit {
    kind: u8,
    at: usize,
    byte: u8,
}

/// The change that an input begins with, and what follows it.
pub(crate) fn edit_and_rest(data: &[u8]) -> (Edit, &[u8]) {
    let (head, rest) = data.split_at_checked(EDIT).unwrap_or((data, &[]));
    let byte = |at: usize| head.get(at).copied().unwrap_or_default();
    (Edit { kind: byte(0), at: usize::from(u16::from_be_bytes([byte(1), byte(2)])), byte: byte(3) }, rest)
}

impl Edit {
    /// `text` with the change, as a server reads a header: each byte a character.
    pub(crate) fn of_text(self, text: &str) -> String {
        latin_1(&self.of_bytes(text.as_bytes()))
    }

    /// `bytes` with the change; the same bytes if it happens to change nothing.
    pub(crate) fn of_bytes(self, bytes: &[u8]) -> Vec<u8> {
        let mut changed = bytes.to_vec();
        let at = self.place(bytes.len());
        match self.kind % 8 {
            0 => changed.truncate(at),
            1 => changed = changed.split_off(at),
            2 => changed.insert(at, self.byte),
            3 => changed.push(self.byte),
            4 => {
                let tail = changed.split_off(at);
                changed.extend(tail.iter().skip(1));
            }
            5 => changed.rotate_left(at),
            6 => changed.iter_mut().skip(at).take(1).for_each(|byte| *byte = self.byte),
            _ => changed.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << (self.byte % 8)),
        }
        changed
    }

    /// What of a text comes before the place of the change, and the rest.
    pub(crate) fn halves(self, text: &str) -> (&str, &str) {
        let place = self.place(text.chars().count());
        let at = text.char_indices().nth(place).map_or(text.len(), |(at, _)| at);
        text.split_at(at)
    }

    /// A place in a text of that many bytes, its end included.
    pub(crate) fn place(self, length: usize) -> usize {
        self.at % (length + 1)
    }
}

/// Bytes that are read one after another; after the last, zeros.
pub(crate) struct Source<'a>(&'a [u8]);

impl<'a> Source<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            None => 0,
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
        }
    }

    /// A number from 0 to 255, less than `end`.
    pub(crate) fn below(&mut self, end: u8) -> u8 {
        self.byte() % end
    }

    /// The next bytes, as many as there are up to `most`.
    pub(crate) fn bytes(&mut self, most: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// One of several.
    pub(crate) fn choose<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        let place = usize::from(self.byte()).checked_rem(from.len())?;
        from.get(place).copied()
    }
}

/// A text of one character a byte.
pub(crate) fn latin_1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// The texts that bytes are: read as a server reads a header, and as UTF-8 where they are that and it differs.
pub(crate) fn texts(bytes: &[u8]) -> impl Iterator<Item = String> {
    let utf_8 = std::str::from_utf8(bytes).ok().filter(|text| !text.is_ascii()).map(str::to_owned);
    [Some(latin_1(bytes)), utf_8].into_iter().flatten()
}
