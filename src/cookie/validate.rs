//! What may stand in a `Set-Cookie` header.

use super::chars::{has_control, is_name, is_token};
use super::set_cookie::{Attributes, SameSite};
use crate::error::{Error, Result};

/// Checks that `name` can be a cookie's name and that the attributes can be written and go together.
///
/// Browsers ignore a cookie without a word when its name begins with `__Host-` and it is not `Secure`, has a
/// `Domain` or a path other than `/`; when its name begins with `__Secure-` and it is not `Secure`; and when
/// it is `SameSite=None` and not `Secure` (RFC 6265bis, sections 4.1.3 and 5.7). They compare the prefixes
/// without regard to case, so that is done here too.
///
/// # Errors
/// [`Invalid`](crate::error::ErrorKind::Invalid), naming the invalid part.
pub fn validate(name: &str, attributes: &Attributes<'_>) -> Result<()> {
    validate_name(name)?;
    validate_path(attributes.path)?;
    let domain = attributes.domain.unwrap_or_default();
    validate_domain(domain)?;
    validate_host(domain)?;
    validate_attribute(attributes.expires.unwrap_or_default(), "a cookie's expires cannot be written")?;
    let same_site = attributes.same_site.filter(|text| !text.is_empty()).map(SameSite::parse).transpose()?;

    let host_only = is_host_only(name);
    if is_secure_only(name) && !attributes.secure {
        return Err(refused(name, "needs secure"));
    }
    if host_only && !domain.is_empty() {
        return Err(refused(name, "allows no domain"));
    }
    if host_only && attributes.path != "/" {
        return Err(refused(name, "needs the path /"));
    }
    if same_site == Some(SameSite::None) && !attributes.secure {
        return Err(Error::invalid("samesite = None needs secure: browsers refuse such a cookie without it"));
    }
    if attributes.partitioned && !attributes.secure {
        return Err(Error::invalid("partitioned needs secure: browsers refuse such a cookie without it"));
    }
    Ok(())
}

/// Checks that `name` can be a cookie's name.
///
/// # Errors
/// [`Invalid`](crate::error::ErrorKind::Invalid) if it is not.
pub fn validate_name(name: &str) -> Result<()> {
    if is_name(name) {
        return Ok(());
    }
    Err(Error::invalid("a cookie's name must be made of letters, digits and !#$%&'*+-.:^_`|~")
        .with_detail(format!("got {name:?}")))
}

/// Checks that `value` can be a cookie's value and comes back as it was sent.
///
/// Allowed is what RFC 6265 (section 4.1.1) calls a cookie-octet, and two characters more that browsers send
/// back and ids have been seen to hold: the comma, and the space other than at an end. Not allowed are
/// control characters and `;`, which would end the value; `"` and `\`, which readers unquote in different
/// ways; and what is not ASCII, whose encoding is anybody's guess.
///
/// # Errors
/// [`Invalid`](crate::error::ErrorKind::Invalid) otherwise. The value is a secret and not in the error.
pub fn validate_value(value: &str) -> Result<()> {
    let allowed = |byte| matches!(byte, b' '..=b'~') && !matches!(byte, b';' | b'"' | b'\\');
    if value.bytes().all(allowed) && !value.starts_with(' ') && !value.ends_with(' ') {
        return Ok(());
    }
    Err(Error::invalid("a cookie's value holds a character that a cookie cannot carry"))
}

/// Checks that `domain` can be written as an attribute (RFC 6265bis, section 4.1.1): ASCII without `;` and
/// without control characters. Empty is an attribute left out.
///
/// # Errors
/// [`Invalid`](crate::error::ErrorKind::Invalid) otherwise.
pub fn validate_domain(domain: &str) -> Result<()> {
    validate_attribute(domain, "a cookie's domain cannot be written")
}

/// Checks that `domain` is the name of a host, or its address. With anything else browsers drop the cookie without a
/// word: it has no scheme, no port and no path.
fn validate_host(domain: &str) -> Result<()> {
    let is_address = domain.starts_with('[') && domain.ends_with(']');
    let is_name =
        domain.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    if is_name || is_address {
        return Ok(());
    }
    Err(Error::invalid("a cookie's domain must be the name of a host, without a scheme, a port or a path")
        .with_detail(format!("got {domain:?}")))
}

/// Checks that `path` can be written as an attribute (RFC 6265bis, section 4.1.1): ASCII without `;` and
/// without control characters. Empty is an attribute left out.
///
/// # Errors
/// [`Invalid`](crate::error::ErrorKind::Invalid) otherwise.
pub fn validate_path(path: &str) -> Result<()> {
    validate_attribute(path, "a cookie's path cannot be written")
}

