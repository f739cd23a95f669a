//! What protects sessions wherever they are kept, in cookies and in stores: keys that are good for one purpose alone
//! ([`derive()`]), and authenticated encryption under keys that change ([`Aead`]).
//!
//! Nothing here is a cipher or a hash of our own.

mod aead;
mod derive;

pub use aead::Aead;
pub use derive::{KEY_LENGTH, Purpose, derive};
