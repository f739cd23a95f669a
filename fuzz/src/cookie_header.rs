//! Reading the `Cookie` header: [`cookies`], [`values`], [`joined_cookies`], [`readings`].

use std::sync::LazyLock;

use beaker_core::cookie::{Commas, Signer, cookies, joined_cookies, readings, values};

use crate::NAME;
use crate::input::{HUGE, is_chosen, texts};

/// How many of the names in a header are looked up. Each costs a pass.
const NAMES: usize = 4;

const ID: &str = "0123456789abcdef0123456789abcdef";

static SIGNER: LazyLock<Signer> =
    LazyLock::new(|| Signer::new(b"a key that no input was made with").expect("the key is not empty"));

/// The cookies of a header, in order.
type All<'h> = Vec<(&'h str, &'h str)>;

/// Tries the laws on a header.
pub fn hold(data: &[u8]) {
    for header in texts(data) {
        let all: All<'_> = cookies(&header).collect();
        is_what_the_plain_reading_gives(&header, &all);
        both_directions_agree(&header, &all);
        every_cookie_is_a_slice_in_order(&header, &all);
        a_cookie_that_is_written_again_is_read_again(&all);
        parts_are_independent(&header, &all);
        lookups_agree(&header, &all);
        joined_cookies_are_what_a_plainer_program_finds(&header);
        whole_values_are_read_first(&header, &all);
        our_cookie_is_found(&header);
        our_cookie_is_found_in_joined_fields(&header);
        if is_chosen(data) {
            reading_takes_linear_time(&header);
        }
    }
}

/// The same by another, plainer program.
fn is_what_the_plain_reading_gives(header: &str, all: &All<'_>) {
    let blank = [' ', '\t'];
    let plain: All<'_> = header
        .split(';')
        .filter_map(|part| part.split_once('='))
        .map(|(name, value)| (name.trim_matches(blank), value.trim_matches(blank)))
        .filter(|(name, _)| !name.is_empty() && name.chars().all(is_token_character))
        .filter(|(_, value)| !value.chars().any(|c| c != '\t' && c.is_ascii_control()))
        .map(|(name, value)| (name, value.trim_matches('"')))
        .collect();
    assert_eq!(*all, plain);
}

/// Those of RFC 9110, section 5.6.2: what is visible, less the delimiters.
fn is_token_character(c: char) -> bool {
    c.is_ascii_graphic() && !r#"(),/:;<=>?@[\]{}""#.contains(c)
}

fn both_directions_agree(header: &str, all: &All<'_>) {
    let mut backward: All<'_> = cookies(header).rev().collect();
    backward.reverse();
    assert_eq!(*all, backward);

    let mut both = cookies(header);
    let (mut front, mut back) = (Vec::new(), Vec::new());
    while let Some(cookie) = both.next() {
        front.push(cookie);
        back.extend(both.next_back());
    }
    assert_eq!(both.next_back(), None);
    front.extend(back.into_iter().rev());
    assert_eq!(*all, front);
}

/// Nothing is copied, nothing is given twice, and there are no more cookies than parts.
fn every_cookie_is_a_slice_in_order(header: &str, all: &All<'_>) {
    let mut end = header.as_ptr().addr();
    for slice in all.iter().flat_map(|(name, value)| [name, value]) {
        let start = slice.as_ptr().addr();
        assert!(start >= end);
        end = start + slice.len();
    }
    assert!(end <= header.as_ptr().addr() + header.len());
    assert!(all.len() <= header.matches(';').count() + 1);
}

