//! Reading the `Cookie` header of a request.
//!
//! A header is split at every `;` without exception, as RFC 6265 (section 5.4) says that browsers build it.
//! Quotes do not protect a `;`: a reader that let them could be made to swallow the cookies that follow.

use std::iter::FusedIterator;

use memchr::{memchr, memrchr};

use super::chars::{has_control, is_name};

/// The cookies of a `Cookie` header in the order in which they stand, or from the back with
/// [`rev`](Iterator::rev), as `(name, value)`.
///
/// White space around name and value is dropped, and so are all double quotes at either end of the value. A
/// part without a `=`, with a name that no cookie can have or with a control character in its value is passed
/// over. The header's length bounds the time; nothing is allocated.
pub fn cookies(header: &str) -> impl DoubleEndedIterator<Item = (&str, &str)> + FusedIterator {
    Parts::of(header).filter_map(pair)
}

/// The values that stand under exactly `name` (names are case-sensitive), in the order in which they stand,
/// or from the back with [`rev`](Iterator::rev).
///
/// A browser that holds several cookies of one name sends the one with the longest path first, and a cookie planted by
/// a neighbouring domain can stand anywhere: a caller takes the last value that it accepts.
///
/// The values are those that [`cookies`] gives; a `name` that no cookie can have has none.
pub fn values<'h>(header: &'h str, name: &str) -> impl DoubleEndedIterator<Item = &'h str> + FusedIterator {
    let wanted = is_name(name).then_some(name);
    Parts::of(header).filter_map(move |part| {
        split(part).filter(|(name, _)| Some(*name) == wanted).and_then(|(_, raw)| value(raw))
    })
}

/// What stands between the semicolons.
#[derive(Clone)]
pub(super) struct Parts<'h> {
    rest: Option<&'h str>,
}

impl<'h> Parts<'h> {
    /// The parts of `header`.
    pub(super) fn of(header: &'h str) -> Self {
        Self { rest: Some(header) }
    }
}

impl<'h> Iterator for Parts<'h> {
    type Item = &'h str;

    #[inline]
    fn next(&mut self) -> Option<&'h str> {
        let rest = self.rest?;
        let (part, tail) =
            cut(rest, memchr(b';', rest.as_bytes())).map_or((rest, None), |(a, b)| (a, Some(b)));
        self.rest = tail;
        Some(part)
    }
}

impl DoubleEndedIterator for Parts<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        let rest = self.rest?;
        let (head, part) =
            cut(rest, memrchr(b';', rest.as_bytes())).map_or((None, rest), |(a, b)| (Some(a), b));
        self.rest = head;
        Some(part)
    }
}

impl FusedIterator for Parts<'_> {}

/// `text` before and after the one-byte character at `at`.
#[inline]
fn cut(text: &str, at: Option<usize>) -> Option<(&str, &str)> {
    let (before, from) = text.split_at_checked(at?)?;
    Some((before, from.get(1..)?))
}

/// Name and value of a part, white space trimmed, at its first `=`.
#[inline]
fn split(part: &str) -> Option<(&str, &str)> {
    let (name, value) = cut(part, memchr(b'=', part.as_bytes()))?;
    Some((trim(name), trim(value)))
}

/// The value as it is meant, or `None` for one that no browser sends.
#[inline]
fn value(raw: &str) -> Option<&str> {
    (!has_control(raw)).then(|| raw.trim_matches('"'))
}

/// The cookie of a part, if it is one.
pub(super) fn pair(part: &str) -> Option<(&str, &str)> {
    let (name, raw) = split(part)?;
    if is_name(name) { Some((name, value(raw)?)) } else { None }
}

