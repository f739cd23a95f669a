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

/// Implements a `Debug` that shows nothing of a value but its type.
macro_rules! opaque_debug {
    ($name:ident $(<$life:lifetime>)?) => {
        impl std::fmt::Debug for $name $(<$life>)? {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    };
}
pub(crate) use opaque_debug;
