//! The vectors of the standards, texts that Beaker 1.14.1 made, and what the sealer refuses.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

use super::*;
use crate::codec::looks_like_pickle;
use crate::error::ErrorKind;

const PLAIN: &[u8] = b"\x80\x02}q\0X\x07\0\0\0user_idq\x01K\ns.";
const ENCRYPT_KEY: &[u8] = b"666a19cf7f61c64c";
const VALIDATE_KEY: &str = "hoobermas";

/// Nonce bits and text, by Beaker with `cryptography`, `os.urandom` giving the bytes 0, 1, 2, …
const BEAKER_GCM: [(usize, &str); 5] = [
    (48, "AAECAwQFBgcICQoLDA0ODxARL61EuDhl8vytCWCK6jsdg1OGfEVLMCfuSEFP6I+fKq0GevHyLUOf"),
    (56, "AAECAwQFBg==BwgJCgsMDQ4PEBESdNDRIDjMNkHHv/V8VwGTXC2dtPfZ+iudNwjny1eSswHVF4b1NDOQ"),
    (64, "AAECAwQFBgc=CAkKCwwNDg8QERIT7i3N2GLRcMcLtQFM1oKz1ucxMIB2pLj6Muc03nYUgoeRDieHDYvc"),
    (128, "AAECAwQFBgcICQoLDA0ODw==EBESExQVFhcYGRobJrTciLu8svaX3BvUBoSM/1P+PBzu3U/Lkl8qeH9ML7Yj+Lpsg0Hj"),
    (
        256,
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=ICEiIyQlJicoKSorzMalzI38Orp/YRM4mUzOSGgkwkAoHdvTumY4wxiCMt9050F/TubK",
    ),
];

