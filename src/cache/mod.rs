//! Cached values in memory: those of a namespace by their keys, until they expire or a bound is reached.
//!
//! Nothing here knows what a value is. What leaves a namespace is returned, so that the caller drops it when no lock is
//! held: dropping a value of Python's may run any code.

mod bounds;
mod entries;
mod key;
mod lifetime;
mod namespaces;

pub use bounds::Bounds;
pub use entries::{Entries, Entry};
pub use key::{digest, escaped, is_longer};
pub use lifetime::{Lifetime, Margins};
pub use namespaces::{Namespaces, Shared, locked};
