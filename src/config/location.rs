//! The address of a store: what `read_also` and the commands take.

use super::coerce::invalid;
use crate::error::Result;

/// A store by its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The options that choose the store, with their values.
    pub options: Vec<(String, String)>,
}

impl Location {
    /// Reads an address:
    ///
    /// * `file:/var/lib/app/sessions`, `dbm:/var/lib/app/sessions`: the type and the `data_dir`. Other folders follow:
    ///   `file:/var/lib/app/sessions?lock_dir=/run/app/locks`
    /// * `redis://...`, `rediss://...`, `unix://...`, `memcached://host:11211`, `sqlite:////var/lib/app/sessions.sqlite`,
    ///   `postgresql://...` and others: a `url` whose scheme shows the type
    /// * `ext:database postgresql://...`: the type and the `url`
    ///
    /// # Errors
    /// `Invalid` for any other text. The error does not show it, since an address may have a password.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        if let Some((kind, url)) = text.split_once(char::is_whitespace) {
            return Ok(Self::of(kind, "url", url.trim_start()));
        }
        let (scheme, rest) = text.split_once(':').unwrap_or((text, ""));
        let below = rest.strip_prefix("//").unwrap_or(rest);
        // SQLAlchemy names a driver after a plus.
        let dialect = scheme.split('+').next().unwrap_or_default();
        Ok(match dialect {
            "file" | "dbm" if !below.is_empty() => return Self::in_folders(scheme, below),
            "redis" | "rediss" | "unix" | "valkey" | "valkeys" if !below.is_empty() => {
                Self::of("ext:redis", "url", text)
            }
            "memcached" if !below.is_empty() => Self::of("ext:memcached", "url", below),
            "mongodb" if !below.is_empty() => Self::of("ext:mongodb", "url", text),
            "sqlite" if !below.is_empty() => Self::of("sqlite", "url", text),
            "postgresql" | "mysql" | "mariadb" | "oracle" | "mssql" if !below.is_empty() => {
                Self::of("ext:database", "url", text)
            }
            _ => {
                return Err(invalid(
                    "not the address of a store: use file:/folder, dbm:/folder, a URL that begins with redis, rediss, \
                     unix, memcached, mongodb, sqlite, postgresql, mysql, mariadb, oracle or mssql, or a type and a URL \
                     with a space between them",
                ));
            }
        })
    }

    fn of(kind: &str, name: &str, value: &str) -> Self {
        let options = [("type", kind), (name, value)];
        Self { options: options.map(|(name, value)| (name.to_owned(), value.to_owned())).into() }
    }

    fn in_folders(kind: &str, folders: &str) -> Result<Self> {
        let (data_dir, others) = folders.split_once('?').unwrap_or((folders, ""));
        let mut location = Self::of(kind, "data_dir", data_dir);
        for other in others.split('&').filter(|other| !other.is_empty()) {
            match other.split_once('=') {
                Some((name @ ("file_dir" | "lock_dir" | "dbm_dir"), folder)) if !folder.is_empty() => {
                    location.options.push((name.to_owned(), folder.to_owned()));
                }
                _ => {
                    return Err(invalid(
                        "the address of a folder takes file_dir=..., lock_dir=... and dbm_dir=... after the question mark",
                    ));
                }
            }
        }
        Ok(location)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

    use super::*;
    use crate::error::ErrorKind;

    fn read(text: &str) -> Vec<(String, String)> {
        Location::parse(text).unwrap().options
    }

    fn of(kind: &str, name: &str, value: &str) -> Vec<(String, String)> {
        Location::of(kind, name, value).options
    }

    #[test]
    fn a_folder_has_its_type_before_it() {
        for (text, kind, folder) in [
            ("file:/var/sessions", "file", "/var/sessions"),
            ("file:///var/sessions", "file", "/var/sessions"),
            ("file:sessions", "file", "sessions"),
            (" dbm:/var/with:colon ", "dbm", "/var/with:colon"),
        ] {
            assert_eq!(read(text), of(kind, "data_dir", folder));
        }
        let mut more = of("file", "data_dir", "/a");
        more.push(("lock_dir".to_owned(), "/l".to_owned()));
        more.push(("file_dir".to_owned(), "/f".to_owned()));
        assert_eq!(read("file:/a?lock_dir=/l&file_dir=/f"), more);
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
            assert_eq!(read(text), of(kind, "url", url));
        }
    }

    #[test]
    fn any_other_text_is_refused_and_not_shown() {
        for text in [
            "",
            "file",
            "file:",
            "file://",
            "ftp://secret",
            "secret",
            "redis:",
            "ext:redis",
            "sqlite:",
            "memory",
            "file:/a?x=1",
            "file:/a?lock_dir=",
        ] {
            let error = Location::parse(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid);
            assert!(!error.to_string().contains("secret"));
        }
    }
}
