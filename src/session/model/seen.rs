//! What a load has seen, and the laws of its outcome.

use super::types::{Candidate, Failure, SessionId};

/// Redirects are followed so often.
const LONGEST_CHAIN: usize = 8;
/// An expired session is loaded so often, if others write it meanwhile.
const ROUNDS: usize = 5;
/// So many ids of a request are tried.
const MOST_CANDIDATES: usize = 5;

/// What a candidate leads to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fate {
    Absent,
    Corrupt,
    Expired,
    Alive,
}

/// The records from a candidate to its session.
#[derive(Debug)]
struct Chain {
    root: SessionId,
    redirects: usize,
    fate: Option<Fate>,
}

/// A load of a session.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The ids to try; none if there is one id only.
    candidates: Vec<SessionId>,
    /// The id in the first cookie.
    origin: Option<SessionId>,
    chains: Vec<Chain>,
    /// Where the last redirect leads.
    next: Option<SessionId>,
    /// The first redirect of the chain, and the one that leads nowhere and has to go.
    first_redirect: Option<SessionId>,
    dead_redirect: Option<SessionId>,
    /// How often the session was loaded.
    rounds: usize,
    /// Whether the session was reached by an old id before.
    was_via_old_id: bool,
    /// The first failure that ends a load.
    failure: Option<Failure>,
    /// Whether the record of the expired session is gone.
    is_deleted: bool,
    /// Whether the clock is wrong.
    pub(super) is_set_aside: bool,
    pub(super) is_invalidated: bool,
    pub(super) is_filled: bool,
}

impl Seen {
    /// A load of the session of a request with these cookies, or of one that has its id.
    pub(super) fn new(offered: &[Candidate], was_via_old_id: bool) -> Self {
        let mut candidates: Vec<SessionId> = Vec::new();
        for offered in offered {
            if candidates.iter().all(|known| known.as_str() != offered.id.as_str()) {
                candidates.push(offered.id.clone());
            }
        }
        candidates.truncate(MOST_CANDIDATES);
        let origin = candidates.first().cloned();
        Self { candidates, origin, was_via_old_id, rounds: 1, ..Self::default() }
    }

    /// The record of an id is loaded.
    pub(super) fn asked(&mut self, id: &SessionId) {
        let is_next = self.next.take().is_some_and(|next| next.as_str() == id.as_str());
        if let Some(chain) = self.chains.last_mut().filter(|_| is_next) {
            chain.redirects += 1;
            assert!(chain.redirects <= LONGEST_CHAIN, "eight redirects are followed at the most");
            return;
        }
        let is_first = |known: &SessionId| known.as_str() == id.as_str();
        match self.candidates.get(self.chains.len()) {
            Some(expected) => {
                assert_eq!(expected.as_str(), id.as_str(), "the candidates are tried in their order")
            }
            None => assert!(
                self.candidates.is_empty() && self.chains.iter().all(|chain| is_first(&chain.root)),
                "a session that is gone does not turn into another, and no id is tried twice: {self:?}"
            ),
        }
        let is_over = |chain: &Chain| chain.fate.is_some_and(|fate| fate != Fate::Alive);
        assert!(self.chains.iter().all(is_over), "only a candidate without a session gives way");
        self.first_redirect = None;
        self.chains.push(Chain { root: id.clone(), redirects: 0, fate: None });
    }

    pub(super) fn redirected(&mut self, from: &SessionId, to: SessionId) {
        self.first_redirect.get_or_insert_with(|| from.clone());
        self.next = Some(to);
    }

    /// The chain of redirects is not followed to its end.
    pub(super) fn cleared(&mut self) {
        assert!(self.dead_redirect.is_none(), "a redirect that leads nowhere does not stay");
        if self.next.take().is_some() {
            let redirects = self.chains.last().map(|chain| chain.redirects);
            assert_eq!(redirects, Some(LONGEST_CHAIN), "a redirect is followed");
            self.leads_to(Fate::Absent);
        }
    }

    /// There is no record. The redirect that led there has to go.
    pub(super) fn is_absent(&mut self) {
        self.dead_redirect = self.first_redirect.take();
        self.leads_to(Fate::Absent);
    }