/// Drops optional white space (RFC 9110, section 5.6.3), which is not all that Unicode calls white.
#[inline]
fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn all(header: &str) -> Vec<(&str, &str)> {
        cookies(header).collect()
    }

    fn last_matching<'h, T>(
        header: &'h str,
        name: &str,
        accept: impl FnMut(&'h str) -> Option<T>,
    ) -> Option<T> {
        values(header, name).rev().find_map(accept)
    }

    fn under<'h>(header: &'h str, name: &str) -> Vec<&'h str> {
        values(header, name).collect()
    }

    #[test]
    fn cookies_come_in_the_order_in_which_they_stand() {
        assert_eq!(all("a=1; b=2;c=3"), [("a", "1"), ("b", "2"), ("c", "3")]);
        assert_eq!(cookies("a=1; b=2").rev().collect::<Vec<_>>(), [("b", "2"), ("a", "1")]);
    }

    #[test]
    fn both_ends_meet_without_giving_a_cookie_twice() {
        let mut both = cookies("a=1; b=2; c=3");
        assert_eq!(both.next(), Some(("a", "1")));
        assert_eq!(both.next_back(), Some(("c", "3")));
        assert_eq!(both.next(), Some(("b", "2")));
        assert_eq!(both.next_back(), None);
        assert_eq!(both.next(), None);
    }

    #[test]
    fn white_space_around_name_and_value_is_dropped_and_inside_it_is_kept() {
        assert_eq!(all(" \ta \t=\t x y \t;"), [("a", "x y")]);
    }

    #[test]
    fn the_first_equals_sign_ends_the_name() {
        assert_eq!(all("a=b=c==; d=="), [("a", "b=c=="), ("d", "=")]);
    }

    #[test]
    fn double_quotes_at_the_ends_of_a_value_are_dropped_however_many() {
        assert_eq!(
            all(r#"a="x"; b=""x""; c="x; d=x"y"z; e="; f="""#),
            [("a", "x"), ("b", "x"), ("c", "x"), ("d", r#"x"y"z"#), ("e", ""), ("f", "")]
        );
    }

    #[test]
    fn an_empty_value_is_a_value() {
        assert_eq!(all("a=; b= ;c=\"\""), [("a", ""), ("b", ""), ("c", "")]);
    }

    #[test]
    fn a_part_that_is_no_cookie_is_passed_over_and_its_neighbours_are_read() {
        for garbage in [
            "",
            " ",
            "novalue",
            "=x",
            " = x",
            "a b=c",
            "(x)=1",
            "é=1",
            "x=\0",
            "x=\u{7f}",
            "\r\nx=1",
            "\"x\"=1",
            "\u{a0}x=1",
        ] {
            let header = format!("a=1;{garbage};b=2");
            assert_eq!(all(&header), [("a", "1"), ("b", "2")], "{garbage:?}");
        }
    }

    #[test]
    fn names_of_attributes_are_names_like_any_other() {
        assert_eq!(
            all("id=1; Path=/admin; Domain=x; $Version=1; expires=y"),
            [("id", "1"), ("Path", "/admin"), ("Domain", "x"), ("$Version", "1"), ("expires", "y")]
        );
    }

    #[test]
    fn a_quote_does_not_protect_a_semicolon() {
        assert_eq!(all(r#"a="x; id=1; b=y""#), [("a", "x"), ("id", "1"), ("b", "y")]);
    }

    #[test]
    fn text_beyond_ascii_in_a_value_is_kept() {
        assert_eq!(all("a=\u{e9}\u{20ac}; b=1"), [("a", "\u{e9}\u{20ac}"), ("b", "1")]);
    }

    #[test]
    fn values_are_those_under_exactly_the_name() {
        let header = "id=1; ID=2; xid=3; idx=4; id =5; id=\"6\"; id; id=\u{1}";
        assert_eq!(under(header, "id"), ["1", "5", "6"]);
        assert_eq!(values(header, "id").rev().collect::<Vec<_>>(), ["6", "5", "1"]);
        assert!(under(header, "none").is_empty());
    }

    #[test]
    fn a_name_that_no_cookie_can_have_has_no_values() {
        assert!(under("a b=1; =2; a=b=3", "a b").is_empty());
        assert!(under("a b=1; =2; a=b=3", "").is_empty());
        assert!(under("a b=1; =2; a=b=3", "a=b").is_empty());
    }

    #[test]
    fn the_last_value_that_is_accepted_counts() {
        let header = "id=good1; id=good2; id=bad; other=good3";
        let good = |value: &'static str| value.starts_with("good").then_some(value);
        assert_eq!(last_matching(header, "id", good), Some("good2"));
        assert_eq!(last_matching(header, "id", |_| None::<()>), None);
    }

    #[test]
    fn no_value_before_the_accepted_one_is_looked_at() {
        let mut seen = Vec::new();
        let found = last_matching("id=1; id=2; id=3", "id", |value| {
            seen.push(value);
            (value == "2").then_some(())
        });
        assert_eq!((found, seen), (Some(()), vec!["3", "2"]));
    }

    #[test]
    fn a_huge_header_of_any_kind_is_read_through() {
        for unit in [";", "=", "\"", " ", "a", "a=", "id=;", "; \"", "id=\"x"] {
            let mut header = unit.repeat(1_000_000);
            header.push_str(";id=found");
            assert_eq!(last_matching(&header, "id", Some), Some("found"), "{unit:?}");
            assert!(cookies(&header).count() <= 1_000_001, "{unit:?}");
        }
    }

    /// What may stand between two semicolons without being the cookie that the law looks for.
    fn garbage() -> impl Strategy<Value = String> {
        prop_oneof![
            "[^;]{0,20}",
            r#"[ \t"=,\\a-c\x00-\x1f]{0,12}"#,
            "[a-z]{1,4}=\"[^;]{0,8}",
            "(Path|expires|\\$Version)=.?"
        ]
        .prop_map(|text| text.replace(';', ""))
    }

    proptest! {
        #[test]
        fn no_text_panics_or_gives_more_cookies_than_it_has_parts(header in any::<String>()) {
            let parts = header.bytes().filter(|&b| b == b';').count() + 1;
            prop_assert!(cookies(&header).count() <= parts);
            prop_assert!(values(&header, "a").count() <= parts);
        }

        #[test]
        fn any_bytes_give_whole_cookies_the_same_from_both_ends(bytes in vec(any::<u8>(), 0..300)) {
            // As a server reads a header: each byte a character.
            let header: String = bytes.iter().map(|&b| char::from(b)).collect();
            let forward = all(&header);
            let mut backward: Vec<_> = cookies(&header).rev().collect();
            backward.reverse();
            prop_assert_eq!(&forward, &backward);
            for (name, value) in &forward {
                prop_assert!(is_name(name));
                prop_assert!(!value.contains(';') && !has_control(value));
                prop_assert!(!value.starts_with('"') && !value.ends_with('"'));
            }
        }

        #[test]
        fn values_and_cookies_agree(header in r#"([ab ]{0,2}=?["x =]{0,3}[;\x01]?){0,12}"#) {
            for name in ["a", "b", "ab"] {
                let expected: Vec<_> = cookies(&header).filter(|(n, _)| *n == name).map(|(_, v)| v).collect();
                prop_assert_eq!(under(&header, name), expected);
            }
        }

        #[test]
        fn our_cookie_is_found_at_any_place_among_any_garbage(
            before in vec(garbage(), 0..8),
            after in vec(garbage(), 0..8),
            id in "[0-9a-f]{32}",
        ) {
            let ours = format!(" beaker.session.id={id}");
            let parts: Vec<_> = before.iter().chain([&ours]).chain(&after).map(String::as_str).collect();
            let header = parts.join(";");
            let found = last_matching(&header, "beaker.session.id", |value| (value == id).then_some(value));
            prop_assert_eq!(found, Some(id.as_str()));
        }
    }
}
