//! Encrypted values of both formats: [`Sealer`], which both cookies and stores use, and [`CookieSealer`].

use std::sync::LazyLock;

use beaker_core::codec::{Cipher, Decrypted, KeyPair, Sealer};
use beaker_core::cookie::{CookieSealer, Opened, SealingKeys};
use beaker_core::error::ErrorKind;

use crate::input::{Edit, edit_and_rest, latin_1};
use crate::keys::{FOREIGN_KEYS, KEYS, SILENT_KEYS};
use crate::{FOREIGN_NAME, NAME, OLDER_NAME};

const NONCE_BITS: [usize; 2] = [48, 128];

/// The sealers of format 1 for one size of nonce.
struct Sealers {
    /// Writes GCM.
    gcm: Sealer,
    /// Writes CTR. All read both.
    ctr: Sealer,
    older: Sealer,
    foreign: Sealer,
    silent_gcm: Sealer,
    silent_ctr: Sealer,
}

static SEALERS: LazyLock<[Sealers; 2]> = LazyLock::new(|| {
    NONCE_BITS.map(|bits| {
        let sealer = |keys: &[KeyPair<'_>], writes| {
            Sealer::new(keys, bits, writes).expect("keys and the size of the nonce are valid")
        };
        let (_, older) = KEYS.split_at(1);
        Sealers {
            gcm: sealer(&KEYS, Cipher::AesGcm),
            ctr: sealer(&KEYS, Cipher::AesCtr),
            older: sealer(older, Cipher::AesGcm),
            foreign: sealer(&FOREIGN_KEYS, Cipher::AesGcm),
            silent_gcm: sealer(&SILENT_KEYS, Cipher::AesGcm),
            silent_ctr: sealer(&SILENT_KEYS, Cipher::AesCtr),
        }
    })
});

/// The sealers of format 2: ours with both keys, with the older alone, somebody else's, and one that seals nothing.
struct CookieSealers {
    ours: CookieSealer,
    older: CookieSealer,
    foreign: CookieSealer,
    silent: CookieSealer,
}

static COOKIE_SEALERS: LazyLock<CookieSealers> = LazyLock::new(|| {
    let sealer = |keys: &[KeyPair<'_>], names: &[&str]| {
        let keys: Vec<SealingKeys<'_>> = keys
            .iter()
            .map(|pair| SealingKeys { encrypt_key: Some(pair.encrypt_key), validate_key: pair.validate_key })
            .collect();
        CookieSealer::new(&keys, names).expect("keys and names are valid")
    };
    let (_, older) = KEYS.split_at(1);
    CookieSealers {
        ours: sealer(&KEYS, &[NAME, OLDER_NAME]),
        older: sealer(older, &[NAME]),
        foreign: sealer(&FOREIGN_KEYS, &[NAME]),
        silent: sealer(&SILENT_KEYS, &[NAME, OLDER_NAME]),
    }
});

/// Tries the laws on a change and bytes, which stand for what was sent and for what is encrypted. No input is
/// made with the silent keys, so none may be taken for theirs.
pub fn hold(data: &[u8]) {
    let (edit, rest) = edit_and_rest(data);
    for sealers in &*SEALERS {
        is_no_text_of_ours(sealers, rest);
        let text = sealers.gcm.encrypt(rest).expect("a short payload can be encrypted");
        payloads_come_back(sealers, rest, &text);
        a_change_is_noticed(sealers, &text, edit);
    }
    is_no_cookie_of_ours(&latin_1(rest));
    let expires = rest.first_chunk().copied().map(u64::from_be_bytes);
    let value = seal(&COOKIE_SEALERS.ours, rest, expires);
    cookies_come_back(rest, expires, &value);
    a_changed_cookie_is_none_of_ours(&value, edit);
}

fn is_refused(result: beaker_core::error::Result<Decrypted>) -> bool {
    result.is_err_and(|error| error.kind() == ErrorKind::Corrupt)
}

