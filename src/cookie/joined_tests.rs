use proptest::collection::vec;
use proptest::prelude::*;

use super::super::{cookies, values};
use super::*;

fn spaced(header: &str) -> Vec<(&str, &str)> {
    joined_cookies(header, Commas::Spaced).collect()
}

fn all(header: &str) -> Vec<(&str, &str)> {
    joined_cookies(header, Commas::All).collect()
}

fn offered(header: &str, is_proven: bool) -> Vec<&str> {
    readings(header, ["id"].into_iter(), is_proven).map(|reading| reading.value).collect()
}

#[test]
fn fields_that_were_joined_are_read_apart() {
    assert_eq!(spaced("a=1, id=2"), [("a", "1"), ("id", "2")]);
    assert_eq!(spaced("id=2, a=1; b=3"), [("id", "2"), ("a", "1")]);
    assert_eq!(spaced("a=1, app:id=2"), [("a", "1"), ("app:id", "2")]);
    assert_eq!(spaced("b=3; a=1,\tid=2 ,  c=\"4\""), [("a", "1"), ("id", "2"), ("c", "4")]);
}

#[test]
fn what_was_not_joined_is_left_to_the_first_reading() {
    for header in
        ["", "a=1", "a=1; b=2", "a=1,2", "a=1, 2", "a=1, b c=2", "a=1, =2", "a=1,", ", a", "a=Thu, 01-Jan"]
    {
        assert_eq!(spaced(header), [], "{header:?}");
        assert_eq!(all(header), [], "{header:?}");
    }
    assert_eq!(spaced("a=1,id=2"), []);
    assert_eq!(all("a=1,id=2"), [("a", "1"), ("id", "2")]);
}

#[test]
fn a_comma_that_begins_no_cookie_is_a_part_of_the_value() {
    assert_eq!(spaced("id=x,y, a=1"), [("id", "x,y"), ("a", "1")]);
    assert_eq!(
        spaced("a=Thu, 01-Jan-1970 00:00:00 GMT, id=2"),
        [("a", "Thu, 01-Jan-1970 00:00:00 GMT"), ("id", "2")]
    );
}

#[test]
fn quotes_protect_a_comma_and_no_semicolon() {
    assert_eq!(all(r#"a="x, id=evil", id=good"#), [("a", "x, id=evil"), ("id", "good")]);
    assert_eq!(all(r#"a="x\", id=evil", id=good"#), [("a", r#"x\", id=evil"#), ("id", "good")]);
    assert_eq!(all(r#"a="x, id=evil"#), []);
    assert_eq!(all(r#"a="x; b=1, id=2"#), [("b", "1"), ("id", "2")]);
}

#[test]
fn a_backslash_protects_a_comma_only_within_quotes() {
    assert_eq!(spaced(r"a=x\, id=2"), [("a", r"x\"), ("id", "2")]);
}

#[test]
fn the_first_reading_comes_before_the_second() {
    assert_eq!(offered("a=1, id=joined; id=plain", true), ["plain", "joined", "joined"]);
    assert_eq!(offered("id=x, a=1", false), ["x, a=1", "x"]);
    assert_eq!(offered("a=x,id=forged", false), [""; 0]);
    assert_eq!(offered("a=x,id=forged", true), ["forged"]);
    assert_eq!(offered("a=1, id=first, b=2, id=last", false), ["last", "first"]);
}

#[test]
fn debug_shows_no_value() {
    let shown = format!("{:?}", readings("id=secret", ["id"].into_iter(), true).collect::<Vec<_>>());
    assert_eq!(shown, "[Reading { is_joined: false, .. }]");
}

#[test]
fn a_huge_header_of_any_kind_is_read_through() {
    for unit in
        [",", ", ", ",a", ", a", ",a=", "a=,", "\"", "\\", "\",", ", id=", ",,a=b", ",          ", ";, a=1"]
    {
        let header = format!("{};b=1, id=found", unit.repeat(200_000));
        for commas in [Commas::Spaced, Commas::All] {
            assert_eq!(joined_cookies(&header, commas).last(), Some(("id", "found")), "{unit:?}");
        }
    }
}

proptest! {
    #[test]
    fn cookies_that_were_joined_are_all_there(
        given in vec(("[a-z]{1,4}", "[!#-+./0-9:<=>?@a-z\\[\\]^_`{|}~-]{0,8}"), 2..6),
        joints in vec("(; ?|,[ \t]{1,2})", 5),
    ) {
        let mut header = String::new();
        for (index, (name, value)) in given.iter().enumerate() {
            let joint = index.checked_sub(1).and_then(|before| joints.get(before));
            header.extend([joint.map_or("", String::as_str), name, "=", value]);
        }
        for (name, value) in &given {
            let mut found = readings(&header, [name.as_str()].into_iter(), false);
            prop_assert!(found.any(|reading| reading.value == value));
        }
    }

    #[test]
    fn whole_values_are_read_first_as_if_there_were_no_commas(header in r#"([ab]=?["x, =]{0,4}[;,\x01]?){0,12}"#) {
        for name in ["a", "b"] {
            let whole: Vec<_> = values(&header, name).rev().collect();
            let read: Vec<_> = readings(&header, [name].into_iter(), true).collect();
            prop_assert!(read.iter().zip(&whole).all(|(read, whole)| read.value == *whole && !read.is_joined));
            prop_assert!(read.iter().skip(whole.len()).all(|read| read.is_joined));
            prop_assert!(read.len() >= whole.len());
        }
    }

    #[test]
    fn any_bytes_give_whole_cookies(bytes in vec(any::<u8>(), 0..300)) {
        let header: String = bytes.iter().map(|&b| char::from(b)).collect();
        for commas in [Commas::Spaced, Commas::All] {
            for (name, value) in joined_cookies(&header, commas) {
                let again = format!("{name}=\"{value}\"");
                prop_assert!(cookies(&again).eq([(name, value)]));
            }
        }
    }

    #[test]
    fn a_header_without_commas_has_no_second_reading(header in "[^,]{0,60}") {
        prop_assert_eq!(all(&header), []);
    }
}
