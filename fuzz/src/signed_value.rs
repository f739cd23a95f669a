//! Signed cookie values of both formats: [`Signer`], [`Stamper`], and [`IdKeyring`] above them.

use std::sync::LazyLock;

use beaker_core::cookie::{Accepted, Format, IdKeyring, Signer, Stamper};

use crate::input::{Edit, edit_and_rest, texts};
use crate::{FOREIGN_NAME, NAME, OLDER_NAME};

const NEWEST: &str = "the secret that signs";
const OLDER: &str = "the secret that used to sign";
const FOREIGN: &str = "the secret of somebody else";
/// Seconds since the epoch.
const NOW: u32 = 1_700_000_000;

const FORMATS: [Format; 2] = [Format::One, Format::Two];
const NAMES: [&str; 2] = [NAME, OLDER_NAME];

/// Rings that write the one format and the other.
struct Rings {
    ours: [IdKeyring; 2],
    older: [IdKeyring; 2],
    foreign: [IdKeyring; 2],
}

static KEYRINGS: LazyLock<Rings> = LazyLock::new(|| {
    let rings = |secrets: &[&str], names: &[&str]| {
        FORMATS.map(|format| IdKeyring::new(secrets, names, format).expect("secrets and names are given"))
    };
    Rings {
        ours: rings(&[NEWEST, OLDER], &NAMES),
        older: rings(&[OLDER], &[NAME]),
        foreign: rings(&[FOREIGN], &[NAME]),
    }
});

/// Tries the laws on a change and a text, which stands for what was sent and for what is signed.
pub fn hold(data: &[u8]) {
    let (edit, rest) = edit_and_rest(data);
    for text in texts(rest) {
        what_verifies_was_signed(&text);
        what_is_signed_verifies(&text);
        what_others_signed_does_not(&text);
        what_is_changed_does_not(&text, edit);
    }
}

/// Only what signing makes is accepted, character for character.
fn what_verifies_was_signed(sent: &str) {
    for (keyring, writes) in KEYRINGS.ours.iter().zip(FORMATS) {
        for name in NAMES {
            let Some(accepted) = keyring.verify(name, sent) else { continue };
            let secret =
                [NEWEST, OLDER].into_iter().find(|secret| sign_again(secret, name, accepted) == sent);
            assert!(secret.is_some(), "{sent:?} verifies and nothing that we know signed it");
            let format = if accepted.signed_at.is_some() { Format::Two } else { Format::One };
            let is_current = secret == Some(NEWEST) && name == NAME && format == writes;
            assert_eq!(accepted.is_current, is_current, "{sent:?}");
        }
        assert_eq!(keyring.verify(FOREIGN_NAME, sent), None);
    }
}

fn sign_again(secret: &str, name: &str, accepted: Accepted<'_>) -> String {
    match accepted.signed_at {
        None => Signer::new(secret.as_bytes()).expect("a secret").sign(accepted.value),
        Some(at) => {
            Stamper::new(secret.as_bytes(), name).expect("a secret and a name").sign(accepted.value, at)
        }
    }
}

/// What the newest secret signs is current; what an older one signed is accepted and is not.
fn what_is_signed_verifies(value: &str) {
    for (index, format) in FORMATS.into_iter().enumerate() {
        for (signers, is_newest) in [(&KEYRINGS.ours, true), (&KEYRINGS.older, false)] {
            let Some(signed) = signers.get(index).map(|keyring| keyring.sign(value, f64::from(NOW))) else {
                continue;
            };
            for (keyring, writes) in KEYRINGS.ours.iter().zip(FORMATS) {
                let signed_at = (format == Format::Two).then_some(u64::from(NOW));
                let is_current = is_newest && writes == format;
                let accepted = Accepted { value, signed_at, is_current };
                assert_eq!(keyring.verify(NAME, &signed), Some(accepted));
                // Format 2 is bound to its cookie, format 1 to none.
                let elsewhere = (format == Format::One).then_some(Accepted { is_current: false, ..accepted });
                assert_eq!(keyring.verify(OLDER_NAME, &signed), elsewhere);
                assert_eq!(keyring.verify(FOREIGN_NAME, &signed), None);
            }
        }
    }
}

fn what_others_signed_does_not(value: &str) {
    for foreign in &KEYRINGS.foreign {
        let signed = foreign.sign(value, f64::from(NOW));
        for keyring in &KEYRINGS.ours {
            assert!(NAMES.iter().all(|name| keyring.verify(name, &signed).is_none()));
        }
    }
}

/// One change anywhere, and nothing of ours is left; but for what was in the value from the first, which may be a
/// whole signed value.
fn what_is_changed_does_not(value: &str, edit: Edit) {
    for signer in &KEYRINGS.ours {
        let signed = signer.sign(value, f64::from(NOW));
        let changed = edit.of_text(&signed);
        if changed == signed || value.contains(&changed) {
            continue;
        }
        for keyring in &KEYRINGS.ours {
            for name in NAMES {
                assert_eq!(keyring.verify(name, &changed), None, "{signed:?} became {changed:?}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeds_have_values_that_verify_in_both_formats_and_under_both_secrets() {
        for (seed, is_current) in [
            (&include_bytes!("../seeds/signed_value/format-1")[..], true),
            (include_bytes!("../seeds/signed_value/format-1-older"), false),
            (include_bytes!("../seeds/signed_value/format-2"), true),
            (include_bytes!("../seeds/signed_value/format-2-older"), false),
        ] {
            let value = texts(edit_and_rest(seed).1).next().unwrap_or_default();
            let accepted =
                KEYRINGS.ours.iter().map(|keyring| keyring.verify(NAME, &value).map(|it| it.is_current));
            let expected = if is_current { [Some(true), Some(false)] } else { [Some(false); 2] };
            let mut found: Vec<_> = accepted.collect();
            found.sort_unstable_by(|a, b| b.cmp(a));
            assert_eq!(found, expected);
        }
    }
}
