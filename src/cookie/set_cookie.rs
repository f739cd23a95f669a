//! Writing a `Set-Cookie` header.

use crate::error::{Error, Result};

/// Which requests from other sites carry the cookie (RFC 6265bis, section 4.1.2.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SameSite {
    /// Those that navigate to the site at the top level.
    Lax,
    /// None.
    Strict,
    /// All of them.
    None,
}

impl SameSite {
    /// Reads the value of an option, in any case.
    ///
    /// # Errors
    /// [`Invalid`](crate::error::ErrorKind::Invalid) for a word that is not one of the three.
    pub fn parse(text: &str) -> Result<Self> {
        [Self::Lax, Self::Strict, Self::None]
            .into_iter()
            .find(|site| text.eq_ignore_ascii_case(site.as_str()))
            .ok_or_else(|| {
                Error::invalid("samesite must be Lax, Strict or None").with_detail(format!("got {text:?}"))
            })
    }

    /// The word in its usual spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lax => "Lax",
            Self::Strict => "Strict",
            Self::None => "None",
        }
    }
}

/// The attributes of a cookie. An empty text is an attribute left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attributes<'a> {
    /// The hosts that get the cookie; without it, only the host that sets it.
    pub domain: Option<&'a str>,
    /// When the browser forgets the cookie, as [`CookieDate`](super::CookieDate) prints it; without it, when
    /// it is closed.
    pub expires: Option<&'a str>,
    /// Whether scripts are kept from the cookie.
    pub http_only: bool,
    /// Whether the browser keeps a jar for each site in which ours is embedded (CHIPS,
    /// draft-cutler-httpbis-partitioned-cookies).
    pub partitioned: bool,
    /// The paths for which the cookie is sent; empty for the folder of the request that sets it.
    pub path: &'a str,
    /// One of the words that [`SameSite::parse`] reads, written in the case in which it is given.
    pub same_site: Option<&'a str>,
    /// Whether the cookie is sent over TLS only.
    pub secure: bool,
}

/// Appends the value of a `Set-Cookie` header to `out`: one space, `name=value`, and the attributes in the
/// alphabetical order of their lower-case names, as in
/// ` beaker.session.id=…; Path=/; SameSite=Lax`. The value is never quoted.
///
/// Nothing is checked here; see the [module's contract](super).
pub fn write(out: &mut String, name: &str, value: &str, attributes: &Attributes<'_>) {
    let Attributes { domain, expires, http_only, partitioned, path, same_site, secure } = *attributes;
    let domain = domain.unwrap_or_default();
    // One allocation: the fixed words, the date and SameSite's value fit in 128 bytes.
    out.reserve(name.len() + value.len() + domain.len() + path.len() + 128);
    out.push(' ');
    out.push_str(name);
    out.push('=');
    out.push_str(value);
    push_attribute(out, "; Domain=", domain);
    push_attribute(out, "; expires=", expires.unwrap_or_default());
    if http_only {
        out.push_str("; HttpOnly");
    }
    if partitioned {
        out.push_str("; Partitioned");
    }
    push_attribute(out, "; Path=", path);
    push_attribute(out, "; SameSite=", same_site.unwrap_or_default());
    if secure {
        out.push_str("; Secure");
    }
}

