//! The failures that an acknowledged save survives.

/// The failures that a save survives once it has returned. In every case readers see the old record or the new one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// As Beaker does: the new file takes the old one's place, and when it reaches the disk is left to the
    /// system. The end of the process does no harm; a power cut may take the last seconds, on some file
    /// systems with the record itself.
    #[default]
    Beaker,
    /// The end of the process at any point does no harm, and nothing is done for more than that: a power cut
    /// may take the records that were written in the last half minute.
    Process,
    /// File and folder are on the disk before the save returns: it survives a power cut.
    Full,
}
