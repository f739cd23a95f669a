//! Warnings about options that work as in Beaker but should be given another way.

use super::Settings;

impl Settings {
    /// Warnings for the programmer. No key is in them.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.use_cookies {
            let names = self.names().filter(|name| name.contains(':'));
            warnings.extend(names.map(|name| {
                format!(
                    "the cookie's name {name:?} has a colon, which RFC 6265 forbids and some proxies drop. Give a \
                     new name as 'key' and this one as 'key_fallbacks', and nobody is logged out"
                )
            }));
            if !self.path.starts_with('/') {
                warnings.push(format!(
                    "cookie_path {:?} does not begin with '/': browsers use the folder of the page instead",
                    self.path
                ));
            }
        }
        warnings.extend(self.keys.texts_of_bytes(self.kind).map(|name| {
            format!(
                "{name} is Python's text of bytes, with the b and the quotes, as Beaker uses it. Once no process of \
                 Beaker reads these sessions, give a new key of plain text (`python -m beaker key`) as {name}, and \
                 these bytes as {name}_fallbacks until all visitors have come back. Nobody is logged out"
            )
        }));
        if self.format_one.is_far_ahead() {
            warnings.push(String::from(
                "accept_format_1_until is more than a year ahead: until then another cookie that the same key signed, \
                 or one planted under an older name, is accepted as this one",
            ));
        }
        if self.limits.idle == Some(0.0) {
            warnings.push(String::from(
                "timeout = 0 ends every session at its next request; for no timeout leave it out or give None",
            ));
        }
        warnings
    }
}
