//! Protects sessions in cookies and in stores: keys for one purpose each ([`derive()`]), keys that rotate ([`Keyring`]),
//! and authenticated encryption under them ([`Aead`]).
//!
//! Nothing here is a cipher or a hash of our own.

mod aead;
mod derive;
mod keyring;

pub use aead::Aead;
pub use derive::{KEY_LENGTH, Purpose, derive};
pub use keyring::Keyring;
