//! What cookies cost a request: finding ours, verifying or opening it, making a new one and
//! writing it.

#![allow(missing_docs, reason = "criterion_group! makes a public function")]
#![allow(clippy::expect_used, reason = "a benchmark that cannot start has nothing to measure")]

use std::hint::black_box;

use beaker_core::cookie::{
    Attributes, CookieDate, CookieSealer, Format, IdKeyring, SealingKeys, Signer, values, write,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const NAME: &str = "beaker.session.id";
const ID: &str = "0123456789abcdef0123456789abcdef";

fn signer() -> Signer {
    Signer::new(b"a secret of thirty-two bytes, yes").expect("the secret is not empty")
}

fn header(c: &mut Criterion) {
    let small = format!("theme=dark; {NAME}={ID}; _ga=GA1.2.1234567890.1234567890");
    let neighbours: String = (0..60).map(|n| format!("n{n}={}; ", "x".repeat(120))).collect();
    let cases = [
        ("alone", format!("{NAME}={ID}")),
        ("small", small),
        ("large_first", format!("{NAME}={ID}; {neighbours}")),
        ("large_last", format!("{neighbours}{NAME}={ID}")),
        ("absent", neighbours),
        ("semicolons", ";".repeat(8192)),
        ("quotes", "a=\"".repeat(2730)),
        ("ours_repeated", format!("{NAME}=x;").repeat(400)),
    ];
    let mut group = c.benchmark_group("header");
    for (name, header) in &cases {
        group.throughput(Throughput::Bytes(header.len() as u64));
        group.bench_function(*name, |b| {
            b.iter(|| {
                let accept = |value: &&str| value.len() == 32;
                values(black_box(header), black_box(NAME)).rev().find(accept)
            });
        });
    }
    group.finish();
}

fn signature(c: &mut Criterion) {
    let signer = signer();
    let signed = signer.sign(ID);
    c.bench_function("sign", |b| b.iter(|| signer.sign(black_box(ID))));
    c.bench_function("verify", |b| b.iter(|| signer.verify(black_box(&signed)).is_some()));
    let forged = format!("{}{ID}", "0".repeat(40));
    c.bench_function("verify_forged", |b| b.iter(|| signer.verify(black_box(&forged)).is_some()));
}

/// The value of the cookie that carries an id, with one secret and with the third of three.
fn ids(c: &mut Criterion) {
    let secrets =
        ["a secret of thirty-two bytes, yes", "another secret of many bytes", "the oldest of three"];
    for (format, name) in [(Format::One, "1"), (Format::Two, "2")] {
        let mut group = c.benchmark_group(format!("id/format {name}"));
        let keyring =
            |secrets: &[&str]| IdKeyring::new(secrets, &[NAME], format).expect("the secrets are not empty");
        let one = keyring(secrets.get(..1).unwrap_or_default());
        let signed = one.sign(ID, 1.8e9);
        group.bench_function("sign", |b| b.iter(|| one.sign(black_box(ID), black_box(1.8e9))));
        group.bench_function("verify", |b| b.iter(|| one.verify(NAME, black_box(&signed)).is_some()));
        let old = keyring(secrets.get(2..).unwrap_or_default()).sign(ID, 1.8e9);
        let all = keyring(&secrets);
        group.bench_function("verify, third secret", |b| {
            b.iter(|| all.verify(NAME, black_box(&old)).is_some())
        });
        group.finish();
    }
}

/// A cookie that carries a session. The payloads repeat themselves as pickles of short texts do.
fn sealed(c: &mut Criterion) {
    let keys =
        SealingKeys { encrypt_key: Some(b"an encrypt_key of many bytes"), validate_key: b"validate_key" };
    let sealer = CookieSealer::new(&[keys], &[NAME]).expect("the keys are not empty");
    for size in [60, 200, 1000, 2500] {
        let payload: Vec<u8> =
            (0..).flat_map(|n| format!("X\0entry_{n:04}q\x01K{n}").into_bytes()).take(size).collect();
        let value = sealer.seal(&payload, Some(1)).expect("it is small");
        let mut group = c.benchmark_group(format!("sealed/{size} B"));
        group.bench_function("seal", |b| b.iter(|| sealer.seal(black_box(&payload), Some(1))));
        group.bench_function("open", |b| b.iter(|| sealer.open(NAME, black_box(&value))));
        group.finish();
    }
}

fn set_cookie(c: &mut Criterion) {
    let signed = signer().sign(ID);
    let few = Attributes { path: "/", same_site: Some("Lax"), ..Attributes::default() };
    let all = Attributes {
        domain: Some(".example.org"),
        expires: Some("Thu, 01-Jan-1970 00:00:00 GMT"),
        http_only: true,
        secure: true,
        ..few
    };
    for (name, attributes) in [("write_default", few), ("write_all", all)] {
        c.bench_function(name, |b| {
            b.iter(|| {
                let mut out = String::new();
                write(&mut out, black_box(NAME), black_box(&signed), black_box(&attributes));
                out
            });
        });
    }
    c.bench_function("cookie_date", |b| {
        b.iter(|| CookieDate::from_timestamp(black_box(1_798_761_599)).map(|date| date.to_string()))
    });
}

criterion_group!(benches, header, signature, ids, sealed, set_cookie);
criterion_main!(benches);
