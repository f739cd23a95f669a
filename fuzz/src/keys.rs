//! The keys that encrypt what the targets try.

use beaker_core::codec::KeyPair;

/// Ours, the newest first.
pub(crate) const KEYS: [KeyPair<'_>; 2] = [
    KeyPair { encrypt_key: b"the key that encrypts", validate_key: b"what goes beside it" },
    KeyPair { encrypt_key: b"the key that used to encrypt", validate_key: b"what went beside it" },
];

/// Those of another application.
pub(crate) const FOREIGN_KEYS: [KeyPair<'_>; 1] =
    [KeyPair { encrypt_key: b"the key of somebody else", validate_key: b"what goes beside it" }];

/// Nothing is ever encrypted with these. libFuzzer looks into comparisons and puts what it sees there into its inputs,
/// so that sooner or later it sends a text that another key made in this very process.
pub(crate) const SILENT_KEYS: [KeyPair<'_>; 1] =
    [KeyPair { encrypt_key: b"a key that encrypts nothing", validate_key: b"what goes beside it" }];
