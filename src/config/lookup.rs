//! Finds options in the table: by name, by likeness and by position.

use super::option::OptionSpec;
use super::table::GROUPS;

/// Every option.
pub fn options() -> impl Iterator<Item = &'static OptionSpec> {
    GROUPS.iter().flat_map(|group| group.options)
}

/// The option of that name, if there is one.
pub fn option(name: &str) -> Option<&'static OptionSpec> {
    options().find(|option| option.name == name)
}

/// The known name that resembles an unknown one most, if one resembles it enough to be meant.
pub fn nearest_name(unknown: &str) -> Option<&'static str> {
    const ALIKE: f64 = 0.75;
    options()
        .map(|option| (strsim::normalized_damerau_levenshtein(unknown, option.name), option.name))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

/// The positional parameters of `Session`, in Beaker's order.
pub const SESSION_PARAMETERS: [&str; 22] = parameters(false);

/// The positional parameters of `CookieSession`, in Beaker's order.
pub const COOKIE_SESSION_PARAMETERS: [&str; 16] = parameters(true);

/// An option that the program itself names: `known!("timeout")`. A name that is not in the table does not compile.
macro_rules! known {
    ($name:literal) => {
        const { $crate::config::lookup::known_option($name) }
    };
}
pub(crate) use known;

/// The option of that name. The compiler evaluates it, by [`known!`].
#[allow(clippy::panic, clippy::indexing_slicing, reason = "only the compiler runs it")]
pub(crate) const fn known_option(name: &str) -> &'static OptionSpec {
    let mut group = 0;
    while group < GROUPS.len() {
        let options = GROUPS[group].options;
        let mut at = 0;
        while at < options.len() {
            if is_same(options[at].name, name) {
                return &options[at];
            }
            at += 1;
        }
        group += 1;
    }
    panic!("no option has that name")
}

#[allow(clippy::indexing_slicing, reason = "the lengths are compared first")]
const fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

/// The request, then the options by their positions. A gap and a position given twice do not compile.
#[allow(clippy::indexing_slicing, reason = "only the compiler runs it")]
const fn parameters<const N: usize>(of_cookie_session: bool) -> [&'static str; N] {
    let mut names = [""; N];
    names[0] = "request";
    let mut found = 1;
    let mut group = 0;
    while group < GROUPS.len() {
        let options = GROUPS[group].options;
        let mut at = 0;
        while at < options.len() {
            let option = &options[at];
            let position =
                if of_cookie_session { option.cookie_session_position } else { option.session_position };
            if position != 0 {
                assert!(names[position].is_empty(), "two options have one position");
                names[position] = option.name;
                found += 1;
            }
            at += 1;
        }
        group += 1;
    }
    assert!(found == N, "a position has no option");
    names
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use std::collections::BTreeSet;

    use super::*;
    use crate::config::DefaultValue;

    #[test]
    fn every_name_is_in_the_table_once() {
        let names: Vec<_> = options().map(|option| option.name).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        assert!(names.iter().all(|name| option(name).is_some_and(|found| found.name == *name)));
    }

    #[test]
    fn a_misspelt_name_finds_the_one_that_was_meant() {
        assert_eq!(nearest_name("timout"), Some("timeout"));
        assert_eq!(nearest_name("http_only"), Some("httponly"));
        assert_eq!(nearest_name("colour_of_the_sky"), None);
    }

    #[test]
    fn every_default_of_a_choice_is_one_of_its_words() {
        for option in options() {
            for default in [option.default, option.default_for(true)] {
                let DefaultValue::Text(word) = default else { continue };
                let choices = option.kind.choices();
                assert!(choices.is_empty() || choices.contains(&word), "{}", option.name);
            }
        }
    }

    #[test]
    fn every_key_has_its_fallbacks_and_its_file() {
        for key in ["secret", "validate_key", "encrypt_key"] {
            for name in [key.to_owned(), format!("{key}_fallbacks"), format!("{key}_file")] {
                assert!(option(&name).unwrap().kind.gives_keys(), "{name}");
            }
        }
        assert_eq!(options().filter(|option| option.kind.gives_keys()).count(), 9);
    }
}
