//! For how long the applications that share a folder promise to keep their sessions.
//!
//! A record does not say how long its application keeps it, and a sweep goes by the lifetime of the application that
//! sweeps. So each says its own, by an empty file in the folder that is named for it and renewed once a day, and a
//! sweep goes by the longest. A promise that has not been renewed for its whole length has nothing left to keep; one
//! without end counts until it has not been renewed for a month, so that an application which takes a timeout on is
//! swept after all.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::open_note;
use crate::store::Timestamp;
use crate::store::file::sweep::age;
use crate::store::file::{is_absence, unlink};

/// No id has such a name.
const PREFIX: &str = ".beaker-keeps-";
const WITHOUT_END: &str = "all";

/// How often a promise is renewed.
pub(super) const RENEWAL: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a promise without end counts that nobody renews.
const MEMORY: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How long records are kept; without a duration, until they are deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::file) struct Keeping(pub(in crate::store::file) Option<Duration>);

impl Keeping {
    /// The longer of both.
    pub(in crate::store::file) fn or_longer(self, other: Self) -> Self {
        match (self.0, other.0) {
            (Some(one), Some(other)) => Self(Some(one.max(other))),
            _ => Self(None),
        }
    }

    fn name(self) -> String {
        match self.0 {
            // A second that has begun counts as a whole one.
            Some(time) => format!("{PREFIX}{}", time.as_secs() + u64::from(time.subsec_nanos() > 0)),
            None => format!("{PREFIX}{WITHOUT_END}"),
        }
    }

    fn of_name(name: &str) -> Option<Self> {
        match name.strip_prefix(PREFIX)? {
            WITHOUT_END => Some(Self(None)),
            seconds => Some(Self(Some(Duration::from_secs(seconds.parse().ok()?)))),
        }
    }

    /// Whether the promise may have something to keep that was renewed `age` seconds ago.
    fn counts_at(self, age: f64) -> bool {
        age <= self.0.unwrap_or(MEMORY).saturating_add(RENEWAL).as_secs_f64()
    }
}

/// Says that the records of `folder` are kept for so long, unless that was said lately.
pub(super) fn renew(folder: &Path, keeping: Keeping) -> io::Result<()> {
    let path = folder.join(keeping.name());
    let found = fs::symlink_metadata(&path).ok().filter(fs::Metadata::is_file);
    let age = found.and_then(|found| found.modified().ok()?.elapsed().ok());
    if age.is_some_and(|age| age < RENEWAL / 2) {
        return Ok(());
    }
    open_note(&path)?.set_modified(SystemTime::now())
}

/// The longest time for which somebody keeps the records of `folder`, who is going to sweep it included. Promises
/// that are over go, unless nothing is to be removed.
pub(in crate::store::file) fn longest(
    folder: &Path,
    own: Keeping,
    now: Timestamp,
    dry_run: bool,
) -> io::Result<Keeping> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if is_absence(&error) => return Ok(own),
        Err(error) => return Err(error),
    };
    let mut longest = own;
    for entry in entries {
        let entry = entry?;
        let Some(promised) = entry.file_name().to_str().and_then(Keeping::of_name) else { continue };
        let age = match entry.metadata() {
            Ok(found) if found.is_file() => age(&found, now)?,
            Ok(_) => continue,
            Err(error) if is_absence(&error) => continue,
            Err(error) => return Err(error),
        };
        if promised.counts_at(age) {
            longest = longest.or_longer(promised);
        } else if !dry_run {
            // Left there, it counts for nothing, now or later.
            let _ = unlink(&entry.path());
        }
    }
    Ok(longest)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

    use std::fs::File;

    use super::*;

    const HOUR: Keeping = Keeping(Some(Duration::from_secs(3600)));
    const DAY: Keeping = Keeping(Some(RENEWAL));
    const ALL: Keeping = Keeping(None);

    fn clock() -> Timestamp {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64()
    }

    #[test]
    fn the_longest_promise_counts() {
        let home = tempfile::tempdir().unwrap();
        let longest = |own| longest(home.path(), own, clock(), false).unwrap();
        assert_eq!(longest(HOUR), HOUR);
        renew(home.path(), HOUR).unwrap();
        renew(home.path(), DAY).unwrap();
        assert_eq!(longest(HOUR), DAY);
        renew(home.path(), ALL).unwrap();
        assert_eq!(longest(DAY), ALL);
    }

    #[test]
    fn a_promise_that_nobody_renews_is_over_when_there_is_nothing_left_to_keep() {
        let home = tempfile::tempdir().unwrap();
        for (promised, still, over) in [(DAY, 1.9, 2.1), (ALL, 30.9, 31.1)] {
            renew(home.path(), promised).unwrap();
            let at =
                |days: f64, dry_run| longest(home.path(), HOUR, clock() + days * 86_400.0, dry_run).unwrap();
            assert_eq!(at(still, false), promised);
            assert_eq!(at(over, true), HOUR);
            assert_eq!(at(still, false), promised);
            assert_eq!(at(over, false), HOUR);
            assert_eq!(at(still, false), HOUR);
        }
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_promise_is_renewed_when_it_is_old() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(HOUR.name());
        renew(home.path(), HOUR).unwrap();
        let long_ago = SystemTime::now() - RENEWAL;
        File::open(&path).unwrap().set_modified(long_ago).unwrap();
        renew(home.path(), HOUR).unwrap();
        assert!(fs::metadata(&path).unwrap().modified().unwrap() > long_ago + RENEWAL / 2);
    }

    #[test]
    fn a_name_tells_the_time_rounded_up_and_anything_else_is_no_promise() {
        for time in [Duration::ZERO, Duration::from_millis(1500), Duration::from_secs(1 << 40)] {
            let keeping = Keeping(Some(time));
            let read = Keeping::of_name(&keeping.name()).unwrap();
            assert!(read.0.unwrap() >= time && read.0.unwrap() < time + Duration::from_secs(1));
        }
        assert_eq!(Keeping::of_name(&ALL.name()), Some(ALL));
        for name in [".beaker-keeps-", ".beaker-keeps-none", ".beaker-sweep", "beaker-keeps-1"] {
            assert_eq!(Keeping::of_name(name), None, "{name}");
        }
    }

    #[test]
    fn a_link_in_the_place_of_a_promise_is_not_followed() {
        let home = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(home.path().join("target"), home.path().join(ALL.name())).unwrap();
        assert!(renew(home.path(), ALL).is_err());
        assert!(!home.path().join("target").exists());
        assert_eq!(longest(home.path(), HOUR, clock(), false).unwrap(), HOUR);
    }
}