    /// There is a redirect whose grace period is over.
    pub(super) fn is_dead(&mut self, id: &SessionId) {
        self.dead_redirect = Some(id.clone());
        self.leads_to(Fate::Absent);
    }

    pub(super) fn deletes_redirect(&mut self, id: &SessionId) {
        let dead = self.dead_redirect.take();
        assert_eq!(
            dead.as_ref().map(SessionId::as_str),
            Some(id.as_str()),
            "a redirect that leads nowhere is deleted"
        );
    }

    pub(super) fn leads_to(&mut self, fate: Fate) {
        if let Some(chain) = self.chains.last_mut() {
            chain.fate = Some(fate);
        }
    }

    pub(super) fn last_fate(&self) -> Option<Fate> {
        self.chains.last().and_then(|chain| chain.fate)
    }

    /// Whether the id that is looked at was reached by an old id.
    pub(super) fn is_via_old_id(&self) -> bool {
        let was_via = self.was_via_old_id && self.chains.len() == 1;
        was_via || self.chains.last().is_some_and(|chain| chain.redirects > 0)
    }

    /// The candidate that is looked at.
    pub(super) fn root(&self) -> Option<&SessionId> {
        let origin = self.origin.as_ref().filter(|_| self.chains.len() == 1);
        origin.or_else(|| self.chains.last().map(|chain| &chain.root))
    }

    fn first_fate(&self) -> Option<Fate> {
        self.chains.first().and_then(|chain| chain.fate)
    }

    pub(super) fn failed(&mut self, kind: Failure) {
        if kind != Failure::Corrupt {
            self.failure.get_or_insert(kind);
        }
    }

    /// What became of the record of the expired session, which is at `id`.
    pub(super) fn deleted(&mut self, reply: Result<bool, Failure>, id: &SessionId, is_via_old_id: bool) {
        assert!(!self.is_set_aside, "no session is destroyed while the clock is wrong");
        match reply {
            Ok(false) | Err(Failure::Unknown) if self.rounds < ROUNDS => {
                self.rounds += 1;
                self.chains.clear();
                self.was_via_old_id = is_via_old_id;
                if let Some(first) = self.candidates.first_mut() {
                    *first = id.clone();
                }
            }
            Ok(is_deleted) => self.is_deleted = is_deleted,
            Err(kind) => self.failed(kind),
        }
    }

    pub(super) fn checked_clock(&mut self, is_steady: bool) {
        assert_eq!(self.first_fate(), Some(Fate::Expired), "the first candidate decides");
        self.is_set_aside = !is_steady;
    }

    pub(super) fn invalidated(&mut self) {
        assert_eq!(self.first_fate(), Some(Fate::Expired), "only an expired session is ended");
        assert!(!self.is_set_aside, "no session is ended while the clock is wrong");
        assert!(
            self.is_deleted || self.rounds == ROUNDS,
            "a save or a read at the moment of expiry keeps the session"
        );
        self.is_invalidated = true;
    }

    /// The load is over. Whether the session was reached by an old id.
    pub(super) fn keep_laws(&self, outcome: Result<(), Failure>, via_old_id: bool) {
        if let Some(kind) = self.failure {
            assert_eq!(
                outcome,
                Err(kind),
                "a store that does not answer is an error, and no other session: {self:?}"
            );
            return;
        }
        if self.is_filled {
            assert_eq!(outcome, Ok(()));
            assert_eq!(self.last_fate(), Some(Fate::Alive), "only a session that is alive goes on");
            assert_eq!(via_old_id, self.is_via_old_id(), "an old id is known as one: {self:?}");
            return;
        }
        let are_dead = self.chains.iter().all(|chain| chain.fate.is_some_and(|fate| fate != Fate::Alive));
        assert!(are_dead, "a session that is alive goes on: {self:?}");
        assert!(self.chains.len() >= self.candidates.len(), "a dead cookie hides no session: {self:?}");
        let is_corrupt = self.first_fate() == Some(Fate::Corrupt);
        let expected = if is_corrupt { Err(Failure::Corrupt) } else { Ok(()) };
        assert_eq!(outcome, expected, "the first candidate decides: {self:?}");
        let is_expired = self.first_fate() == Some(Fate::Expired);
        assert_eq!(
            self.is_invalidated || self.is_set_aside,
            is_expired,
            "an expired session is ended: {self:?}"
        );
    }
}
