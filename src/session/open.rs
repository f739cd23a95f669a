//! Opening: the session of a request, from its cookies or from an id that the application chose.

use super::answer::Reply;
use super::life::Life;

/// The options for opening.
#[derive(Clone, Copy, Debug, Default)]
pub struct Policy {
    /// Whether a new session takes the place of one that cannot be decoded (`invalidate_corrupt`).
    pub replaces_corrupt: bool,
    /// Whether the expiry of the cookie counts from each use (`cookie_rolling`).
    pub rolls: bool,
}

/// The caller's next step. Each step but the last is answered with the result of the call.
#[derive(Clone, Debug, PartialEq)]
pub enum Step<E> {
    /// Begin a new session, since the request names none.
    Begin,
    /// Load the session that is named, by the application's own `load()` if it has one.
    Load,
    /// Warn that a new session takes the place of one that cannot be decoded. The error says why.
    Warn(E),
    /// Begin another session, by the application's own `invalidate()` if it has one.
    Invalidate,
    /// Send the cookie, though the session has not changed.
    SendCookie,
    /// The session is open, or this error is raised.
    Done(Result<(), E>),
}

#[derive(Debug)]
enum Then {
    Begin,
    Load,
    Loaded,
    Invalidate,
    Opened,
    Finish,
}

/// A session that is being opened.
#[derive(Debug)]
pub struct Opening {
    policy: Policy,
    then: Then,
}

impl Opening {
    /// Begins to open a session. `is_named` if the request or the application says which one.
    pub fn new(policy: Policy, is_named: bool) -> Self {
        Self { policy, then: if is_named { Then::Load } else { Then::Begin } }
    }

    /// The next step, after `reply` to the one before. The first reply is `Ok(())`.
    pub fn next<E>(&mut self, life: &mut Life, reply: Reply<(), E>) -> Step<E> {
        let then = std::mem::replace(&mut self.then, Then::Finish);
        match (then, reply) {
            (Then::Begin, Ok(())) => Step::Begin,
            (Then::Load, Ok(())) => {
                self.then = Then::Loaded;
                Step::Load
            }
            // A store that does not answer is never a reason to begin another session.
            (Then::Loaded, Err(failed)) if failed.is_corrupt() && self.policy.replaces_corrupt => {
                self.then = Then::Invalidate;
                Step::Warn(failed.error)
            }
            (Then::Invalidate, Ok(())) => {
                // Another process may have the key that decodes the record.
                life.disown();
                self.then = Then::Opened;
                Step::Invalidate
            }
            (Then::Loaded | Then::Opened, Ok(())) => {
                if self.is_cookie_due(life) {
                    Step::SendCookie
                } else {
                    Step::Done(Ok(()))
                }
            }
            (Then::Finish, Ok(())) => Step::Done(Ok(())),
            (_, Err(failed)) => Step::Done(Err(failed.error)),
        }
    }

