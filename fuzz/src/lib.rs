//! What any input at all has to leave true of the parts of beaker-rs that read what a browser sent or a store has.
//!
//! Each module has a function `hold` that takes bytes and panics if they break a law. The fuzz targets give it
//! the bytes that libFuzzer invents; the tests here give it the seeds, whole, cut and changed, so that the laws
//! are tried wherever tests run.
//!
//! The keys are constants, so that a finding can be repeated. The nonces are the system's random numbers, as in
//! the product.
#![allow(clippy::expect_used, reason = "a law that does not hold panics: that is how a fuzz target finds")]

pub mod cookie_header;
pub mod engine;
pub mod envelope_reader;
mod folder;
pub mod id_to_path;
mod input;
pub mod json_inflate;
mod keys;
pub mod options;
pub mod pickle_reader;
mod pickles;
pub mod sealed_value;
pub mod signed_value;
pub mod store_model;
pub mod stored_record;

/// The name of the cookie that is written.
const NAME: &str = "beaker.session.id";
/// A name of the same cookie that is still read.
const OLDER_NAME: &str = "__Host-sid";
/// The name of no cookie of ours.
const FOREIGN_NAME: &str = "sid";

#[cfg(test)]
mod tests;