fn is_no_text_of_ours(sealers: &Sealers, sent: &[u8]) {
    assert!(is_refused(sealers.silent_gcm.decrypt(sent, |_| false)));
    assert!(is_refused(sealers.silent_ctr.decrypt(sent, |_| false)));
    // Where everything passes for sound, CTR decrypts anything; but never is it called authentic.
    if let Ok(decrypted) = sealers.silent_ctr.decrypt(sent, |_| true) {
        assert!(decrypted.is_current && !decrypted.is_authentic);
    }
}

fn payloads_come_back(sealers: &Sealers, payload: &[u8], of_gcm: &str) {
    let is_it = |bytes: &[u8]| bytes == payload;
    let of_ctr = sealers.ctr.encrypt(payload).expect("a short payload can be encrypted");
    let of_older = sealers.older.encrypt(payload).expect("a short payload can be encrypted");
    let of_foreign = sealers.foreign.encrypt(payload).expect("a short payload can be encrypted");
    for reader in [&sealers.gcm, &sealers.ctr] {
        for (text, is_current) in [(of_gcm, true), (&of_older, false)] {
            let decrypted = reader.decrypt(text.as_bytes(), |_| false).ok();
            assert_eq!(
                decrypted,
                Some(Decrypted { bytes: payload.to_vec(), is_current, is_authentic: true })
            );
        }
        assert!(is_refused(reader.decrypt(of_foreign.as_bytes(), |_| false)));
    }
    assert_eq!(
        sealers.ctr.decrypt(of_ctr.as_bytes(), is_it).ok(),
        Some(Decrypted { bytes: payload.to_vec(), is_current: true, is_authentic: false })
    );
    assert!(is_refused(sealers.gcm.decrypt(of_ctr.as_bytes(), |_| false)));
    assert!(is_refused(sealers.older.decrypt(of_gcm.as_bytes(), is_it)));
}

fn a_change_is_noticed(sealers: &Sealers, text: &str, edit: Edit) {
    let changed = edit.of_bytes(text.as_bytes());
    // White space at the end is passed over.
    if changed.trim_ascii_end() == text.as_bytes() {
        return;
    }
    for reader in [&sealers.gcm, &sealers.ctr] {
        assert!(is_refused(reader.decrypt(&changed, |_| false)), "{text:?} by {edit:?}");
    }
}

fn is_no_cookie_of_ours(sent: &str) {
    for name in [NAME, OLDER_NAME, FOREIGN_NAME] {
        assert_eq!(COOKIE_SEALERS.silent.open(name, sent).ok(), Some(None));
    }
}

fn seal(sealer: &CookieSealer, payload: &[u8], expires: Option<u64>) -> String {
    let value = sealer.seal(payload, expires).expect("a short payload can be sealed");
    assert!(CookieSealer::is_sealed(&value));
    // 24 bytes of nonce, 9 of head and 16 of tag are all that may be added.
    assert!(value.len() <= 3 + ((24 + 9 + payload.len() + 16) * 4).div_ceil(3));
    value
}

fn cookies_come_back(payload: &[u8], expires: Option<u64>, of_newest: &str) {
    let CookieSealers { ours, older, foreign, .. } = &*COOKIE_SEALERS;
    let of_older = seal(older, payload, expires);
    // The epoch's first second means that there is no expiry; what ends then ends a second later.
    let expires = expires.map(|at| at.max(1));
    for (value, is_current) in [(of_newest, true), (&of_older, false)] {
        let opened = ours.open(NAME, value).ok();
        assert_eq!(opened, Some(Some(Opened { payload: payload.to_vec(), expires, is_current })));
        for name in [OLDER_NAME, FOREIGN_NAME] {
            assert_eq!(ours.open(name, value).ok(), Some(None));
        }
    }
    assert_eq!(older.open(NAME, of_newest).ok(), Some(None));
    assert_eq!(foreign.open(NAME, of_newest).ok(), Some(None));
}

fn a_changed_cookie_is_none_of_ours(value: &str, edit: Edit) {
    let changed = edit.of_text(value);
    if changed != value {
        assert_eq!(COOKIE_SEALERS.ours.open(NAME, &changed).ok(), Some(None), "{value:?} by {edit:?}");
    }
}
