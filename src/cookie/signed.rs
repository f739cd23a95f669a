//! Signed cookie values, format 1: 40 lower-case hexadecimal digits of HMAC-SHA1 over the value (RFC 2104),
//! then the value itself.
//!
//! This is the format of every cookie that is in browsers today. SHA-1's collisions do not touch it: forging
//! an HMAC takes the key.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use subtle::ConstantTimeEq;

use crate::crypto::{Keyring, opaque_debug};
use crate::error::{Error, Result};

/// The bytes of an HMAC-SHA1.
const MAC_LENGTH: usize = 20;
/// The characters of a signature.
const SIGNATURE_LENGTH: usize = 2 * MAC_LENGTH;

/// Signs and verifies values with one secret.
///
/// The secret is worked into the state of the HMAC once; each signature starts from a copy of that state.
#[derive(Clone)]
pub struct Signer {
    keyed: Hmac<Sha1>,
}

impl Signer {
    /// A signer for `secret`, any number of bytes.
    ///
    /// # Errors
    /// [`Invalid`](crate::error::ErrorKind::Invalid) if the secret is empty: anybody could sign with it.
    pub fn new(secret: &[u8]) -> Result<Self> {
        if secret.is_empty() {
            return Err(Error::invalid("a secret that signs cookies must not be empty"));
        }
        Hmac::new_from_slice(secret)
            .map(|keyed| Self { keyed })
            .map_err(|error| Error::invalid("the secret cannot be used to sign cookies").with_source(error))
    }

    /// The signature of `value` followed by `value`.
    #[must_use]
    pub fn sign(&self, value: &str) -> String {
        let mut signed = String::with_capacity(SIGNATURE_LENGTH + value.len());
        signed.extend(self.signature(value).map(char::from));
        signed.push_str(value);
        signed
    }

    /// The value in `signed`, if its first 40 characters are the signature of the rest.
    ///
    /// The signature of the empty value is a signature like any other, so `Some("")` is possible. Signatures
    /// are compared as text, hence with upper-case digits they are refused; how long that takes does not
    /// depend on how much of a forged one is right.
    #[must_use]
    pub fn verify<'a>(&self, signed: &'a str) -> Option<&'a str> {
        // A character of several bytes among the first 40 is no digit, so counting bytes refuses the same.
        let (signature, value) = signed.split_at_checked(SIGNATURE_LENGTH)?;
        let genuine: bool = self.signature(value).ct_eq(signature.as_bytes()).into();
        genuine.then_some(value)
    }

    /// The signature of `value` in lower-case hexadecimal digits.
    fn signature(&self, value: &str) -> [u8; SIGNATURE_LENGTH] {
        let mac: [u8; MAC_LENGTH] = self.keyed.clone().chain_update(value).finalize().into_bytes().into();
        let mut text = [0; SIGNATURE_LENGTH];
        for (digits, byte) in text.chunks_exact_mut(2).zip(mac) {
            digits.copy_from_slice(&[hex_digit(byte >> 4), hex_digit(byte & 0x0f)]);
        }
        text
    }
}

opaque_debug!(Signer);

impl Keyring<Signer> {
    /// A keyring of signers for `secrets`, the newest first.
    ///
    /// # Errors
    /// `Invalid` if there is no secret, or if one is empty.
    pub fn signers(secrets: &[impl AsRef<[u8]>]) -> Result<Self> {
        Self::new(secrets.iter().map(|secret| Signer::new(secret.as_ref())), "signed cookies need a secret")
    }

    /// `value` signed with the newest secret.
    #[must_use]
    pub fn sign(&self, value: &str) -> String {
        self.newest().sign(value)
    }

    /// The value in `signed`, if one of the secrets signed it, and whether that was the newest.
    #[must_use]
    pub fn verify<'a>(&self, signed: &'a str) -> Option<(&'a str, bool)> {
        self.find_map(|signer| signer.verify(signed))
    }
}

