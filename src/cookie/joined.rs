//! Reading the cookies of fields that were joined by commas.
//!
//! A request may have several `Cookie` fields (RFC 9113, section 8.2.3), and what joins them should do so by `; `.
//! Front ends that join fields as all others are joined (RFC 9110, section 5.3) do so by a comma and white space. But
//! a comma may be a part of a value too, and then nobody can tell what is meant. So this is a second reading beside that
//! of [`cookies`](super::cookies), for those who find nothing in the first.

use memchr::memchr;

use super::header::{Parts, pair, values};

/// Which commas end a cookie. Each has to be outside of double quotes and to stand before a name and a `=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commas {
    /// Those before white space, by which fields are joined. A browser sends none in a cookie that keeps to RFC 6265
    /// (section 4.1.1).
    Spaced,
    /// All. What is found so may be a part of a neighbour's value, and has to prove that it is ours.
    All,
}

/// The cookies in those parts of a header, between the semicolons, in which there are several, in their order, as
/// `(name, value)`.
///
/// The header's length bounds the time; nothing is allocated.
pub fn joined_cookies(header: &str, commas: Commas) -> impl Iterator<Item = (&str, &str)> {
    let parts = Parts::of(header).filter(|part| memchr(b',', part.as_bytes()).is_some());
    parts.flat_map(move |part| Joined { rest: Some(part), is_first: true, commas }).filter_map(pair)
}

/// One way to read a value of a header.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Reading<'h, 'n> {
    /// The name that it stands under.
    pub name: &'n str,
    /// The value.
    pub value: &'h str,
    /// Whether it is that of the second reading.
    pub is_joined: bool,
}

/// The values are bearer secrets.
impl std::fmt::Debug for Reading<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reading").field("is_joined", &self.is_joined).finish_non_exhaustive()
    }
}

/// All ways to read the values under `names`, the best first: those that stand between semicolons, name by name and the
/// last first; then the joined ones in the same order, by commas before white space, and if `is_proven`, by all.
///
/// `is_proven` says that a value which is not ours is known as such, so that no neighbour's passes for one.
pub fn readings<'h, 'n, N>(
    header: &'h str,
    names: N,
    is_proven: bool,
) -> impl Iterator<Item = Reading<'h, 'n>> + use<'h, 'n, N>
where
    N: Iterator<Item = &'n str> + Clone,
{
    let plain = names.clone().flat_map(move |name| {
        values(header, name).rev().map(move |value| Reading { name, value, is_joined: false })
    });
    let commas: &[Commas] = if is_proven { &[Commas::Spaced, Commas::All] } else { &[Commas::Spaced] };
    let joined = commas.iter().flat_map(move |&commas| {
        names.clone().flat_map(move |name| {
            let found = joined_cookies(header, commas).filter(move |(known, _)| *known == name);
            let found: Vec<_> = found.collect();
            found.into_iter().rev().map(move |(_, value)| Reading { name, value, is_joined: true })
        })
    });
    plain.chain(joined)
}

/// The cookies of one part, if there are several.
struct Joined<'h> {
    rest: Option<&'h str>,
    is_first: bool,
    commas: Commas,
}

impl<'h> Iterator for Joined<'h> {
    type Item = &'h str;

    fn next(&mut self) -> Option<&'h str> {
        let rest = self.rest.take()?;
        let separated = separator(rest, self.commas).and_then(|at| rest.split_at_checked(at));
        let is_alone = std::mem::take(&mut self.is_first) && separated.is_none();
        let Some((cookie, from)) = separated else { return (!is_alone).then_some(rest) };
        self.rest = from.get(1..);
        Some(cookie)
    }
}

/// Where the comma is that ends the first cookie of `text`.
fn separator(text: &str, commas: Commas) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut is_quoted, mut is_escaped) = (false, false);
    bytes.iter().enumerate().find_map(|(at, &byte)| {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b',' if !is_quoted && begins_cookie(bytes.get(at + 1..)?, commas) => return Some(at),
            _ => {}
        }
        None
    })
}

/// Whether a name and a `=` stand at the beginning of `text`, after the white space that `commas` asks for. It looks no
/// further than to the next comma, so that the whole takes linear time.
fn begins_cookie(text: &[u8], commas: Commas) -> bool {
    let is_blank = |byte: u8| matches!(byte, b' ' | b'\t');
    let blanks = text.iter().take_while(|&&byte| is_blank(byte)).count();
    let end = text.iter().position(|&byte| matches!(byte, b'=' | b',')).unwrap_or(text.len());
    let name = text.get(blanks..end).and_then(|name| str::from_utf8(name).ok()).unwrap_or_default();
    (blanks > 0 || commas == Commas::All)
        && text.get(end) == Some(&b'=')
        && super::chars::is_name(name.trim_end_matches([' ', '\t']))
}

#[cfg(test)]
#[path = "joined_tests.rs"]
mod tests;
