//! Whether the clock may be trusted to say how old a file is.
//!
//! Each sweep notes what the clocks say, and the next one compares, in whatever process.

use std::fmt::Write;
use std::time::Duration;

use crate::clock;

/// In seconds, since the machine started. By then its clock has been set from outside, if ever.
const SETTLED: f64 = 3600.0;

const VERSION: &str = "beaker-sweep 1";

/// A look at both clocks, with what makes looks of several processes comparable.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reading {
    pub(super) clocks: clock::Reading,
    /// Which start of which machine that was, if it says so.
    pub(super) boot: Option<String>,
}

impl Reading {
    pub(super) fn now() -> Self {
        Self { clocks: clock::Reading::now(), boot: boot() }
    }
}

/// Linux names every start.
fn boot() -> Option<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned()).filter(|id| !id.is_empty() && id.len() <= 64)
}

/// What the last sweep noted.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Note {
    pub(super) at: Reading,
    /// Since which second of this start of the machine the clock has run steadily; none if it was never seen to
    /// jump.
    pub(super) steady_since: Option<f64>,
}

/// What a process that comes to sweep has to do.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Verdict {
    /// Nothing: somebody has swept lately.
    NotDue,
    /// Note the clocks, and remove nothing yet.
    Look(Note),
    /// Note the clocks and sweep.
    Sweep(Note),
}

/// Judges by what the last sweep noted whether it is time for another, and whether files may be removed by
/// their age.
///
/// After a jump nothing is removed until whoever is alive has been seen since: until `patience` has passed, which
/// is at least the lifetime of a session. Where the last sweep was before the machine started, or by another
/// machine, there is nothing to compare with; then it is enough that this one has run for an hour. A jump
/// between a restart and the first look after it is not noticed.
pub(super) fn judge(last: Option<&Note>, now: Reading, interval: Duration, patience: Duration) -> Verdict {
    let comparable = last.filter(|last| {
        now.boot.is_some() && last.at.boot == now.boot && last.at.clocks.uptime <= now.clocks.uptime
    });
    let Some(last) = comparable else {
        let since = last.map(|last| now.clocks.wall - last.at.clocks.wall);
        if since.is_some_and(|since| (0.0..interval.as_secs_f64()).contains(&since)) {
            return Verdict::NotDue;
        }
        let settled = now.clocks.uptime >= SETTLED;
        let note = Note { at: now, steady_since: None };
        return if settled { Verdict::Sweep(note) } else { Verdict::Look(note) };
    };
    let uptime = now.clocks.uptime;
    if !last.at.clocks.went_on_steadily_to(&now.clocks) {
        return Verdict::Look(Note { steady_since: Some(uptime), at: now });
    }
    if uptime - last.at.clocks.uptime < interval.as_secs_f64() {
        return Verdict::NotDue;
    }
    let steady = last.steady_since.is_none_or(|since| uptime - since >= patience.as_secs_f64());
    let note = Note { at: now, steady_since: last.steady_since.filter(|_| !steady) };
    if steady { Verdict::Sweep(note) } else { Verdict::Look(note) }
}

impl Note {
    /// As it stands in the file. What it is, an administrator may wonder.
    pub(super) fn to_text(&self) -> String {
        let mut text = format!("{VERSION}\nat {} {}\n", self.at.clocks.wall, self.at.clocks.uptime);
        // Writing to a text cannot fail.
        if let Some(boot) = &self.at.boot {
            let _ = writeln!(text, "boot {boot}");
        }
        if let Some(since) = self.steady_since {
            let _ = writeln!(text, "steady {since}");
        }
        text
    }

