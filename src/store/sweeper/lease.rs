//! The lease that one process at a time takes to sweep a store, and the guard against jumps of the clock.
//!
//! Both are one file. It is locked during a sweep, and it has the readings of the machine's clocks from
//! the beginning of the last sweep, with which the next one, in any process, compares its own.

use std::fmt::Write;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind as IoKind, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, OFlags, fcntl_lock};

use crate::clock::Reading;
use crate::error::{Error, Result};

const OPERATION: &str = "take the lease to sweep the sessions";

const PRIVATE: u32 = 0o600;

/// In bytes. A note is shorter.
const LONGEST: u64 = 4096;

/// In seconds, since the machine started. By then its clock has been set from outside, if ever.
const SETTLED: f64 = 3600.0;

const VERSION: &str = "beaker-sweep 1";

/// The exclusive right to sweep a store, until it is dropped.
///
/// The lock is the process's own (`fcntl`, POSIX): a forked process does not inherit it, and it ends with this
/// process, however that ends.
pub struct SweepLease {
    file: File,
}

impl SweepLease {
    /// Takes the lease whose file is `path`. `None` if another process has it, or if its folder does not exist.
    ///
    /// # Errors
    /// `Unavailable` if the file of the lease cannot be made or locked.
    pub fn take(path: &Path) -> Result<Option<Self>> {
        let failed = |error: io::Error| Error::unavailable(OPERATION).with_source(error);
        // No link is followed, and no pipe waited for.
        let opened = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(PRIVATE)
            .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
            .open(path);
        let file = match opened {
            Ok(file) => file,
            Err(error) if error.kind() == IoKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        if !file.metadata().map_err(failed)?.is_file() {
            return Err(
                Error::unavailable(OPERATION).with_detail("the file of the lease is not a regular file")
            );
        }
        match fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self { file })),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::ACCESS) => Ok(None),
            Err(error) => Err(failed(error.into())),
        }
    }

    /// The note of the last sweep.
    pub(super) fn read(&self) -> Option<Note> {
        let mut text = String::new();
        (&self.file).take(LONGEST).read_to_string(&mut text).ok()?;
        Note::parse(&text)
    }

    /// Notes this sweep. A note that is cut short by the end of the process counts as none.
    pub(super) fn write(&self, note: &Note) -> Result<()> {
        let text = note.to_text();
        self.file
            .write_all_at(text.as_bytes(), 0)
            .and_then(|()| self.file.set_len(text.len() as u64))
            .map_err(|error| Error::unavailable(OPERATION).with_source(error))
    }
}

/// A reading of the clocks, with what makes readings of several processes comparable.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Note {
    pub(super) clocks: Reading,
    /// The machine's name for the time since it started, if it has one.
    boot: Option<String>,
    /// The uptime since which the clock has run steadily, if it was seen to jump.
    steady_since: Option<f64>,
}

/// The decision on a sweep.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Verdict {
    /// Nothing: the last sweep was not long ago.
    NotDue,
    /// Note the clocks, and remove nothing yet.
    Wait(Note),
    /// Note the clocks and sweep.
    Sweep(Note),
}

/// Decides by the note of the last sweep whether another is due, and whether the clock may be trusted.
///
/// After a jump nothing is removed until `patience` has passed, which is at least the lifetime of a session. Where
/// the last sweep was before the machine started, or on another machine, there is nothing to compare with; then this
/// machine must have run for an hour. A jump between a restart and the first sweep after it is not noticed.
pub(super) fn judge(last: Option<&Note>, now: Note, interval: Duration, patience: Duration) -> Verdict {
    let interval = interval.as_secs_f64();
    let comparable = last.filter(|last| {
        now.boot.is_some() && last.boot == now.boot && last.clocks.uptime <= now.clocks.uptime
    });
    let Some(last) = comparable else {
        let since = last.map(|last| now.clocks.wall - last.clocks.wall);
        if since.is_some_and(|since| (0.0..interval).contains(&since)) {
            return Verdict::NotDue;
        }
        return if now.clocks.uptime >= SETTLED { Verdict::Sweep(now) } else { Verdict::Wait(now) };
    };
    let uptime = now.clocks.uptime;
    if !last.clocks.went_on_steadily_to(&now.clocks) {
        return Verdict::Wait(now.after_a_jump());
    }
    if uptime - last.clocks.uptime < interval {
        return Verdict::NotDue;
    }
    match last.steady_since {
        Some(since) if uptime - since < patience.as_secs_f64() => {
            Verdict::Wait(Note { steady_since: Some(since), ..now })
        }
        _ => Verdict::Sweep(now),
    }
}

impl Note {
    pub(super) fn now() -> Self {
        // Linux names every start.
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok();
        let boot = boot.map(|id| id.trim().to_owned()).filter(|id| !id.is_empty() && id.len() <= 64);
        Self { clocks: Reading::now(), boot, steady_since: None }
    }

    /// The same, whose clock has just jumped.
    pub(super) fn after_a_jump(self) -> Self {
        Self { steady_since: Some(self.clocks.uptime), ..self }
    }

    /// The text of the file, readable by administrators.
    fn to_text(&self) -> String {
        let mut text = format!("{VERSION}\nat {} {}\n", self.clocks.wall, self.clocks.uptime);
        // Writing to a text cannot fail.
        if let Some(boot) = &self.boot {
            let _ = writeln!(text, "boot {boot}");
        }
        if let Some(since) = self.steady_since {
            let _ = writeln!(text, "steady {since}");
        }
        text
    }