/// The same, by Beaker with pycryptodome.
const BEAKER_CTR: [(usize, &str); 5] = [
    (48, "AAECAwQFufCCrJOFglKFst56nHakr/k0UIRKD3c="),
    (56, "AAECAwQFBg==Ws4jCsImUnAbg5Grry4cDDbCN/Ur6ik="),
    (64, "AAECAwQFBgc=j+DNftZYeZbFFiX+Bd+25Zp0M4saagg="),
    (128, "AAECAwQFBgcICQoLDA0ODw==/U3mj9pmQeugBc2BSon3aAEwubP7mgI="),
    (256, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=VUMarEVJNQ8Qogh2kRqcQvA6Idxz0yQ="),
];

fn sealer(nonce_bits: usize, writes: Cipher) -> Sealer {
    Sealer::new(&[pair(ENCRYPT_KEY, VALIDATE_KEY)], nonce_bits, writes).unwrap()
}

fn pair<'k>(encrypt_key: &'k [u8], validate_key: &'k str) -> KeyPair<'k> {
    KeyPair { encrypt_key, validate_key: validate_key.as_bytes() }
}

/// What these tests encrypt is often no pickle.
fn any(_: &[u8]) -> bool {
    true
}

/// Takes no plaintext for sound, so that only what is authentic is read.
fn none(_: &[u8]) -> bool {
    false
}

fn authentic(bytes: &[u8]) -> Decrypted {
    Decrypted { bytes: bytes.to_vec(), is_current: true, is_authentic: true }
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

fn block<const N: usize>(text: &str) -> [u8; N] {
    hex(text).try_into().unwrap()
}

#[test]
fn pbkdf2_gives_the_vectors_of_rfc_6070() {
    // All but the one with 16 million iterations, which takes minutes.
    for (password, salt, iterations, key) in [
        (&b"password"[..], &b"salt"[..], 1, "0c60c80f961f0e71f3a9b524af6012062fe037a6"),
        (b"password", b"salt", 2, "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957"),
        (b"password", b"salt", 4096, "4b007901b765489abead49d926f721d065a429c1"),
        (
            b"passwordPASSWORDpassword",
            b"saltSALTsaltSALTsaltSALTsaltSALTsalt",
            4096,
            "3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038",
        ),
        (b"pass\0word", b"sa\0lt", 4096, "56fa6aa75548099dcc37d7f03425e0c3"),
    ] {
        let mut derived = vec![0; key.len() / 2];
        pbkdf2::pbkdf2::<hmac::Hmac<Sha1>>(password, salt, iterations, &mut derived).unwrap();
        assert_eq!(derived, hex(key));
    }
}

#[test]
fn ctr_gives_the_vectors_of_sp_800_38a() {
    // F.5.5, and in reverse F.5.6.
    let key: [u8; 32] = block("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
    let counter: [u8; 16] = block("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
    let plain = hex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51\
                     30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710");
    let cipher = hex("601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5\
                      2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6");
    for (from, to) in [(&plain, &cipher), (&cipher, &plain)] {
        let mut data = from.clone();
        Ctr::new(&key.into(), &counter.into()).apply_keystream(&mut data);
        assert_eq!(&data, to);
    }
}

/// Key, IV, plaintext, ciphertext and tag of AES-256-GCM without associated data: the cases 13 to 15 of its
/// specification (McGrew and Viega), and of NIST's CAVP the first of `gcmEncryptExtIV256` for a plaintext of 0
/// and of 128 bits.
const GCM: [(&str, &str, &str, &str, &str); 5] = [
    (ZERO_KEY, "000000000000000000000000", "", "", "530f8afbc74536b9a963b4f1c4cb738b"),
    (
        ZERO_KEY,
        "000000000000000000000000",
        "00000000000000000000000000000000",
        "cea7403d4d606b6e074ec5d3baf39d18",
        "d0d1c8a799996bf0265b98b5d48ab919",
    ),
    (
        "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
        "cafebabefacedbaddecaf888",
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
         1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
         8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad",
        "b094dac5d93471bdec1a502270e3cc6c",
    ),
    (
        "b52c505a37d78eda5dd34f20c22540ea1b58963cf8e5bf8ffa85f9f2492505b4",
        "516c33929df5a3284ff463d7",
        "",
        "",
        "bdc1ac884d332457a1d2664f168c76f0",
    ),
    (
        "31bdadd96698c204aa9ce1448ea94ae1fb4a9a0b3c9d773b51bb1822666b8f22",
        "0d18e06c7c725ac9e362e1ce",
        "2db5168e932556f8089a0622981d017d",
        "fa4362189661d163fcd6a56d8bf0405a",
        "d636ac1bbedd5cc3ee727dc2ab4a9489",
    ),
];
const ZERO_KEY: &str = "0000000000000000000000000000000000000000000000000000000000000000";

#[test]
fn gcm_gives_the_vectors_of_its_specification_and_of_nist() {
    for (key, iv, plain, cipher, tag) in GCM {
        let sealed = hex(&format!("{iv}{tag}{cipher}"));
        assert_eq!(seal_gcm(&block(key), block(iv), &hex(plain)).unwrap(), sealed);
        assert_eq!(aes_gcm_decrypt(&sealed, &hex(key)).unwrap(), hex(plain));
    }
}

#[test]
fn what_is_encrypted_alone_has_an_iv_of_its_own_and_is_read_with_its_key_only() {
    let (key, other) = ([7; 32], [8; 32]);
    for plain in [&b""[..], PLAIN, &[0; 10_000]] {
        let sealed = aes_gcm_encrypt(plain, &key).unwrap();
        assert_eq!(sealed.len(), IV + TAG + plain.len());
        assert_ne!(sealed[..IV], aes_gcm_encrypt(plain, &key).unwrap()[..IV]);
        assert_eq!(aes_gcm_decrypt(&sealed, &key).unwrap(), plain);
        assert_eq!(aes_gcm_decrypt(&sealed, &other).unwrap_err().kind(), ErrorKind::Corrupt);
    }
    for length in [0, 16, 31, 33] {
        let key = vec![7; length];
        assert_eq!(aes_gcm_encrypt(PLAIN, &key).unwrap_err().kind(), ErrorKind::Invalid);
        assert_eq!(aes_gcm_decrypt(&[0; 40], &key).unwrap_err().kind(), ErrorKind::Invalid);
    }
}

#[test]
fn the_same_randomness_gives_the_text_of_beaker() {
    for (writes, vectors) in [(Cipher::AesGcm, BEAKER_GCM), (Cipher::AesCtr, BEAKER_CTR)] {
        for (bits, text) in vectors {
            let random: Vec<u8> = (0u8..).take(bits / 8 + IV).collect();
            assert_eq!(sealer(bits, writes).encrypt_with(PLAIN, &random).unwrap(), text);
        }
    }
}

#[test]
fn what_beaker_encrypted_is_read_whichever_cipher_is_written() {
    for writes in [Cipher::AesGcm, Cipher::AesCtr] {
        for (bits, text) in BEAKER_GCM {
            let read = sealer(bits, writes).decrypt(text.as_bytes(), looks_like_pickle).unwrap();
            assert_eq!(read, authentic(PLAIN));
        }
        for (bits, text) in BEAKER_CTR {
            let read = sealer(bits, writes).decrypt(text.as_bytes(), looks_like_pickle).unwrap();
            assert_eq!(read, Decrypted { bytes: PLAIN.to_vec(), is_current: true, is_authentic: false });
        }
    }
}

#[test]
fn what_was_encrypted_comes_back_at_every_length() {
    for len in (0..70).chain([4096, 100_000]) {
        let plain = vec![0xa5; len];
        let gcm = sealer(128, Cipher::AesGcm);
        assert_eq!(gcm.decrypt(gcm.encrypt(&plain).unwrap().as_bytes(), none).unwrap(), authentic(&plain));
        let ctr = sealer(128, Cipher::AesCtr);
        assert_eq!(ctr.decrypt(ctr.encrypt(&plain).unwrap().as_bytes(), any).unwrap().bytes, plain);
    }
}

#[test]
fn two_texts_of_one_plaintext_share_neither_nonce_nor_iv() {
    let sealer = sealer(128, Cipher::AesGcm);
    let (one, two) = (sealer.encrypt(PLAIN).unwrap(), sealer.encrypt(PLAIN).unwrap());
    assert_ne!(one[..24], two[..24]);
    assert_ne!(one[24..40], two[24..40]);
}

#[test]
fn a_text_changed_in_any_bit_is_not_authentic() {
    let (bits, text) = BEAKER_GCM[3];
    let sealer = sealer(bits, Cipher::AesGcm);
    for at in 0..text.len() {
        for bit in 0..8 {
            let mut changed = text.as_bytes().to_vec();
            changed[at] ^= 1 << bit;
            assert_eq!(sealer.decrypt(&changed, none).unwrap_err().kind(), ErrorKind::Corrupt);
            assert!(!sealer.decrypt(&changed, any).is_ok_and(|read| read.is_authentic));
        }
    }
}

#[test]
fn a_text_cut_anywhere_is_not_authentic() {
    let (bits, text) = BEAKER_GCM[3];
    let sealer = sealer(bits, Cipher::AesGcm);
    for at in 0..text.len() {
        for cut in [&text[..at], &text[at + 1..]] {
            assert_eq!(sealer.decrypt(cut.as_bytes(), none).unwrap_err().kind(), ErrorKind::Corrupt);
        }
    }
}

#[test]
fn a_damaged_text_is_not_decoded_even_where_ctr_is_read() {
    let both = sealer(128, Cipher::AesGcm);
    let (_, text) = BEAKER_GCM[3];
    let mut forged = text.as_bytes().to_vec();
    forged[50] ^= 1;
    assert_eq!(both.decrypt(&forged, looks_like_pickle).unwrap_err().kind(), ErrorKind::Corrupt);
}

/// One sealer with `count` pairs of keys, one without the newest of them, one without the two newest, and so on.
fn rotated(count: usize, writes: Cipher) -> Vec<Sealer> {
    let keys: Vec<_> = (0..count).map(|n| (format!("encrypt {n}"), format!("validate {n}"))).collect();
    let pairs: Vec<_> = keys.iter().map(|(encrypt, validate)| pair(encrypt.as_bytes(), validate)).collect();
    (0..count).map(|newest| Sealer::new(&pairs[newest..], 128, writes).unwrap()).collect()
}

#[test]
fn the_newest_keys_encrypt_and_all_decrypt() {
    for count in 1..=5 {
        let is_pickle: fn(&[u8]) -> bool = looks_like_pickle;
        for (writes, is_sound) in [
            (Cipher::AesGcm, none as fn(&[u8]) -> bool),
            (Cipher::AesGcm, is_pickle),
            (Cipher::AesCtr, is_pickle),
        ] {
            let sealers = rotated(count, writes);
            for (oldest, writer) in sealers.iter().enumerate() {
                let text = writer.encrypt(PLAIN).unwrap();
                for (newest, reader) in sealers.iter().enumerate() {
                    let read = reader.decrypt(text.as_bytes(), is_sound);
                    if newest > oldest {
                        assert_eq!(read.unwrap_err().kind(), ErrorKind::Corrupt);
                        continue;
                    }
                    let read = read.unwrap();
                    assert_eq!(read.is_current, newest == oldest);
                    assert_eq!(read.is_authentic, writes == Cipher::AesGcm);
                    assert_eq!(read.bytes, PLAIN);
                }
            }
        }
    }
}

#[test]
fn a_sealer_says_whether_it_has_one_pair_of_keys() {
    let alone: Vec<_> = rotated(3, Cipher::AesGcm).iter().map(Sealer::has_one_key).collect();
    assert_eq!(alone, [false, false, true]);
}

#[test]
fn a_proof_under_an_older_pair_goes_before_soundness_under_the_newest() {
    let sealers = rotated(2, Cipher::AesGcm);
    let text = sealers[1].encrypt(PLAIN).unwrap();
    let read = sealers[0].decrypt(text.as_bytes(), any).unwrap();
    assert_eq!(read, Decrypted { bytes: PLAIN.to_vec(), is_current: false, is_authentic: true });
}

#[test]
fn ctr_candidates_are_offered_newest_first_until_one_is_sound() {
    let sealers = rotated(3, Cipher::AesCtr);
    let text = sealers[1].encrypt(PLAIN).unwrap();
    let offered = std::cell::RefCell::new(Vec::new());
    let read = sealers[0].decrypt(text.as_bytes(), |bytes| {
        offered.borrow_mut().push(bytes.to_vec());
        bytes == PLAIN
    });
    assert_eq!(read.unwrap(), Decrypted { bytes: PLAIN.to_vec(), is_current: false, is_authentic: false });
    let offered = offered.into_inner();
    assert_eq!(offered.len(), 2);
    let newest = Sealer::new(&[pair(b"encrypt 0", "validate 0")], 128, Cipher::AesCtr);
    assert_eq!(newest.unwrap().decrypt(text.as_bytes(), any).unwrap().bytes, offered[0]);
    assert_eq!(offered[1], PLAIN);
}

#[test]
fn ctr_is_refused_where_nothing_passes_for_sound() {
    for (bits, text) in BEAKER_CTR {
        let error = sealer(bits, Cipher::AesGcm).decrypt(text.as_bytes(), none).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
    }
}

#[test]
fn another_key_reads_nothing() {
    let (bits, text) = BEAKER_GCM[3];
    for (encrypt_key, validate_key) in [(&b"another"[..], VALIDATE_KEY), (ENCRYPT_KEY, "another")] {
        let other = Sealer::new(&[pair(encrypt_key, validate_key)], bits, Cipher::AesGcm).unwrap();
        let error = other.decrypt(text.as_bytes(), looks_like_pickle).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert_ne!(other.decrypt(text.as_bytes(), any).unwrap().bytes, PLAIN);
    }
}

#[test]
fn a_text_without_the_form_is_corrupt() {
    let sealer = sealer(128, Cipher::AesGcm);
    for text in [&b""[..], b"AAECAwQFBgcICQoLDA0ODw=", b"AAECAwQFBgcICQoLDA0ODw==EBE", b"\xff\xfe"] {
        assert_eq!(sealer.decrypt(text, any).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let new = |encrypt, validate, bits| {
        Sealer::new(&[pair(encrypt, validate)], bits, Cipher::AesGcm).map_err(|error| error.kind())
    };
    for bits in [0, 1, 40, 47, 49, 100, 8200, usize::MAX] {
        assert_eq!(new(b"k", "v", bits).unwrap_err(), ErrorKind::Invalid, "{bits}");
    }
    assert_eq!(new(b"", "v", 128).unwrap_err(), ErrorKind::Invalid);
    assert_eq!(new(b"k", "", 128).unwrap_err(), ErrorKind::Invalid);
    assert_eq!(new(b"k", "schlüssel", 128).unwrap_err(), ErrorKind::Invalid);
    assert!(new(b"k", "v", 48).is_ok());
    let none = Sealer::new(&[], 128, Cipher::AesGcm);
    assert_eq!(none.unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
fn debug_shows_neither_key_nor_plaintext() {
    let sealer = sealer(128, Cipher::AesGcm);
    let shown = format!(
        "{sealer:?} {:?} {:?}",
        pair(ENCRYPT_KEY, VALIDATE_KEY),
        sealer.decrypt(BEAKER_GCM[3].1.as_bytes(), any).unwrap()
    );
    assert_eq!(
        shown,
        "Sealer { nonce_bytes: 16, writes: AesGcm, .. } KeyPair { .. } \
         Decrypted { bytes: 23 bytes, is_current: true, is_authentic: true }"
    );
}