fn a_cookie_that_is_written_again_is_read_again(all: &All<'_>) {
    // In quotes, since a value that was in quotes may have white space at its ends.
    let written: Vec<String> = all.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
    let header = written.join("; ");
    assert_eq!(cookies(&header).collect::<All<'_>>(), *all);
}

/// What stands before a semicolon does not bear on what is read after it, nor the reverse.
fn parts_are_independent(header: &str, all: &All<'_>) {
    for (before, after) in [header.split_once(';'), header.rsplit_once(';')].into_iter().flatten() {
        assert_eq!(cookies(before).chain(cookies(after)).collect::<All<'_>>(), *all);
    }
}

fn lookups_agree(header: &str, all: &All<'_>) {
    let names = all.iter().map(|(name, _)| *name).take(NAMES);
    for name in names.chain([NAME, "", "a=b", "a b", header]) {
        let expected: Vec<_> = all.iter().filter(|(n, _)| *n == name).map(|(_, value)| *value).collect();
        assert_eq!(values(header, name).collect::<Vec<_>>(), expected);
        assert_eq!(last_matching(header, name, Some), expected.last().copied());

        let mut offered = Vec::new();
        assert_eq!(
            last_matching(header, name, |value| {
                offered.push(value);
                None::<()>
            }),
            None
        );
        offered.reverse();
        assert_eq!(offered, expected);
    }
}

/// What `accept` makes of the last value under `name` that it accepts.
fn last_matching<'h, T>(header: &'h str, name: &str, accept: impl FnMut(&'h str) -> Option<T>) -> Option<T> {
    values(header, name).rev().find_map(accept)
}

fn verify(value: &str) -> Option<String> {
    SIGNER.verify(value).map(str::to_owned)
}

/// A browser's neighbouring cookies, however malformed, do not hide a cookie that we signed, nor look like one.
fn our_cookie_is_found(header: &str) {
    assert_eq!(last_matching(header, NAME, verify), None);
    let ours = SIGNER.sign(ID);
    for with_ours in [
        format!("{NAME}={ours};{header}"),
        format!("{header}; {NAME}={ours}"),
        format!("{header};{NAME} = \"{ours}\" ;{header}"),
    ] {
        assert_eq!(last_matching(&with_ours, NAME, verify).as_deref(), Some(ID));
    }
}

/// The same by another program: one that cuts at every comma outside of quotes, and puts together again what it cut
/// before something else than a cookie.
fn joined_cookies_are_what_a_plainer_program_finds(header: &str) {
    for commas in [Commas::Spaced, Commas::All] {
        let mut plain = Vec::new();
        for part in header.split(';') {
            let mut joined: Vec<String> = Vec::new();
            for piece in cut_at_commas(part) {
                match joined.last_mut() {
                    Some(last) if !begins_cookie(&piece, commas) => *last = format!("{last},{piece}"),
                    _ => joined.push(piece),
                }
            }
            if joined.len() > 1 {
                plain.extend(joined.iter().flat_map(|cookie| cookies(cookie)).map(owned));
            }
        }
        assert_eq!(joined_cookies(header, commas).map(owned).collect::<Vec<_>>(), plain);
    }
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn cut_at_commas(part: &str) -> Vec<String> {
    let (mut pieces, mut is_quoted, mut is_escaped) = (vec![String::new()], false, false);
    for c in part.chars() {
        if c == ',' && !is_quoted {
            pieces.push(String::new());
            continue;
        }
        if is_escaped {
            is_escaped = false;
        } else if c == '"' {
            is_quoted = !is_quoted;
        } else {
            is_escaped = is_quoted && c == '\\';
        }
        pieces.last_mut().expect("there is always one").push(c);
    }
    pieces
}

fn begins_cookie(piece: &str, commas: Commas) -> bool {
    let blank = [' ', '\t'];
    let name = piece.split_once('=').map(|(name, _)| name.trim_matches(blank)).unwrap_or_default();
    !name.is_empty()
        && name.chars().all(is_token_character)
        && (commas == Commas::All || piece.starts_with(blank))
}

/// A comma takes nothing away from a value, and what is read beside it comes later.
fn whole_values_are_read_first(header: &str, all: &All<'_>) {
    let names = all.iter().map(|(name, _)| *name).take(NAMES);
    for name in names.chain([NAME]) {
        let whole: Vec<_> = values(header, name).rev().collect();
        for is_proven in [false, true] {
            let mut read = readings(header, [name].into_iter(), is_proven);
            for value in &whole {
                assert!(read.next().is_some_and(|read| read.value == *value && !read.is_joined));
            }
            assert!(read.all(|read| read.is_joined));
        }
    }
}

/// Where fields were joined, neighbours neither hide ours nor look like it.
fn our_cookie_is_found_in_joined_fields(header: &str) {
    let found = |header: &str, is_proven| {
        readings(header, [NAME].into_iter(), is_proven).find_map(|reading| verify(reading.value))
    };
    assert_eq!(found(header, true), None);
    let ours = SIGNER.sign(ID);
    for joint in [", ", ",\t", ","] {
        for with_ours in [
            format!("{header};a=1{joint}{NAME}={ours}; {header}"),
            format!("{NAME}={ours}{joint}a=1;{header}"),
            format!("{header};a=1{joint}{NAME} = \"{ours}\" {joint}b=2"),
        ] {
            assert_eq!(found(&with_ours, true).as_deref(), Some(ID));
            assert_eq!(found(&with_ours, false).is_some(), joint != ",");
        }
    }
}

/// No clock is read: the fuzzer ends an input that takes seconds. Of all inputs one in 4096 is tried so, since it
/// takes a thousand times as long as the other laws.
fn reading_takes_linear_time(header: &str) {
    let huge = header.repeat(HUGE / (header.len() + 1));
    assert_eq!(cookies(&huge).count(), cookies(&huge).rev().count());
    assert!(joined_cookies(&huge, Commas::All).count() <= huge.matches([';', ',']).count() + 1);
    let offered = values(&huge, NAME).count();
    let mut refused = 0;
    assert_eq!(
        last_matching(&huge, NAME, |_| {
            refused += 1;
            None::<()>
        }),
        None
    );
    assert_eq!(offered, refused);
}