    /// Reads such a text. `None` for any other: then it is as if there had been no sweep.
    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        if lines.next()? != VERSION {
            return None;
        }
        let number = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite());
        let (wall, uptime) = lines.next()?.strip_prefix("at ")?.split_once(' ')?;
        let clocks = Reading { wall: number(wall)?, uptime: number(uptime)? };
        let mut note = Self { clocks, boot: None, steady_since: None };
        for line in lines {
            match line.split_once(' ')? {
                ("boot", id) => note.boot = Some(id.to_owned()),
                ("steady", since) => note.steady_since = Some(number(since)?),
                _ => {}
            }
        }
        Some(note)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const DAY: Duration = Duration::from_secs(86_400);
    const START: f64 = 1_700_000_000.0;

    fn note(uptime: f64, jumped: f64) -> Note {
        let clocks = Reading { wall: START + uptime + jumped, uptime };
        Note { clocks, boot: Some("one".to_owned()), steady_since: None }
    }
    fn elsewhere(uptime: f64, wall: f64) -> Note {
        Note { clocks: Reading { wall, uptime }, boot: Some("two".to_owned()), steady_since: None }
    }
    fn after(verdict: Verdict) -> Note {
        match verdict {
            Verdict::Wait(note) | Verdict::Sweep(note) => note,
            Verdict::NotDue => unreachable!("it was due"),
        }
    }

    #[test]
    fn a_folder_is_swept_once_an_interval() {
        let last = note(10_000.0, 0.0);
        for (uptime, due) in [(10_001.0, false), (13_599.0, false), (13_600.0, true), (1e6, true)] {
            let verdict = judge(Some(&last), note(uptime, 0.0), HOUR, DAY);
            assert_eq!(matches!(verdict, Verdict::Sweep(_)), due, "{uptime}");
            assert_eq!(verdict == Verdict::NotDue, !due, "{uptime}");
        }
    }

    #[test]
    fn after_a_jump_of_the_clock_nothing_is_removed_for_a_whole_lifetime() {
        for jumped in [61.0, 1e9, -61.0, -1e9] {
            let mut last = note(10_000.0, 0.0);
            for uptime in [10_100.0, 14_000.0, 50_000.0, 96_000.0] {
                let verdict = judge(Some(&last), note(uptime, jumped), HOUR, DAY);
                assert!(matches!(verdict, Verdict::Wait(_)), "{jumped} {uptime}");
                last = after(verdict);
                last = Note::parse(&last.to_text()).unwrap();
            }
            let verdict = judge(Some(&last), note(100_000.0, jumped), HOUR, DAY);
            assert_eq!(verdict, Verdict::Sweep(note(100_000.0, jumped)));
        }
    }

    #[test]
    fn a_jump_back_and_forth_begins_the_wait_anew() {
        let first = after(judge(Some(&note(0.0, 0.0)), note(10_000.0, 1e6), HOUR, DAY));
        let second = after(judge(Some(&first), note(90_000.0, 0.0), HOUR, DAY));
        assert!(matches!(judge(Some(&second), note(100_000.0, 0.0), HOUR, DAY), Verdict::Wait(_)));
        assert!(matches!(judge(Some(&second), note(180_000.0, 0.0), HOUR, DAY), Verdict::Sweep(_)));
    }

    #[test]
    fn a_clock_that_is_corrected_slowly_has_not_jumped() {
        let last = note(10_000.0, 0.0);
        for (uptime, drifted) in [(14_000.0, 60.0), (14_000.0, -60.0), (1_010_000.0, 500.0)] {
            let verdict = judge(Some(&last), note(uptime, drifted), HOUR, DAY);
            assert!(matches!(verdict, Verdict::Sweep(_)), "{drifted}");
        }
    }

    #[test]
    fn after_a_restart_of_the_machine_its_clock_has_an_hour_to_be_set() {
        let last = note(10_000.0, 0.0);
        let later = START + 1e6;
        assert!(matches!(judge(Some(&last), elsewhere(3599.0, later), HOUR, DAY), Verdict::Wait(_)));
        assert!(matches!(judge(Some(&last), elsewhere(3600.0, later), HOUR, DAY), Verdict::Sweep(_)));
        assert!(matches!(judge(None, elsewhere(3599.0, later), HOUR, DAY), Verdict::Wait(_)));
        assert!(matches!(judge(None, elsewhere(3600.0, later), HOUR, DAY), Verdict::Sweep(_)));
    }

    #[test]
    fn machines_that_share_a_folder_share_the_interval() {
        let last = note(10_000.0, 0.0);
        let soon = elsewhere(1e6, last.clocks.wall + 3599.0);
        assert_eq!(judge(Some(&last), soon, HOUR, DAY), Verdict::NotDue);
        let before = elsewhere(1e6, last.clocks.wall - 1.0);
        assert!(matches!(judge(Some(&last), before, HOUR, DAY), Verdict::Sweep(_)));
    }

    #[test]
    fn a_machine_without_a_boot_id_is_never_compared() {
        let last = Note { boot: None, ..note(10_000.0, 0.0) };
        let shifted = Note { boot: None, ..elsewhere(20_000.0, START + 1e8) };
        assert!(matches!(judge(Some(&last), shifted, HOUR, DAY), Verdict::Sweep(_)));
    }

    #[test]
    fn a_note_is_read_back_and_any_other_text_is_none() {
        for note in [note(1234.5, 0.25), Note { boot: None, steady_since: Some(17.125), ..note(0.0, 0.0) }] {
            let text = note.to_text();
            assert_eq!(Note::parse(&text), Some(note));
            assert_eq!(Note::parse(&text.replace("sweep 1", "sweep 2")), None);
            assert_eq!(Note::parse(&format!("{text}an_addition of a later version\n")), Note::parse(&text));
        }
        for text in ["", "\0", "beaker-sweep 1", "beaker-sweep 1\nat 1\n", "beaker-sweep 1\nat NaN 1\n"] {
            assert_eq!(Note::parse(text), None, "{text:?}");
        }
    }
}
