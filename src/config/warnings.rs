//! Warnings about options that work as in Beaker but should be given another way.

use super::Settings;

impl Settings {
    /// Warnings for the programmer. No key is in them.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.use_cookies {
            let names = self.names().filter(|name| name.contains(':'));
            warnings.extend(names.map(|name| {
                format!(
                    "the cookie's name {name:?} has a colon, which RFC 6265 does not allow: not every proxy lets it \
                     through. With a new name in 'key' and this one in 'key_fallbacks' nobody is logged out"
                )
            }));
            if !self.path.starts_with('/') {
                warnings.push(format!(
                    "the cookie_path {:?} does not begin with '/': browsers put the folder of the page in its place",
                    self.path
                ));
            }
        }
        warnings.extend(self.keys.texts_of_bytes(self.keeping).map(|name| {
            format!(
                "{name} is the text that Beaker makes of bytes, with the letter and the quotes around it. Once no \
                 Beaker reads what it signs, give a new key that is plain text (`python -m beaker key`) as {name}, \
                 and these bytes in {name}_fallbacks until all have come back: so nobody is logged out"
            )
        }));
        if self.format_one.is_far_ahead() {
            warnings.push(String::from(
                "accept_format_1_until is more than a year ahead: until then the value of another cookie that the \
                 same key signed passes for this one's, and so does a cookie that was planted under an older name",
            ));
        }
        if self.limits.idle == Some(0.0) {
            warnings.push(String::from(
                "timeout = 0 ends every session at its next request; without a timeout leave it out, or give None",
            ));
        }
        warnings
    }
}
