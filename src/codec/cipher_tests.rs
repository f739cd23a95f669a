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

fn sealer(nonce_bits: usize, writes: Cipher, reads: Reading) -> Sealer {
    Sealer::new(&[pair(ENCRYPT_KEY, VALIDATE_KEY)], nonce_bits, writes, reads).unwrap()
}

fn pair<'k>(encrypt_key: &'k [u8], validate_key: &'k str) -> KeyPair<'k> {
    KeyPair { encrypt_key, validate_key: validate_key.as_bytes() }
}

/// What these tests encrypt is often no pickle.
fn any(_: &[u8]) -> bool {
    true
}

fn authentic(bytes: &[u8]) -> Decrypted {
    Decrypted::Authentic { bytes: bytes.to_vec(), is_current: true }
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

fn block<const N: usize>(text: &str) -> [u8; N] {
    hex(text).try_into().unwrap()
}

#[test]
fn pbkdf2_gives_the_vector_of_rfc_6070() {
    let mut key = [0; 20];
    pbkdf2::pbkdf2::<hmac::Hmac<Sha1>>(b"password", b"salt", 1, &mut key).unwrap();
    assert_eq!(key, block("0c60c80f961f0e71f3a9b524af6012062fe037a6"));
}

#[test]
fn ctr_gives_the_vector_of_sp_800_38a() {
    let key: [u8; 32] = block("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
    let counter: [u8; 16] = block("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
    let mut data = hex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51");
    Ctr::new(&key.into(), &counter.into()).apply_keystream(&mut data);
    assert_eq!(data, hex("601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5"));
}

#[test]
fn gcm_gives_the_vectors_of_its_specification() {
    let mut output =
        hex("000000000000000000000000d0d1c8a799996bf0265b98b5d48ab919cea7403d4d606b6e074ec5d3baf39d18");
    assert!(open_gcm(&[0; 32], &mut output));
    assert_eq!(output[IV + TAG..], [0; 16]);

    let key = block("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
    let iv = "cafebabefacedbaddecaf888";
    let tag = "b094dac5d93471bdec1a502270e3cc6c";
    let cipher = "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
                  8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad";
    let plain = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
                 1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255";
    let mut output = hex(&format!("{iv}{tag}{cipher}"));
    assert!(open_gcm(&key, &mut output));
    assert_eq!(output[IV + TAG..], hex(plain));
}

#[test]
fn the_same_randomness_gives_the_text_of_beaker() {
    for (writes, vectors) in [(Cipher::AesGcm, BEAKER_GCM), (Cipher::AesCtr, BEAKER_CTR)] {
        for (bits, text) in vectors {
            let random: Vec<u8> = (0u8..).take(bits / 8 + IV).collect();
            assert_eq!(sealer(bits, writes, Reading::Both).encrypt_with(PLAIN, &random).unwrap(), text);
        }
    }
}

#[test]
fn what_beaker_encrypted_is_read_whichever_cipher_is_written() {
    for writes in [Cipher::AesGcm, Cipher::AesCtr] {
        for (bits, text) in BEAKER_GCM {
            let read =
                sealer(bits, writes, Reading::Both).decrypt(text.as_bytes(), looks_like_pickle).unwrap();
            assert_eq!(read, authentic(PLAIN));
        }
        for (bits, text) in BEAKER_CTR {
            let read =
                sealer(bits, writes, Reading::Both).decrypt(text.as_bytes(), looks_like_pickle).unwrap();
            assert_eq!(read, Decrypted::Unauthenticated { bytes: PLAIN.to_vec(), is_current: true });
        }
    }
}

#[test]
fn what_was_encrypted_comes_back_at_every_length() {
    for len in (0..70).chain([4096, 100_000]) {
        let plain = vec![0xa5; len];
        let gcm = sealer(128, Cipher::AesGcm, Reading::GcmOnly);
        assert_eq!(gcm.decrypt(gcm.encrypt(&plain).unwrap().as_bytes(), any).unwrap(), authentic(&plain));
        let ctr = sealer(128, Cipher::AesCtr, Reading::Both);
        assert_eq!(ctr.decrypt(ctr.encrypt(&plain).unwrap().as_bytes(), any).unwrap().into_bytes(), plain);
    }
}

#[test]
fn two_texts_of_one_plaintext_share_neither_nonce_nor_iv() {
    let sealer = sealer(128, Cipher::AesGcm, Reading::Both);
    let (one, two) = (sealer.encrypt(PLAIN).unwrap(), sealer.encrypt(PLAIN).unwrap());
    assert_ne!(one[..24], two[..24]);
    assert_ne!(one[24..40], two[24..40]);
}

#[test]
fn a_text_changed_in_any_bit_is_not_authentic() {
    let (bits, text) = BEAKER_GCM[3];
    let (both, strict) =
        (sealer(bits, Cipher::AesGcm, Reading::Both), sealer(bits, Cipher::AesGcm, Reading::GcmOnly));
    for at in 0..text.len() {
        for bit in 0..8 {
            let mut changed = text.as_bytes().to_vec();
            changed[at] ^= 1 << bit;
            assert_eq!(strict.decrypt(&changed, any).unwrap_err().kind(), ErrorKind::Corrupt);
            assert!(!matches!(both.decrypt(&changed, any), Ok(Decrypted::Authentic { .. })));
        }
    }
}

#[test]
fn ctr_is_refused_where_only_gcm_is_read() {
    for (bits, text) in BEAKER_CTR {
        let error = sealer(bits, Cipher::AesGcm, Reading::GcmOnly).decrypt(text.as_bytes(), any).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
    }
}

#[test]
fn another_key_reads_nothing() {
    let (bits, text) = BEAKER_GCM[3];
    for (encrypt_key, validate_key) in [(&b"another"[..], VALIDATE_KEY), (ENCRYPT_KEY, "another")] {
        let other =
            Sealer::new(&[pair(encrypt_key, validate_key)], bits, Cipher::AesGcm, Reading::Both).unwrap();
        let error = other.decrypt(text.as_bytes(), looks_like_pickle).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert_ne!(other.decrypt(text.as_bytes(), any).unwrap().into_bytes(), PLAIN);
    }
}

#[test]
fn a_text_without_the_form_is_corrupt() {
    let sealer = sealer(128, Cipher::AesGcm, Reading::Both);
    for text in [&b""[..], b"AAECAwQFBgcICQoLDA0ODw=", b"AAECAwQFBgcICQoLDA0ODw==EBE", b"\xff\xfe"] {
        assert_eq!(sealer.decrypt(text, any).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let new = |encrypt, validate, bits| {
        Sealer::new(&[pair(encrypt, validate)], bits, Cipher::AesGcm, Reading::Both)
            .map_err(|error| error.kind())
    };
    for bits in [0, 1, 40, 47, 49, 100, 8200, usize::MAX] {
        assert_eq!(new(b"k", "v", bits).unwrap_err(), ErrorKind::Invalid, "{bits}");
    }
    assert_eq!(new(b"", "v", 128).unwrap_err(), ErrorKind::Invalid);
    assert_eq!(new(b"k", "", 128).unwrap_err(), ErrorKind::Invalid);
    assert_eq!(new(b"k", "schlüssel", 128).unwrap_err(), ErrorKind::Invalid);
    assert!(new(b"k", "v", 48).is_ok());
}

#[test]
fn debug_shows_neither_key_nor_plaintext() {
    let sealer = sealer(128, Cipher::AesGcm, Reading::Both);
    let shown = format!("{sealer:?} {:?}", sealer.decrypt(BEAKER_GCM[3].1.as_bytes(), any).unwrap());
    assert!(!shown.contains("666a19") && !shown.contains(VALIDATE_KEY) && !shown.contains("128, 2, 125"));
}
