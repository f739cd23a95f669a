//! The parts of a URL, cut as redis-py cuts it.

use crate::error::{Error, Result};

/// The parts of a URL.
#[derive(Default)]
pub(super) struct Parts {
    pub(super) scheme: String,
    pub(super) username: Option<String>,
    pub(super) password: Option<String>,
    /// Hosts and ports. Sentinels may be several, with commas between them.
    pub(super) places: Vec<(String, Option<u16>)>,
    pub(super) path: String,
    /// Names and values, in order. The first value of a name counts.
    pub(super) query: Vec<(String, String)>,
}

/// The beginnings of a URL.
pub(super) const BEGINNINGS: &str =
    "it must begin with redis://, rediss://, unix://, redis+sentinel:// or rediss+sentinel://";

/// The error for a URL or an option in it. No part of a URL is repeated that may be the password.
pub(super) fn invalid(what: impl Into<String>) -> Error {
    Error::invalid("the url of the Redis server is invalid").with_detail(what)
}

/// A truth value as redis-py reads it.
pub(super) fn is_true(value: &str) -> bool {
    !matches!(value.to_ascii_uppercase().as_str(), "0" | "F" | "FALSE" | "N" | "NO")
}

impl Parts {
    /// Cuts `url`.
    ///
    /// # Errors
    /// `Invalid` if it has no scheme, a bad port or a bad escape.
    pub(super) fn of(url: &str) -> Result<Self> {
        let (scheme, rest) = url.split_once("://").ok_or_else(|| invalid(BEGINNINGS))?;
        let rest = rest.split_once('#').map_or(rest, |(rest, _fragment)| rest);
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (user, place) =
            authority.rsplit_once('@').map_or((None, authority), |(user, place)| (Some(user), place));
        let (username, password) = match user.map(|user| user.split_once(':').unwrap_or((user, ""))) {
            Some((username, password)) => (text(username)?, text(password)?),
            None => (None, None),
        };
        let places = place.split(',').map(place_of).collect::<Result<_>>()?;
        let query =
            query.split('&').filter_map(|item| item.split_once('=')).filter(|(_, value)| !value.is_empty());
        Ok(Self {
            scheme: scheme.to_ascii_lowercase(),
            username,
            password,
            places,
            path: decoded(path)?,
            query: query
                .map(|(name, value)| {
                    Ok((decoded(&name.replace('+', " "))?, decoded(&value.replace('+', " "))?))
                })
                .collect::<Result<_>>()?,
        })
    }
}

/// The host, which may be an IPv6 address in brackets, and the port.
fn place_of(place: &str) -> Result<(String, Option<u16>)> {
    let (host, port) = match place.strip_prefix('[').and_then(|place| place.split_once(']')) {
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        None => place.rsplit_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
    };
    let port = port
        .filter(|port| !port.is_empty())
        .map(|port| port.parse().map_err(|_| invalid("the port must be a number from 0 to 65535")))
        .transpose()?;
    Ok((decoded(host)?, port))
}

fn text(encoded: &str) -> Result<Option<String>> {
    if encoded.is_empty() { Ok(None) } else { decoded(encoded).map(Some) }
}

/// The text for one with escapes of percent signs. A percent sign that begins no escape is itself.
fn decoded(encoded: &str) -> Result<String> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escape = after.first_chunk::<2>().filter(|_| *first == b'%');
        let value = escape
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match value {
            Some(value) => {
                bytes.push(value);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).map_err(|_| invalid("an escape in it is not UTF-8"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

    use super::Parts;
    use crate::error::ErrorKind;

    #[test]
    fn a_url_is_cut_as_redis_py_cuts_it() {
        let parts = Parts::of("REDISS://us%40er:p%3Aw@[::1]:7/3?a=1&b=x%20y+z&c=&a=2#f").unwrap();
        assert_eq!(parts.scheme, "rediss");
        assert_eq!(parts.username.as_deref(), Some("us@er"));
        assert_eq!(parts.password.as_deref(), Some("p:w"));
        assert_eq!((parts.places, &*parts.path), (vec![("::1".to_owned(), Some(7))], "/3"));
        let query: Vec<_> = parts.query.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(query, [("a", "1"), ("b", "x y z"), ("a", "2")]);
    }

    #[test]
    fn what_is_left_out_is_absent() {
        let parts = Parts::of("redis://").unwrap();
        assert_eq!((parts.username, parts.password), (None, None));
        assert_eq!((parts.places, &*parts.path), (vec![(String::new(), None)], ""));
        let parts = Parts::of("redis://:p@ss@h").unwrap();
        assert_eq!((parts.username.as_deref(), parts.password.as_deref()), (None, Some("p@ss")));
        assert_eq!(parts.places, [("h".to_owned(), None)]);
        let parts = Parts::of("unix://user@/a/b%25.sock?db=1").unwrap();
        assert_eq!((parts.username.as_deref(), &*parts.path), (Some("user"), "/a/b%.sock"));
        assert_eq!(Parts::of("redis://50%@h").unwrap().username.as_deref(), Some("50%"));
    }

    #[test]
    fn several_places_have_commas_between_them() {
        let parts = Parts::of("redis+sentinel://u:p@one,[::2]:7,three:8/1").unwrap();
        let expected = [("one", None), ("::2", Some(7)), ("three", Some(8))];
        assert_eq!(parts.places, expected.map(|(host, port)| (host.to_owned(), port)));
        assert_eq!((&*parts.scheme, &*parts.path), ("redis+sentinel", "/1"));
    }

    #[test]
    fn a_bad_url_is_refused_without_showing_the_password() {
        for url in
            ["localhost:6379", "redis://:secret@h:x/", "redis://:secret@h:70000", "redis://:secret%ff@h"]
        {
            let error = Parts::of(url).map(|_| ()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid, "{url}");
            assert!(!error.to_string().contains("secret"));
        }
    }
}
