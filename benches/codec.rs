//! What the stored shapes cost: a session of some 200 bytes, and one of 57 KB.
#![allow(missing_docs, reason = "criterion's macros make items without documentation")]
#![allow(clippy::unwrap_used, reason = "a benchmark may stop at the first surprise")]

use std::hint::black_box;

use beaker_core::codec::{
    Cipher, KeyPair, Records, Sealer, deflate, envelope, locate, looks_like_pickle, splice, text,
};
use criterion::{Criterion, criterion_group, criterion_main};

const KEYS: KeyPair<'_> = KeyPair { encrypt_key: b"666a19cf7f61c64c", validate_key: b"hoobermas" };

const ID: &str = "0123456789abcdef0123456789abcdef";

/// A session as pickle protocol 2 writes it: the two times, then `entries` short texts.
fn session(entries: u32) -> Vec<u8> {
    let mut pickle = b"\x80\x02}q\0(X\x0e\0\0\0_accessed_timeq\x01GA\xd9T\xfc@\x10\0\0".to_vec();
    pickle.extend(b"X\x0e\0\0\0_creation_timeq\x02GA\xd9T\xf2\x7c\x20\0\0X\x07\0\0\0user_idq\x03K\x0a");
    for entry in 0..entries {
        let key = format!("entry_{entry:04}");
        pickle.extend(b"X\x0a\0\0\0");
        pickle.extend(key.as_bytes());
        pickle.extend(b"q\x04X\x14\0\0\0");
        pickle.extend(key.as_bytes());
        pickle.extend(key.as_bytes());
        pickle.extend(b"q\x05");
    }
    pickle.extend(b"u.");
    pickle
}

fn codec(c: &mut Criterion) {
    for (size, entries) in [("200 B", 3), ("57 KB", 1295)] {
        let payload = session(entries);
        let plain = text::encode_plain(&payload);
        let stored = envelope::write(&plain, None, Some(1.7e9)).unwrap();
        let owner = Some("0123456789abcdef0123456789abcdef");
        let owned = envelope::write(&plain, owner, Some(1.7e9)).unwrap();
        let by_python = [
            &b"\x80\x04\x95"[..],
            &(if plain.len() < 65_536 { plain.len() as u64 + 20 } else { 12 }).to_le_bytes(),
            b"}\x94\x8c\x07session\x94X",
            &u32::try_from(plain.len()).unwrap().to_le_bytes(),
            plain.as_bytes(),
            b"\x94s.",
        ]
        .concat();
        let at = locate(&payload).unwrap();
        let mut group = c.benchmark_group(format!("codec/{size}"));

        group.bench_function("envelope read", |b| b.iter(|| envelope::read(black_box(&stored)).unwrap()));
        group.bench_function("envelope read, owned", |b| {
            b.iter(|| envelope::read(black_box(&owned)).unwrap())
        });
        group.bench_function("envelope read, by Python", |b| {
            b.iter(|| envelope::read(black_box(&by_python)).unwrap());
        });
        let after = [&stored[..], b"\n"].concat();
        group.bench_function("envelope read, walked", |b| {
            b.iter(|| envelope::read(black_box(&after)).unwrap())
        });
        group.bench_function("envelope write", |b| {
            b.iter(|| envelope::write(black_box(&plain), None, Some(1.7e9)).unwrap())
        });

        group.bench_function("encode", |b| b.iter(|| text::encode_plain(black_box(&payload))));
        group.bench_function("decode", |b| {
            b.iter(|| text::decode_plain(black_box(plain.as_bytes())).unwrap())
        });
        group.bench_function("locate", |b| b.iter(|| locate(black_box(&payload)).unwrap()));
        group
            .bench_function("splice", |b| b.iter(|| splice(black_box(plain.as_bytes()), at, 1.8e9).unwrap()));

        for (name, cipher) in [("GCM", Cipher::AesGcm), ("CTR", Cipher::AesCtr)] {
            let sealer = Sealer::new(&[KEYS], 128, cipher).unwrap();
            let sealed = sealer.encrypt(&payload).unwrap();
            group.bench_function(format!("encrypt {name}"), |b| {
                b.iter(|| sealer.encrypt(black_box(&payload)).unwrap());
            });
            group.bench_function(format!("decrypt {name}"), |b| {
                b.iter(|| sealer.decrypt(black_box(sealed.as_bytes()), looks_like_pickle).unwrap());
            });
        }

        for (name, keys) in [("plain", &[][..]), ("encrypted", &[KEYS])] {
            let records = Records::new(keys).unwrap();
            let text = records.write(ID, &payload, 1.8e9).unwrap();
            group.bench_function(format!("format 2 write, {name}"), |b| {
                b.iter(|| records.write(ID, black_box(&payload), 1.8e9).unwrap());
            });
            group.bench_function(format!("format 2 read, {name}"), |b| {
                b.iter(|| records.read(ID, black_box(text.as_bytes())).unwrap());
            });
            if let Some(checksum) = records.read(ID, text.as_bytes()).unwrap().checksum {
                group.bench_function("format 2 touch", |b| {
                    b.iter(|| checksum.touch(black_box(1.8e9)).unwrap());
                });
            }
        }

        let deflated = deflate::compress(&payload).unwrap();
        group.bench_function("compress", |b| b.iter(|| deflate::compress(black_box(&payload)).unwrap()));
        group.bench_function("decompress", |b| {
            b.iter(|| deflate::decompress(black_box(&deflated), 1 << 20).unwrap());
        });
        group.finish();
    }
}

criterion_group!(benches, codec);
criterion_main!(benches);
