//! The state of a record.

use std::fmt;

use crate::error::{Error, Result};

/// In bytes. A store makes 24 at the most: a SHA-1 has 20, and a `cas` token of memcached 8. The rest is for a store over
/// others, which marks their versions.
const LONGEST: usize = 28;

/// Identifies one state of a record. It changes with every change of the data, a patch included. A renewal need not
/// change it, but may. Only the store that made it can tell what it means.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Version {
    length: u8,
    bytes: [u8; LONGEST],
}

impl Version {
    /// A version that a store keeps as bytes, at most 28 of them.
    ///
    /// # Errors
    /// `Invalid` if there are more.
    pub fn from_bytes(version: &[u8]) -> Result<Self> {
        let too_long = || Error::invalid("a version has at most 28 bytes");
        let mut bytes = [0; LONGEST];
        let length = u8::try_from(version.len()).map_err(|_| too_long())?;
        bytes.get_mut(..version.len()).ok_or_else(too_long)?.copy_from_slice(version);
        Ok(Self { length, bytes })
    }

    /// The bytes that it was made of.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }
}

impl From<u64> for Version {
    fn from(number: u64) -> Self {
        let mut bytes = [0; LONGEST];
        for (place, byte) in bytes.iter_mut().zip(number.to_be_bytes()) {
            *place = byte;
        }
        Self { length: 8, bytes }
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Version(")?;
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

    use super::Version;

    #[test]
    fn a_version_gives_back_its_bytes() {
        for length in 0..=28 {
            let bytes: Vec<u8> = (1..=length).collect();
            assert_eq!(Version::from_bytes(&bytes).unwrap().as_bytes(), bytes);
        }
        assert!(Version::from_bytes(&[0; 29]).is_err());
        assert!(Version::from_bytes(&[0; 300]).is_err());
    }

    #[test]
    fn versions_of_different_bytes_differ() {
        let version = |bytes| Version::from_bytes(bytes).unwrap();
        assert_ne!(version(b""), version(b"\0"));
        assert_ne!(version(b"\0"), version(b"\0\0"));
        assert_ne!(Version::from(1), Version::from(256));
        assert_eq!(Version::from(258), version(&[0, 0, 0, 0, 0, 0, 1, 2]));
        assert_eq!(format!("{:?}", version(b"\x01\xff")), "Version(01ff)");
    }
}