/// Checks that `text` can be written as the value of the attribute `name`, which is one that
/// [`Attributes`] does not have: ASCII without `;` and without control characters.
///
/// # Errors
/// [`Invalid`](crate::error::ErrorKind::Invalid) otherwise, naming the attribute.
pub fn validate_other(name: &str, text: &str) -> Result<()> {
    if is_token(name) && is_attribute_value(text) {
        return Ok(());
    }
    Err(Error::invalid("a cookie's attribute cannot be written")
        .with_detail(format!("got {text:?} for {name:?}")))
}

/// Checks that `header` can be sent as the value of a `Set-Cookie` header: printable ASCII.
///
/// It says nothing of what the header means. It is the last look at text that [`write()`](super::write()) did not
/// write.
///
/// # Errors
/// [`Invalid`](crate::error::ErrorKind::Invalid) otherwise. The header holds a secret and is not in the error.
pub fn validate_header(header: &str) -> Result<()> {
    if header.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Ok(());
    }
    Err(Error::invalid("a Set-Cookie header holds a character that is not printable ASCII"))
}

/// Checks that `text` is made of av-octets, the characters of an attribute's value.
fn validate_attribute(text: &str, complaint: &'static str) -> Result<()> {
    if is_attribute_value(text) {
        return Ok(());
    }
    Err(Error::invalid(complaint).with_detail(format!("got {text:?}")))
}

/// Whether `text` is made of av-octets (RFC 6265bis, section 4.1.1).
fn is_attribute_value(text: &str) -> bool {
    text.is_ascii() && !has_control(text) && !text.bytes().any(|byte| matches!(byte, b';' | b'\t'))
}

/// Whether browsers accept a cookie of this name only without a domain and with the path `/`.
#[must_use]
pub fn is_host_only(name: &str) -> bool {
    has_prefix(name, "__Host-")
}

/// Whether browsers accept a cookie of this name only if it is `Secure`.
fn is_secure_only(name: &str) -> bool {
    is_host_only(name) || has_prefix(name, "__Secure-")
}

/// `attributes` as a cookie of this name has to have them: without, browsers ignore even the header that takes the
/// cookie away.
#[must_use]
pub fn as_demanded<'a>(name: &str, attributes: Attributes<'a>) -> Attributes<'a> {
    let attributes = Attributes { secure: attributes.secure || is_secure_only(name), ..attributes };
    if is_host_only(name) { Attributes { domain: None, path: "/", ..attributes } } else { attributes }
}

fn has_prefix(name: &str, prefix: &str) -> bool {
    name.split_at_checked(prefix.len()).is_some_and(|(start, _)| start.eq_ignore_ascii_case(prefix))
}