fn push_attribute(out: &mut String, key: &str, value: &str) {
    if !value.is_empty() {
        out.push_str(key);
        out.push_str(value);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use proptest::option;
    use proptest::prelude::*;

    use super::super::{cookies, validate, validate_domain, validate_name, validate_path, validate_value};
    use super::*;
    use crate::error::ErrorKind;

    const PLAIN: Attributes<'_> = Attributes {
        domain: None,
        expires: None,
        http_only: false,
        partitioned: false,
        path: "/",
        same_site: None,
        secure: false,
    };

    fn written(name: &str, value: &str, attributes: &Attributes<'_>) -> String {
        let mut out = String::new();
        write(&mut out, name, value, attributes);
        out
    }

    #[test]
    fn headers_are_written_as_the_original_writes_them() {
        assert_eq!(
            written("beaker.session.id", &"a".repeat(32), &Attributes { same_site: Some("Lax"), ..PLAIN }),
            " beaker.session.id=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; Path=/; SameSite=Lax"
        );
        let without_path = Attributes {
            domain: Some(".example.org"),
            expires: Some("Thu, 01-Jan-1970 00:00:00 GMT"),
            http_only: true,
            partitioned: false,
            path: "",
            same_site: Some("Strict"),
            secure: true,
        };
        assert_eq!(
            written("k", "v", &without_path),
            " k=v; Domain=.example.org; expires=Thu, 01-Jan-1970 00:00:00 GMT; HttpOnly; SameSite=Strict; Secure"
        );
        assert_eq!(
            written("k", "v", &Attributes { http_only: true, partitioned: true, secure: true, ..PLAIN }),
            " k=v; HttpOnly; Partitioned; Path=/; Secure"
        );
        assert_eq!(
            written("k", "v", &Attributes { same_site: Some("None"), secure: true, ..PLAIN }),
            " k=v; Path=/; SameSite=None; Secure"
        );
    }

    #[test]
    fn an_empty_attribute_is_left_out_and_valid() {
        let empty =
            Attributes { domain: Some(""), expires: Some(""), same_site: Some(""), path: "", ..PLAIN };
        assert!(validate("k", &empty).is_ok());
        assert_eq!(written("k", "v", &empty), " k=v");
    }

    #[test]
    fn what_is_written_is_appended() {
        let mut out = String::from("Set-Cookie:");
        write(&mut out, "k", "v", &PLAIN);
        assert_eq!(out, "Set-Cookie: k=v; Path=/");
    }

    #[test]
    fn same_site_is_read_in_any_case_and_written_as_it_was_given() {
        assert_eq!(SameSite::parse("lAX").unwrap(), SameSite::Lax);
        assert_eq!(SameSite::parse("STRICT").unwrap(), SameSite::Strict);
        assert_eq!(SameSite::parse("none").unwrap(), SameSite::None);
        let attributes = Attributes { same_site: Some("lax"), path: "/app", ..PLAIN };
        assert!(validate("k", &attributes).is_ok());
        assert_eq!(written("k", "v", &attributes), " k=v; Path=/app; SameSite=lax");
    }

    #[test]
    fn an_unknown_same_site_is_invalid() {
        for text in ["", "Laxx", " Lax", "true", "Lax; Domain=evil"] {
            assert_eq!(SameSite::parse(text).unwrap_err().kind(), ErrorKind::Invalid);
        }
    }

    /// What `check` lets pass of texts that hold many of the characters that matter and some of all others.
    fn passed(check: fn(&str) -> Result<()>) -> impl Strategy<Value = String> {
        prop_oneof![r#"[/a-c.; ="\\\r\n\t,]{0,6}"#, "[/a-z.]{0,8}", "[ -~]{0,4}", any::<String>()]
            .prop_filter("validated", move |text| check(text).is_ok())
    }

    proptest! {
        #[test]
        fn a_header_of_validated_parts_holds_the_given_attributes_and_no_others(
            name in prop_oneof![9 => passed(validate_name), 1 => "__(Host|secure)-x"],
            value in passed(validate_value),
            domain in option::of(passed(validate_domain)),
            path in prop_oneof![passed(validate_path), Just("/".to_owned())],
            expires in option::of(passed(validate_path)),
            same_site in option::of(
                "(?i:lax|strict|none)[; ]?".prop_filter("validated", |text| SameSite::parse(text).is_ok())
            ),
            http_only: bool,
            partitioned: bool,
            secure: bool,
        ) {
            let (domain, expires, same_site) = (domain.as_deref(), expires.as_deref(), same_site.as_deref());
            let attributes =
                Attributes { domain, expires, http_only, partitioned, path: &path, same_site, secure };
            prop_assume!(validate(&name, &attributes).is_ok());
            let header = written(&name, &value, &attributes);

            prop_assert!(header.bytes().all(|byte| matches!(byte, b' '..=b'~')));
            // A browser cuts at every semicolon (RFC 6265, section 5.2).
            let mut parts = header.split(';');
            let pair = format!(" {name}={value}");
            prop_assert_eq!(parts.next(), Some(pair.as_str()));
            let found: Vec<&str> = parts.collect();
            let with = |key: &str, text: Option<&str>| {
                text.filter(|text| !text.is_empty()).map(|text| format!(" {key}={text}"))
            };
            let given: Vec<String> = [
                with("Domain", domain),
                with("expires", expires),
                http_only.then(|| " HttpOnly".to_owned()),
                partitioned.then(|| " Partitioned".to_owned()),
                with("Path", Some(&path)),
                with("SameSite", same_site),
                secure.then(|| " Secure".to_owned()),
            ].into_iter().flatten().collect();
            prop_assert_eq!(found, given);
        }

        #[test]
        fn a_validated_cookie_is_read_as_it_was_written(
            name in passed(validate_name),
            value in passed(validate_value),
        ) {
            let header = written(&name, &value, &Attributes { path: "", ..PLAIN });
            prop_assert_eq!(cookies(&header).collect::<Vec<_>>(), [(name.as_str(), value.as_str())]);
        }
    }
}
