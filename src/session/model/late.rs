//! Changes after the headers of the response: which of them are lost.

use super::types::{LateChanges, is_lost};

/// Holds the laws for one case of all.
pub(super) fn hold(case: u8) {
    let is = |bit: u8| case >> bit & 1 == 1;
    let late = LateChanges { changed: is(0), needs_cookie: is(1), discarded: is(2), assigned: is(3) };
    let (is_sent, in_cookie, is_kept) = (is(4), is(5), is(6));
    let Ok::<_, ()>(is_lost) = is_lost(late, is_sent, in_cookie, || Ok(is_kept)) else { return };
    if late.needs_cookie && !is_sent {
        assert!(is_lost, "what needs a cookie that was not sent is lost");
    } else if !late.changed {
        assert!(!is_lost, "who has changed nothing loses nothing");
    } else if !is_kept || late.assigned {
        assert!(is_lost, "a change that nobody keeps is lost");
    } else if in_cookie {
        assert_eq!(is_lost, late.discarded, "a cookie session keeps what was sent");
    } else {
        assert_eq!(is_lost, !is_sent, "a stored session is lost to a browser without its cookie");
    }
}