    /// Whether the cookie that brought the session is to be sent again: it is outdated, its expiry counts from each use,
    /// or the session has a timeout of its own, before which the browser is not to forget it.
    fn is_cookie_due(&self, life: &mut Life) -> bool {
        let lasts = life.is_from_cookie() && life.timeout().is_some();
        let is_outdated = life.finish_opening();
        !life.is_new() && (lasts || is_outdated.is_some_and(|is_outdated| is_outdated || self.policy.rolls))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "a test fails by panicking")]

    use super::*;
    use crate::id::SessionId;
    use crate::session::{Candidate, Failed, Failure};
    use crate::store::Version;

    type Error = Failure;

    const FORGIVING: Policy = Policy { replaces_corrupt: true, rolls: false };

    fn failed(kind: Failure) -> Reply<(), Error> {
        Err(Failed { kind, error: kind })
    }

    fn steps(
        policy: Policy,
        life: &mut Life,
        replies: impl IntoIterator<Item = Reply<(), Error>>,
    ) -> Vec<Step<Error>> {
        let mut opening = Opening::new(policy, !life.is_new());
        std::iter::once(Ok(())).chain(replies).map(|reply| opening.next(life, reply)).collect()
    }

    fn named(is_current: bool) -> Life {
        Life::from_cookie(Candidate { id: SessionId::from_program("a"), is_current, signed_at: None })
    }

    fn loaded(is_current: bool) -> Life {
        let mut life = named(is_current);
        life.found(Version::from(1));
        life
    }

    #[test]
    fn a_session_that_nothing_names_begins() {
        let mut life = Life::fresh(SessionId::generate());
        assert_eq!(steps(FORGIVING, &mut life, [Ok(())]), [Step::Begin, Step::Done(Ok(()))]);
    }

    #[test]
    fn a_session_that_is_named_is_loaded_and_its_current_cookie_is_not_sent_again() {
        assert_eq!(steps(FORGIVING, &mut loaded(true), [Ok(())]), [Step::Load, Step::Done(Ok(()))]);
    }

    #[test]
    fn an_outdated_cookie_is_sent_again() {
        let outdated = steps(FORGIVING, &mut loaded(false), [Ok(()), Ok(())]);
        assert_eq!(outdated, [Step::Load, Step::SendCookie, Step::Done(Ok(()))]);
    }

    #[test]
    fn a_cookie_whose_expiry_counts_from_each_use_is_sent_again() {
        let rolling = Policy { rolls: true, ..FORGIVING };
        assert_eq!(steps(rolling, &mut loaded(true), [Ok(())])[1..], [Step::SendCookie]);
        let mut by_program = Life::named(SessionId::from_program("a"), false);
        assert_eq!(steps(rolling, &mut by_program, [Ok(())])[1..], [Step::Done(Ok(()))]);
    }

    #[test]
    fn a_session_with_a_timeout_of_its_own_sends_its_cookie_again() {
        let mut life = loaded(true);
        life.set_timeout(Some(60));
        assert_eq!(steps(FORGIVING, &mut life, [Ok(())])[1..], [Step::SendCookie]);
    }

    #[test]
    fn a_new_session_in_place_of_the_one_named_sends_no_cookie_before_it_is_saved() {
        let mut life = named(false);
        life.set_new(true);
        let mut opening = Opening { policy: FORGIVING, then: Then::Loaded };
        assert_eq!(opening.next::<Error>(&mut life, Ok(())), Step::Done(Ok(())));
    }

    #[test]
    fn a_corrupt_session_is_replaced_with_a_warning_and_keeps_its_record() {
        let mut life = loaded(true);
        let made = steps(FORGIVING, &mut life, [failed(Failure::Corrupt), Ok(()), Ok(())]);
        let warned = Step::Warn(Failure::Corrupt);
        assert_eq!(made, [Step::Load, warned, Step::Invalidate, Step::Done(Ok(()))]);
        assert_eq!(life.stored_as(), None);
    }

    #[test]
    fn a_corrupt_session_is_an_error_where_the_options_say_so() {
        let made = steps(Policy::default(), &mut named(true), [failed(Failure::Corrupt)]);
        assert_eq!(made, [Step::Load, Step::Done(Err(Failure::Corrupt))]);
    }

    #[test]
    fn no_other_failure_replaces_a_session() {
        for kind in [Failure::Unavailable, Failure::Busy, Failure::Unknown, Failure::Other] {
            let made = steps(FORGIVING, &mut named(true), [failed(kind)]);
            assert_eq!(made, [Step::Load, Step::Done(Err(kind))]);
        }
        for replies in [
            vec![failed(Failure::Corrupt), failed(Failure::Other)],
            vec![failed(Failure::Corrupt), Ok(()), failed(Failure::Corrupt)],
        ] {
            let made = steps(FORGIVING, &mut named(true), replies);
            assert!(matches!(made.last(), Some(Step::Done(Err(_)))), "{made:?}");
        }
    }
}
