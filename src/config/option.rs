//! The description of one option.

/// The kind of value that an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// Text; a boolean stands for its Python text.
    Word,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// The path of a folder.
    Folder,
    /// The path of a file of keys.
    KeyFile,
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
    /// A key, or several with the newest first. Text is one key unchanged, unless it is a JSON list.
    Keys,
    /// Keys that no longer write: a list, or text with a key a line.
    OlderKeys,
    /// Names: a list, or text with spaces, commas or line ends between them.
    Names,
    /// A moment: seconds since the epoch, a `datetime`, or text for one (ISO 8601).
    Moment,
    /// Text, or an object with `loads` and `dumps`.
    Serializer,
    /// Any object; nothing looks at it here.
    Any,
}

impl Kind {
    /// Whether options of this kind give keys.
    pub const fn gives_keys(self) -> bool {
        matches!(self, Self::Keys | Self::OlderKeys | Self::KeyFile)
    }

    /// Whether the value is a name or a word, for which Python's text of a boolean or a number will do.
    pub const fn is_word(self) -> bool {
        matches!(self, Self::Word | Self::Choice(_))
    }

    /// The words to choose from, if the option takes nothing else.
    pub const fn choices(self) -> &'static [&'static str] {
        if let Self::Choice(words) = self { words } else { &[] }
    }

    /// The name in the documentation, which explains each.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text | Self::Word => "text",
            Self::Choice(_) => "choice",
            Self::Folder => "folder",
            Self::KeyFile => "file",
            Self::CookiePath => "path",
            Self::Bool => "boolean",
            Self::Int => "number",
            Self::Seconds => "seconds",
            Self::Expires => "expiry",
            Self::Keys => "keys",
            Self::OlderKeys => "older keys",
            Self::Names => "names",
            Self::Moment => "moment",
            Self::Serializer => "serializer",
            Self::Any => "object",
        }
    }

    /// The type of the attribute that shows the option, for the type stubs.
    pub const fn annotation(self) -> &'static str {
        match self {
            Self::Text | Self::Folder | Self::KeyFile => "str | None",
            Self::Word | Self::Choice(_) | Self::CookiePath => "str",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Seconds => "float | None",
            Self::Keys => "str | bytes | Sequence[str | bytes] | None",
            _ => "Any",
        }
    }
}

/// The value of an option that was not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultValue {
    /// None.
    Unset,
    /// A boolean.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Text.
    Text(&'static str),
    /// It depends on other things, as the documentation says.
    Depends(&'static str),
}

impl DefaultValue {
    /// The documentation's text, in Markdown.
    pub fn documented(self) -> String {
        match self {
            Self::Unset => String::from("none"),
            Self::Bool(flag) => String::from(if flag { "`True`" } else { "`False`" }),
            Self::Int(number) => format!("`{number}`"),
            Self::Text(text) => format!("`{text}`"),
            Self::Depends(text) => text.to_owned(),
        }
    }
}

/// The default of an option under `profile = hardened`.
#[derive(Clone, Copy, Debug)]
pub struct Hardened {
    /// The default.
    pub default: DefaultValue,
    /// The reason, for the documentation.
    pub because: &'static str,
}

/// One option: everything about it that is data.
#[derive(Clone, Copy, Debug)]
pub struct OptionSpec {
    /// The name, without `session.`.
    pub name: &'static str,
    /// The kind of value that it takes.
    pub kind: Kind,
    /// Its effect, in Markdown.
    pub meaning: &'static str,
    /// The value where none is given.
    pub default: DefaultValue,
    /// The default under `profile = hardened`, if it is another.
    pub hardened: Option<Hardened>,
    /// The value in `SessionMiddleware.options` before the configuration is read, if it is there.
    pub preset: Option<DefaultValue>,
    /// The sessions, stores or classes that use it, for the documentation.
    pub used_by: &'static str,
    /// Where it comes from: Beaker, or the version of this package that brought it.
    pub since: &'static str,
    /// Its place among the positional arguments of `Session`, after the request; 0 for none.
    pub session_position: usize,
    /// The same for `CookieSession`.
    pub cookie_session_position: usize,
    /// The attribute of a session that shows it, if there is one.
    pub attribute: Option<&'static str>,
    /// Whether the backend gets it as an argument.
    pub to_backend: bool,
    /// Whether Beaker's `coerce_session_params` leaves it as it is.
    pub uncoerced_in_beaker: bool,
    /// Whether `None` is a value that switches something off, and not an option that was not given.
    pub none_is_a_value: bool,
}

/// The name that `since` has for Beaker's own options.
const BEAKER: &str = "Beaker";

/// The version that brought the options that Beaker does not have.
const FIRST: &str = "0.1";

/// The users of an option that all sessions use.
const ALL: &str = "all";

impl OptionSpec {
    const fn new(
        name: &'static str,
        kind: Kind,
        default: DefaultValue,
        since: &'static str,
        meaning: &'static str,
    ) -> Self {
        Self {
            name,
            kind,
            meaning,
            default,
            hardened: None,
            preset: None,
            used_by: ALL,
            since,
            session_position: 0,
            cookie_session_position: 0,
            attribute: None,
            to_backend: false,
            uncoerced_in_beaker: false,
            none_is_a_value: false,
        }
    }

    /// An option that Beaker has.
    pub(super) const fn beaker(
        name: &'static str,
        kind: Kind,
        default: DefaultValue,
        meaning: &'static str,
    ) -> Self {
        Self::new(name, kind, default, BEAKER, meaning)
    }

    /// An option that Beaker does not have.
    pub(super) const fn ours(
        name: &'static str,
        kind: Kind,
        default: DefaultValue,
        meaning: &'static str,
    ) -> Self {
        Self::new(name, kind, default, FIRST, meaning)
    }

    /// The default as the documentation tells it, in Markdown.
    pub fn documented_default(&self) -> String {
        let default = self.default.documented();
        match self.preset {
            Some(preset) if preset != self.default && preset != DefaultValue::Unset => {
                format!("{}; {default} for a session made by hand", preset.documented())
            }
            _ => default,
        }
    }

    pub(super) const fn hardened(self, default: DefaultValue, because: &'static str) -> Self {
        Self { hardened: Some(Hardened { default, because }), ..self }
    }

    pub(super) const fn preset(self, value: DefaultValue) -> Self {
        Self { preset: Some(value), ..self }
    }

    pub(super) const fn used_by(self, what: &'static str) -> Self {
        Self { used_by: what, ..self }
    }

    pub(super) const fn at(mut self, session: usize, cookie_session: usize) -> Self {
        self.session_position = session;
        self.cookie_session_position = cookie_session;
        self
    }

    pub(super) const fn attribute(self, name: &'static str) -> Self {
        Self { attribute: Some(name), ..self }
    }

    pub(super) const fn to_backend(self) -> Self {
        Self { to_backend: true, ..self }
    }

    pub(super) const fn uncoerced_in_beaker(self) -> Self {
        Self { uncoerced_in_beaker: true, ..self }
    }

    pub(super) const fn none_is_a_value(self) -> Self {
        Self { none_is_a_value: true, ..self }
    }

    /// The default under a profile. Where the hardened one depends on other things, the settings work it out from the
    /// ordinary one.
    pub const fn default_for(&self, is_hardened: bool) -> DefaultValue {
        match self.hardened {
            None | Some(Hardened { default: DefaultValue::Depends(_), .. }) => self.default,
            Some(hardened) if is_hardened => hardened.default,
            Some(_) => self.default,
        }
    }
}
