//! The address of a store: what `read_also` and the commands take.

use super::coerce::invalid;
use crate::error::Result;

/// A store by its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The option `type`.
    pub kind: String,
    /// The option `data_dir`.
    pub data_dir: Option<String>,
    /// The option `url`.
    pub url: Option<String>,
}

impl Location {
    /// Reads an address:
    ///
    /// * `memory`
    /// * `file:/var/lib/app/sessions`, `dbm:/var/lib/app/sessions`: the type and the `data_dir`
    /// * `redis://...`, `rediss://...`, `unix://...`, `memcached://host:11211`, `sqlite:////var/lib/app/sessions.sqlite`,
    ///   `postgresql://...` and others: a `url` whose scheme shows the type
    /// * `ext:database postgresql://...`: the type and the `url`
    ///
    /// # Errors
    /// `Invalid` for any other text. The error does not show it, since an address may have a password.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        if let Some((kind, url)) = text.split_once(char::is_whitespace) {
            return Ok(Self::at_url(kind, url.trim_start()));
        }
        if text == "memory" {
            return Ok(Self { kind: text.to_owned(), data_dir: None, url: None });
        }
        let (scheme, rest) = text.split_once(':').unwrap_or((text, ""));
        let folder = rest.strip_prefix("//").unwrap_or(rest);
        // SQLAlchemy names a driver after a plus.
        let dialect = scheme.split('+').next().unwrap_or_default();
        let kind = match dialect {
            "file" | "dbm" if !folder.is_empty() => {
                return Ok(Self { kind: scheme.to_owned(), data_dir: Some(folder.to_owned()), url: None });
            }
            "redis" | "rediss" | "unix" | "valkey" | "valkeys" if !rest.is_empty() => "ext:redis",
            "memcached" if !folder.is_empty() => return Ok(Self::at_url("ext:memcached", folder)),
            "mongodb" if !rest.is_empty() => "ext:mongodb",
            "sqlite" if !rest.is_empty() => "sqlite",
            "postgresql" | "mysql" | "mariadb" | "oracle" | "mssql" if !rest.is_empty() => "ext:database",
            _ => {
                return Err(invalid(
                    "not the address of a store: use memory, file:/folder, dbm:/folder, a URL that begins with redis, \
                     rediss, unix, memcached, mongodb, sqlite, postgresql, mysql, mariadb, oracle or mssql, or a type \
                     and a URL with a space between them",
                ));
            }
        };
        Ok(Self::at_url(kind, text))
    }

    fn at_url(kind: &str, url: &str) -> Self {
        Self { kind: kind.to_owned(), data_dir: None, url: Some(url.to_owned()) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

    use super::*;
    use crate::error::ErrorKind;

    fn read(text: &str) -> (String, Option<String>, Option<String>) {
        let Location { kind, data_dir, url } = Location::parse(text).unwrap();
        (kind, data_dir, url)
    }

    #[test]
    fn a_folder_has_its_type_before_it() {
        for (text, kind, folder) in [
            ("file:/var/sessions", "file", "/var/sessions"),
            ("file:///var/sessions", "file", "/var/sessions"),
            ("file:sessions", "file", "sessions"),
            (" dbm:/var/with:colon ", "dbm", "/var/with:colon"),
        ] {
            assert_eq!(read(text), (kind.to_owned(), Some(folder.to_owned()), None));
        }
        assert_eq!(read("memory"), ("memory".to_owned(), None, None));
    }

    #[test]
    fn the_scheme_of_a_url_shows_the_type() {
        for (text, kind, url) in [
            ("redis://localhost:6379/0", "ext:redis", "redis://localhost:6379/0"),
            ("rediss://:pw@host", "ext:redis", "rediss://:pw@host"),
            ("unix:///run/redis.sock", "ext:redis", "unix:///run/redis.sock"),
            ("memcached://a:11211,b:11211", "ext:memcached", "a:11211,b:11211"),
            ("mongodb+srv://host/db", "ext:mongodb", "mongodb+srv://host/db"),
            ("sqlite:////var/s.db", "sqlite", "sqlite:////var/s.db"),
            ("postgresql+psycopg://u:p@h/d", "ext:database", "postgresql+psycopg://u:p@h/d"),
            ("ext:database sqlite:///s.db", "ext:database", "sqlite:///s.db"),
            ("ext:mine  thing", "ext:mine", "thing"),
        ] {
            assert_eq!(read(text), (kind.to_owned(), None, Some(url.to_owned())));
        }
    }

    #[test]
    fn any_other_text_is_refused_and_not_shown() {
        for text in
            ["", "file", "file:", "file://", "ftp://secret", "secret", "redis:", "ext:redis", "sqlite:"]
        {
            let error = Location::parse(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid);
            assert!(!error.to_string().contains("secret"));
        }
    }
}