/// The digit for 0 to 15, by arithmetic: neither a branch nor a table whose cache lines tell what was asked,
/// because the right signature of a forged cookie passes through here.
const fn hex_digit(nibble: u8) -> u8 {
    let is_letter = 9_u8.wrapping_sub(nibble) >> 7;
    b'0' + nibble + is_letter * (b'a' - b'0' - 10)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::error::ErrorKind;

    fn signer(secret: impl AsRef<[u8]>) -> Signer {
        Signer::new(secret.as_ref()).unwrap()
    }

    #[test]
    fn hexadecimal_digits_are_lower_case() {
        let digits: Vec<u8> = (0..16).map(hex_digit).collect();
        assert_eq!(digits, b"0123456789abcdef");
    }

    #[test]
    fn the_vectors_of_rfc_2202_hold() {
        // Cases 3 and 4 sign bytes that are no text; they follow below.
        for (key, data, digest) in [
            (vec![0x0b; 20], "Hi There", "b617318655057264e28bc0b6fb378c8ef146be00"),
            (b"Jefe".to_vec(), "what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
            (vec![0x0c; 20], "Test With Truncation", "4c1a03424b55e07fe7f27be1d58bb9324a9a5a04"),
            (
                vec![0xaa; 80],
                "Test Using Larger Than Block-Size Key - Hash Key First",
                "aa4ae5e15272d00e95705637ce8a3b55ed402112",
            ),
            (
                vec![0xaa; 80],
                "Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data",
                "e8e99d0f45237d786d6bbaa7965c7808bbff1a91",
            ),
        ] {
            assert_eq!(signer(key).sign(data), format!("{digest}{data}"));
        }
    }

    #[test]
    fn the_vectors_of_rfc_2202_that_are_no_text_hold_for_the_keyed_state() {
        let case_4_key: Vec<u8> = (1..=25).collect();
        for (key, data, digest) in [
            (vec![0xaa; 20], [0xdd; 50], "125d7342b9ac11cd91a39af48aa17b4f63f175d3"),
            (case_4_key, [0xcd; 50], "4c9007f4026250c6bc8414f9bf50c86c2d7235da"),
        ] {
            let mac = signer(key).keyed.clone().chain_update(data).finalize().into_bytes();
            assert_eq!(mac.iter().map(|byte| format!("{byte:02x}")).collect::<String>(), digest);
        }
    }

    #[test]
    fn values_are_signed_as_the_original_signs_them() {
        let signer = signer("s\u{e9}cret");
        for (value, signed) in [
            ("", "7fdd4a996c3677a7a95df8759ce3485bbc9d4da9"),
            ("abc", "0063fcdef814c20aa8adc0733c900f9f14c88b15abc"),
            (
                "ffffffffffffffffffffffffffffffff",
                "8de9799de181b5b5fe1a85e141bc8b907a201756ffffffffffffffffffffffffffffffff",
            ),
            ("\u{e9}\u{20ac}", "4849ae82040938edc1cb2a826921ecba4fd2de4c\u{e9}\u{20ac}"),
            ("a.b", "c8a79017ba89d47798e50ad23c53d54290ccdd6ba.b"),
        ] {
            assert_eq!(signer.sign(value), signed);
            assert_eq!(signer.verify(signed), Some(value));
        }
    }

    #[test]
    fn a_signature_in_upper_case_is_refused() {
        let signer = signer("secret");
        let signed = signer.sign("abc");
        let shouted = signed[..40].to_uppercase() + "abc";
        assert_ne!(signed, shouted);
        assert_eq!(signer.verify(&shouted), None);
    }

    #[test]
    fn what_is_too_short_or_cut_through_a_character_is_refused() {
        let signer = signer("secret");
        for text in ["", "a", &"0".repeat(39), &"\u{e9}".repeat(45), &format!("{}\u{20ac}", "0".repeat(39))] {
            assert_eq!(signer.verify(text), None);
        }
    }

    #[test]
    fn an_empty_secret_is_invalid() {
        assert_eq!(Signer::new(b"").unwrap_err().kind(), ErrorKind::Invalid);
    }

    #[test]
    fn debug_shows_nothing_of_the_secret() {
        assert_eq!(format!("{:?}", signer("hunter2")), "Signer { .. }");
    }

    proptest! {
        #[test]
        fn what_was_signed_verifies(secret in vec(any::<u8>(), 1..100), value in any::<String>()) {
            let signer = signer(secret);
            let signed = signer.sign(&value);
            prop_assert_eq!(signer.verify(&signed), Some(value.as_str()));
        }

        #[test]
        fn a_different_secret_refuses(secret in "[a-z]{1,80}", value in any::<String>()) {
            let signed = signer(&secret).sign(&value);
            prop_assert_eq!(signer(secret + "x").verify(&signed), None);
        }

        #[test]
        fn every_flipped_bit_and_every_truncation_is_refused(secret in "[ -~]{1,40}", value in "[ -~]{0,40}") {
            let signer = signer(secret);
            let signed = signer.sign(&value);
            for at in 0..signed.len() {
                prop_assert_eq!(signer.verify(&signed[..at]), None);
                prop_assert_eq!(signer.verify(&signed[at + 1..]), None);
                for bit in 0..8 {
                    let mut bytes = signed.clone().into_bytes();
                    bytes[at] ^= 1 << bit;
                    // As a server reads a header: each byte a character.
                    let forged: String = bytes.into_iter().map(char::from).collect();
                    prop_assert_eq!(signer.verify(&forged), None);
                }
            }
        }

        #[test]
        fn no_text_panics(text in any::<String>()) {
            prop_assert_eq!(signer("secret").verify(&text), None);
        }
    }
}