fn refused(name: &str, why: &'static str) -> Error {
    Error::invalid("browsers would ignore the cookie").with_detail(format!("the name {name:?} {why}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

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

    fn refuses(name: &str, attributes: &Attributes<'_>) -> bool {
        validate(name, attributes).is_err_and(|error| error.kind() == ErrorKind::Invalid)
    }

    #[test]
    fn a_name_that_no_cookie_can_have_is_invalid() {
        for name in ["", "a b", "a=b", "a;b", "a,b", "\"a\"", "a\r\nb", "caf\u{e9}", "a/b", "a\0"] {
            assert!(refuses(name, &PLAIN), "{name:?}");
        }
        assert!(validate("beaker.session.id", &PLAIN).is_ok());
        assert!(validate("app:sid", &PLAIN).is_ok());
    }

    #[test]
    fn an_attribute_that_would_begin_another_attribute_or_header_is_invalid() {
        for text in
            ["/;Domain=evil", "/\r\nX: y", "/\n", "/\0", "/\t", "/\u{7f}", "/\u{85}", "/\u{e9}", "\u{2028}"]
        {
            assert!(validate_path(text).is_err(), "{text:?}");
            assert!(validate_domain(text).is_err(), "{text:?}");
            assert!(refuses("k", &Attributes { path: text, ..PLAIN }), "{text:?}");
            assert!(refuses("k", &Attributes { domain: Some(text), ..PLAIN }), "{text:?}");
            assert!(refuses("k", &Attributes { expires: Some(text), ..PLAIN }), "{text:?}");
            assert!(refuses("k", &Attributes { same_site: Some(text), ..PLAIN }), "{text:?}");
            let error = validate_other("Max-Age", text).unwrap_err();
            assert!(error.to_string().contains("Max-Age"), "{error}");
        }
        assert!(validate_other("Max-Age", "60").is_ok());
        assert!(validate_other("Max Age", "60").is_err());
    }

    #[test]
    fn a_header_that_is_not_printable_ascii_is_invalid_and_not_shown() {
        assert!(validate_header(" id=hunter; Path=/; Comment=\"a b\"").is_ok());
        for end in ["\r\n", "\n", "\t", "\0", "\u{7f}", "\u{85}", "\u{e9}", "\u{2028}", "\u{fffd}"] {
            let error = validate_header(&format!(" id=hunter{end}")).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter"), "{end:?}");
        }
    }

    #[test]
    fn the_host_prefix_demands_secure_the_path_of_all_and_no_domain() {
        let host = Attributes { secure: true, ..PLAIN };
        for name in ["__Host-id", "__host-id", "__HOST-id"] {
            assert!(validate(name, &host).is_ok());
            assert!(refuses(name, &PLAIN));
            assert!(refuses(name, &Attributes { path: "/app", ..host }));
            assert!(refuses(name, &Attributes { path: "", ..host }));
            assert!(refuses(name, &Attributes { domain: Some("example.org"), ..host }));
            assert!(validate(name, &Attributes { domain: Some(""), ..host }).is_ok());
        }
    }

    #[test]
    fn the_secure_prefix_demands_secure() {
        let secure = Attributes { secure: true, path: "/app", domain: Some("example.org"), ..PLAIN };
        assert!(validate("__Secure-id", &secure).is_ok());
        assert!(refuses("__secure-id", &Attributes { secure: false, ..secure }));
        assert!(validate("__Secureid", &PLAIN).is_ok());
    }

    #[test]
    fn attributes_as_a_name_demands_them_are_those_that_it_is_accepted_with() {
        let given = Attributes { path: "/app", domain: Some("example.org"), ..PLAIN };
        for name in ["__Host-id", "__host-id", "__Secure-id", "id"] {
            assert!(validate(name, &as_demanded(name, given)).is_ok(), "{name}");
        }
        assert_eq!(as_demanded("id", given), given);
        assert_eq!(as_demanded("__Secure-id", given), Attributes { secure: true, ..given });
        assert_eq!(as_demanded("__Host-id", given), Attributes { secure: true, ..PLAIN });
    }

    #[test]
    fn a_domain_is_a_host_without_scheme_port_or_path() {
        let with = |domain| Attributes { domain: Some(domain), ..PLAIN };
        for host in ["", "example.org", ".example.org", "a_b.example", "127.0.0.1", "[::1]", "xn--caf-dma.fr"]
        {
            assert!(validate("k", &with(host)).is_ok(), "{host}");
        }
        for other in [
            "example.org:8080",
            "https://example.org",
            "example.org/app",
            "[::1",
            "::1]",
            "a b",
            "a,b",
            "*.b",
        ] {
            assert!(refuses("k", &with(other)), "{other}");
            // What a session has stored before is written as it stands.
            assert!(validate_domain(other).is_ok(), "{other}");
        }
    }

    #[test]
    fn same_site_none_demands_secure() {
        assert!(refuses("k", &Attributes { same_site: Some("NONE"), ..PLAIN }));
        assert!(validate("k", &Attributes { same_site: Some("NONE"), secure: true, ..PLAIN }).is_ok());
    }

    #[test]
    fn partitioned_demands_secure() {
        assert!(refuses("k", &Attributes { partitioned: true, ..PLAIN }));
        assert!(validate("k", &Attributes { partitioned: true, secure: true, ..PLAIN }).is_ok());
    }

    #[test]
    fn ids_as_programs_choose_them_are_values() {
        for id in ["", "0af3", "e2c1.progress.upload-1", "a,b c:/[x]{y}", "a+b/c==", "(x)|'y'"] {
            assert!(validate_value(id).is_ok(), "{id:?}");
        }
    }

    #[test]
    fn a_value_that_would_not_come_back_is_invalid_and_not_shown() {
        let spoiled = [";b", "\r\n", "\0", "\t", "\u{7f}", "\"", "\\", " ", "\u{e9}", "\u{85}"];
        for value in spoiled.map(|end| format!("hunter{end}")).iter().chain(&[" hunter".to_owned()]) {
            let error = validate_value(value).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid, "{value:?}");
            assert!(!format!("{error} {error:?}").contains("hunter"), "{value:?}");
        }
    }

    #[test]
    fn an_unknown_same_site_is_invalid() {
        assert!(refuses("k", &Attributes { same_site: Some("Laxx"), ..PLAIN }));
        assert!(validate("k", &Attributes { same_site: Some("lax"), ..PLAIN }).is_ok());
    }
}
