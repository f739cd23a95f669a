//! The options by name, and what kind of value each takes.

use crate::cookie::CookieDate;

/// An option's value, as far as its meaning does not need the interpreter.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Python's `None`.
    Null,
    /// A boolean.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// Text.
    Text(String),
    /// A `timedelta`, in seconds.
    Span(f64),
    /// A `datetime`: in UTC, or as it stands if it has no time zone.
    Date(CookieDate),
    /// A moment, in seconds since the epoch.
    Moment(f64),
    /// Several texts or byte strings.
    List(Vec<Vec<u8>>),
    /// Any other object, by the name of its type.
    Object(String),
}

/// What an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// Text that has a default of its own: a name, or one of several words.
    Word,
    /// The path of a folder.
    Folder,
    /// The path of a file.
    File,
    /// `cookie_path`.
    CookiePath,
    /// A boolean or a word for one.
    Bool,
    /// A whole number that is not negative, or its digits.
    Int,
    /// The same, or a number of seconds with a fraction.
    Seconds,
    /// `cookie_expires`: a boolean, a span, a date or a number of seconds.
    Expires,
    /// A key, or several with the newest first. Text is one key as it stands, unless it is a JSON list.
    Keys,
    /// Keys that are no longer written with: a list, or text with a key a line.
    OlderKeys,
    /// Names: a list, or text with spaces, commas or line ends between them.
    Names,
    /// A moment: seconds since the epoch, a `datetime`, or text for one (ISO 8601).
    Moment,
    /// Text, or an object with `loads` and `dumps`.
    Serializer,
    /// Whatever it is, it is passed on.
    Any,
}

/// Who an option is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The session itself.
    Session,
    /// The middleware; a session takes it and does nothing with it.
    Middleware,
    /// The backend, which gets it as an argument.
    Backend,
}

/// An option: its name, its kind and who it is for.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The name, without `session.`.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// Who it is for.
    pub scope: Scope,
}

const fn session(name: &'static str, kind: Kind) -> Rule {
    Rule { name, kind, scope: Scope::Session }
}
const fn middleware(name: &'static str, kind: Kind) -> Rule {
    Rule { name, kind, scope: Scope::Middleware }
}
const fn backend(name: &'static str, kind: Kind) -> Rule {
    Rule { name, kind, scope: Scope::Backend }
}

const RULES: &[Rule] = &[
    session("type", Kind::Text),
    session("key", Kind::Word),
    session("id", Kind::Word),
    session("data_dir", Kind::Folder),
    session("key_fallbacks", Kind::Names),
    session("secret", Kind::Keys),
    session("secret_fallbacks", Kind::OlderKeys),
    session("secret_file", Kind::File),
    session("cookie_format", Kind::Int),
    session("accept_format_1_until", Kind::Moment),
    session("record_format", Kind::Int),
    session("profile", Kind::Word),
    session("timeout", Kind::Seconds),
    session("absolute_timeout", Kind::Seconds),
    session("session_epoch", Kind::Moment),
    session("sweep_interval", Kind::Seconds),
    session("max_sessions", Kind::Int),
    session("hash_ids", Kind::Bool),
    session("save_accessed_time", Kind::Bool),
    session("concurrency", Kind::Word),
    session("destroy_old", Kind::Any),
    session("lock_timeout", Kind::Seconds),
    session("cookie_expires", Kind::Expires),
    session("rolling", Kind::Bool),
    session("cookie_domain", Kind::Text),
    session("cookie_path", Kind::CookiePath),
    session("secure", Kind::Bool),
    session("httponly", Kind::Bool),
    session("samesite", Kind::Text),
    session("partitioned", Kind::Bool),
    session("use_cookies", Kind::Bool),
    session("invalidate_corrupt", Kind::Bool),
    session("data_serializer", Kind::Serializer),
    session("read_also_serializer", Kind::Word),
    session("pickle", Kind::Word),
    session("pickle_allow", Kind::Names),
    session("encrypt_key", Kind::Keys),
    session("encrypt_key_fallbacks", Kind::OlderKeys),
    session("encrypt_key_file", Kind::File),
    session("validate_key", Kind::Keys),
    session("validate_key_fallbacks", Kind::OlderKeys),
    session("validate_key_file", Kind::File),
    session("encrypt_nonce_bits", Kind::Int),
    session("crypto_type", Kind::Word),
    session("namespace_class", Kind::Any),
    middleware("auto", Kind::Bool),
    middleware("vary", Kind::Bool),
    middleware("no_store", Kind::Bool),
    middleware("session_class", Kind::Any),
    middleware("webtest_varname", Kind::Text),
    middleware("log_file", Kind::Any),
    backend("durability", Kind::Word),
    backend("lock_dir", Kind::Folder),
    backend("file_dir", Kind::Folder),
    backend("dbm_dir", Kind::Folder),
    backend("dbmmodule", Kind::Any),
    backend("url", Kind::Any),
    backend("memcache_module", Kind::Any),
    backend("table_name", Kind::Any),
    backend("table", Kind::Any),
    backend("bind", Kind::Any),
    backend("optimistic", Kind::Any),
    backend("sa_opts", Kind::Any),
];

/// The rule of an option, if there is an option of that name.
#[must_use]
pub fn rule(name: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.name == name)
}

/// Every option's name.
pub fn option_names() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|rule| rule.name)
}

/// The known name that an unknown one was probably meant to be.
#[must_use]
pub fn nearest_name(unknown: &str) -> Option<&'static str> {
    const ALIKE: f64 = 0.75;
    option_names()
        .map(|name| (strsim::normalized_damerau_levenshtein(unknown, name), name))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}
