//! What the bytes of an input stand for.

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

    /// A place in a text of that many bytes, its end included.
    pub(crate) fn place(self, length: usize) -> usize {
        self.at % (length + 1)
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