    /// What such a text says. `None` for any other: then it is as if there had been no sweep.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        if lines.next()? != VERSION {
            return None;
        }
        let number = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite());
        let (wall, uptime) = lines.next()?.strip_prefix("at ")?.split_once(' ')?;
        let (wall, uptime) = (number(wall)?, number(uptime)?);
        let (mut boot, mut steady_since) = (None, None);
        for line in lines {
            match line.split_once(' ')? {
                ("boot", id) => boot = Some(id.to_owned()),
                ("steady", since) => steady_since = Some(number(since)?),
                _ => {}
            }
        }
        Some(Self { at: Reading { clocks: clock::Reading { wall, uptime }, boot }, steady_since })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const DAY: Duration = Duration::from_secs(86_400);
    const START: f64 = 1_700_000_000.0;

    fn reading(uptime: f64, jumped: f64) -> Reading {
        let clocks = clock::Reading { wall: START + uptime + jumped, uptime };
        Reading { clocks, boot: Some("one".to_owned()) }
    }
    fn elsewhere(uptime: f64, wall: f64) -> Reading {
        Reading { clocks: clock::Reading { wall, uptime }, boot: Some("two".to_owned()) }
    }
    fn note(at: Reading) -> Note {
        Note { at, steady_since: None }
    }
    fn after(verdict: Verdict) -> Note {
        match verdict {
            Verdict::Look(note) | Verdict::Sweep(note) => note,
            Verdict::NotDue => unreachable!("it was due"),
        }
    }

    #[test]
    fn a_folder_is_swept_once_an_interval() {
        let last = note(reading(10_000.0, 0.0));
        for (uptime, due) in [(10_001.0, false), (13_599.0, false), (13_600.0, true), (1e6, true)] {
            let verdict = judge(Some(&last), reading(uptime, 0.0), HOUR, DAY);
            assert_eq!(matches!(verdict, Verdict::Sweep(_)), due, "{uptime}");
            assert_eq!(verdict == Verdict::NotDue, !due, "{uptime}");
        }
    }

    #[test]
    fn after_a_jump_of_the_clock_nothing_is_removed_for_a_whole_lifetime() {
        for jumped in [61.0, 1e9, -61.0, -1e9] {
            let mut last = note(reading(10_000.0, 0.0));
            for uptime in [10_100.0, 14_000.0, 50_000.0, 96_000.0] {
                let verdict = judge(Some(&last), reading(uptime, jumped), HOUR, DAY);
                assert!(matches!(verdict, Verdict::Look(_)), "{jumped} {uptime}");
                last = after(verdict);
                last = Note::parse(&last.to_text()).unwrap();
            }
            let verdict = judge(Some(&last), reading(100_000.0, jumped), HOUR, DAY);
            assert_eq!(verdict, Verdict::Sweep(note(reading(100_000.0, jumped))));
        }
    }

    #[test]
    fn a_jump_back_and_forth_begins_the_wait_anew() {
        let first = after(judge(Some(&note(reading(0.0, 0.0))), reading(10_000.0, 1e6), HOUR, DAY));
        let second = after(judge(Some(&first), reading(90_000.0, 0.0), HOUR, DAY));
        assert!(matches!(judge(Some(&second), reading(100_000.0, 0.0), HOUR, DAY), Verdict::Look(_)));
        assert!(matches!(judge(Some(&second), reading(180_000.0, 0.0), HOUR, DAY), Verdict::Sweep(_)));
    }

    #[test]
    fn a_clock_that_is_corrected_slowly_has_not_jumped() {
        let last = note(reading(10_000.0, 0.0));
        for (uptime, drifted) in [(14_000.0, 60.0), (14_000.0, -60.0), (1_010_000.0, 500.0)] {
            let verdict = judge(Some(&last), reading(uptime, drifted), HOUR, DAY);
            assert!(matches!(verdict, Verdict::Sweep(_)), "{drifted}");
        }
    }

    #[test]
    fn after_a_restart_of_the_machine_its_clock_has_an_hour_to_be_set() {
        let last = note(reading(10_000.0, 0.0));
        let later = START + 1e6;
        assert!(matches!(judge(Some(&last), elsewhere(3599.0, later), HOUR, DAY), Verdict::Look(_)));
        assert!(matches!(judge(Some(&last), elsewhere(3600.0, later), HOUR, DAY), Verdict::Sweep(_)));
        assert!(matches!(judge(None, elsewhere(3599.0, later), HOUR, DAY), Verdict::Look(_)));
        assert!(matches!(judge(None, elsewhere(3600.0, later), HOUR, DAY), Verdict::Sweep(_)));
    }

    #[test]
    fn machines_that_share_a_folder_share_the_interval() {
        let last = note(reading(10_000.0, 0.0));
        let soon = elsewhere(1e6, last.at.clocks.wall + 3599.0);
        assert_eq!(judge(Some(&last), soon, HOUR, DAY), Verdict::NotDue);
        let before = elsewhere(1e6, last.at.clocks.wall - 1.0);
        assert!(matches!(judge(Some(&last), before, HOUR, DAY), Verdict::Sweep(_)));
    }

    #[test]
    fn a_machine_that_does_not_name_its_starts_is_never_compared() {
        let nameless = |uptime: f64| Reading { boot: None, ..reading(uptime, 0.0) };
        let last = note(nameless(10_000.0));
        let shifted = Reading { boot: None, ..elsewhere(20_000.0, START + 1e8) };
        assert!(matches!(judge(Some(&last), shifted, HOUR, DAY), Verdict::Sweep(_)));
    }

    #[test]
    fn what_is_noted_is_read_again_and_anything_else_is_no_note() {
        for note in [
            note(reading(1234.5, 0.25)),
            Note { at: Reading { boot: None, ..reading(0.0, 0.0) }, steady_since: Some(17.125) },
        ] {
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
