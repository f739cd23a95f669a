//! The character classes that reading and writing share.

/// Whether `text` can be a cookie's name: at least one character, and only those of a token (RFC 9110, section
/// 5.6.2: letters, digits and ``!#$%&'*+-.^_`|~``) and the colon, which browsers take and Python's `http.cookies`
/// writes.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte == b':' || is_token_byte(byte))
}

/// Whether `text` is a token.
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

/// Whether `text` holds a character that makes browsers throw a whole cookie away: a control character other
/// than the tab (RFC 6265bis, section 5.6).
///
/// Every byte is looked at even after one was found: without an early exit the compiler reads many at a time,
/// and values are nearly always clean.
pub(super) fn has_control(text: &str) -> bool {
    text.bytes().fold(false, |found, byte| found | ((byte < 0x20) & (byte != b'\t')) | (byte == 0x7f))
}

/// Whether `byte` may stand in a token.
const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_made_of_the_characters_that_rfc_9110_lists_and_no_others() {
        let listed: String = (0_u8..=127).filter(|&b| is_token_byte(b)).map(char::from).collect();
        assert_eq!(listed, "!#$%&'*+-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ^_`abcdefghijklmnopqrstuvwxyz|~");
        assert!((128_u8..=255).all(|b| !is_token_byte(b)));
    }

    #[test]
    fn the_empty_text_is_no_name() {
        assert!(!is_name("") && !is_token(""));
    }

    #[test]
    fn a_name_may_have_a_colon_that_no_token_has() {
        assert!(is_name("app:sid") && !is_token("app:sid"));
        assert!(!is_name("app/sid"));
    }

    #[test]
    fn a_tab_is_not_among_the_characters_that_spoil_a_cookie() {
        let spoiling: Vec<u8> =
            (0_u8..=127).filter(|&b| has_control(char::from(b).to_string().as_str())).collect();
        let expected: Vec<u8> = (0..=8).chain(10..=31).chain([127]).collect();
        assert_eq!(spoiling, expected);
    }

    #[test]
    fn one_control_character_does_not_make_up_for_another() {
        assert!(["\x7f\x7f", "\x01\x7f", "\x01\x01"].into_iter().all(has_control));
    }
}
