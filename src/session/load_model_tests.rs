//! Loading against a plain model of a store, with other processes and failures between any two steps.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::load::{Answer, LONGEST_CHAIN, Loading, Policy, Step};
use super::{Candidate, Facts, Failed, Failure, Found, Life, Limits, Times};
use crate::id::SessionId;
use crate::store::{Timestamp, Version};

type Error = Failure;

const NOW: Timestamp = 1_000.0;
const IDLE: Limits = Limits { idle: Some(60.0), absolute: None, epoch: None, touch_interval: 0.0 };

fn candidate(text: &str) -> Candidate {
    Candidate { id: SessionId::from_program(text), is_current: true, signed_at: None }
}

fn failed<T>(kind: Failure) -> Result<T, Failed<Error>> {
    Err(Failed { kind, error: kind })
}

/// A record of the model.
#[derive(Clone, Debug)]
enum Record {
    Session { accessed: Timestamp },
    Redirect { to: u8 },
    DeadRedirect,
    Empty,
    Damaged,
    Undecodable,
}

/// What other processes, the store and the application's code do between two steps.
#[derive(Clone, Debug)]
enum Event {
    Nothing,
    Put(u8, Record),
    Delete(u8),
    Fail(Failure),
}

/// A plain store of a few ids.
#[derive(Clone, Debug, Default)]
struct Store {
    records: BTreeMap<String, (Record, Version)>,
    writes: u64,
}

impl Store {
    fn put(&mut self, id: u8, record: Record) {
        self.writes += 1;
        self.records.insert(id.to_string(), (record, Version::from(self.writes)));
    }

    fn load(&self, id: &SessionId) -> Result<Found, Failed<Error>> {
        let Some((record, version)) = self.records.get(id.as_str()) else { return Ok(Found::Absent) };
        match record {
            Record::Damaged => failed(Failure::Corrupt),
            Record::Redirect { to } => {
                Ok(Found::Redirect { to: SessionId::from_program(to.to_string()), version: *version })
            }
            Record::DeadRedirect => Ok(Found::DeadRedirect(*version)),
            Record::Session { .. } | Record::Empty | Record::Undecodable => Ok(Found::Session(*version)),
        }
    }

    /// The id of the session that `id` leads to, if it leads to one that is alive.
    fn alive(&self, id: &str, hops: usize) -> Option<String> {
        match &self.records.get(id)?.0 {
            Record::Session { accessed } if NOW - accessed <= 60.0 => Some(id.to_owned()),
            Record::Redirect { to } if hops > 0 => self.alive(&to.to_string(), hops - 1),
            _ => None,
        }
    }
}

fn record() -> impl Strategy<Value = Record> {
    prop_oneof![
        3 => prop::sample::select(vec![NOW, NOW - 60.0, NOW - 61.0, NOW + 9.0])
            .prop_map(|accessed| Record::Session { accessed }),
        3 => (0_u8..6).prop_map(|to| Record::Redirect { to }),
        1 => Just(Record::DeadRedirect),
        1 => Just(Record::Empty),
        1 => Just(Record::Damaged),
        1 => Just(Record::Undecodable),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let failures = [Failure::Corrupt, Failure::Unavailable, Failure::Busy, Failure::Unknown, Failure::Other];
    prop_oneof![
        12 => Just(Event::Nothing),
        1 => (0_u8..6, record()).prop_map(|(id, record)| Event::Put(id, record)),
        1 => (0_u8..6).prop_map(Event::Delete),
        1 => prop::sample::select(failures.to_vec()).prop_map(Event::Fail),
    ]
}

/// A run of the machine against the model, with what the laws look at.
struct Run {
    store: Store,
    life: Life,
    locks: Option<String>,
    steps: Vec<Step<Error>>,
    loaded: Option<(Record, Version)>,
    failures: Vec<Failure>,
}

impl Run {
    /// Runs to the end. What the law of each step forbids fails here.
    fn new(policy: Policy, mut store: Store, ids: &[u8], is_steady: bool, events: &[Event]) -> Self {
        let mut offered = ids.iter().map(|id| candidate(&id.to_string()));
        let mut life = Life::from_cookie(offered.next().unwrap());
        let others: Vec<_> = offered.collect();
        store.writes += 1;
        let mut loading = Loading::new(policy, &life);
        let step = loading.next(&mut life, Answer::Begin, NOW);
        let mut run =
            Self { store, life, locks: None, steps: vec![step], loaded: None, failures: Vec::new() };
        let mut events = events.iter();
        loop {
            let failure = match events.next().unwrap_or(&Event::Nothing) {
                Event::Nothing => None,
                Event::Put(id, record) => {
                    run.store.put(*id, record.clone());
                    None
                }
                Event::Delete(id) => {
                    run.store.records.remove(&id.to_string());
                    None
                }
                Event::Fail(failure) => Some(*failure),
            };
            let step = run.steps.last().unwrap().clone();
            assert!(run.steps.len() < 200, "it does not end: {:?}", run.steps);
            let Some(answer) = run.answer(&step, policy, others.clone(), is_steady, failure) else {
                return run;
            };
            let next = loading.next(&mut run.life, answer, NOW);
            run.steps.push(next);
        }
    }

    fn answer(
        &mut self,
        step: &Step<Error>,
        policy: Policy,
        others: Vec<Candidate>,
        is_steady: bool,
        failure: Option<Failure>,
    ) -> Option<Answer<Error>> {
        if let (Some(kind), false) = (failure, matches!(step, Step::Done(_) | Step::CheckClock)) {
            self.failures.push(kind);
            if *step == Step::Unlock {
                // It is released all the same.
                self.locks = None;
            }
            return Some(match step {
                Step::Load(_) => Answer::Loaded(failed(kind)),
                Step::Decode(_) => Answer::Decoded(failed(kind)),
                Step::ReadCookies => Answer::Cookies(failed(kind)),
                Step::DeleteExpired(..) => Answer::Deleted(failed(kind)),
                _ => Answer::Called(failed(kind)),
            });
        }
        match step {
            Step::Lock(id, _) | Step::MoveLock(id) => self.locks = Some(id.as_str().to_owned()),
            Step::Load(id) => {
                if policy.locks {
                    assert_eq!(self.locks.as_deref(), Some(id.as_str()), "it loads what it has not locked");
                }
                self.loaded = self.store.records.get(id.as_str()).cloned();
                return Some(Answer::Loaded(self.store.load(id)));
            }
            Step::DeleteRedirect(id, version) => {
                if let Some((record, _)) = self.store.records.get(id.as_str()).filter(|(_, is)| is == version)
                {
                    assert!(
                        matches!(record, Record::Redirect { .. } | Record::DeadRedirect),
                        "a session is deleted"
                    );
                    self.store.records.remove(id.as_str());
                }
            }
            Step::DeleteExpired(id, version) => {
                let is_same = |found: &(Record, Version)| {
                    assert!(
                        matches!(found.0, Record::Session { accessed } if NOW - accessed > 60.0)
                            || found.1 != *version
                    );
                    found.1 == *version
                };
                let is_gone = self.store.records.get(id.as_str()).is_none_or(is_same);
                if is_gone {
                    self.store.records.remove(id.as_str());
                }
                return Some(Answer::Deleted(Ok(is_gone)));
            }
            Step::Decode(_) => {
                let (record, version) = self.loaded.clone().unwrap();
                assert_eq!(self.life.version(), Some(version));
                return Some(Answer::Decoded(match record {
                    Record::Session { accessed } => Ok(Some(Facts {
                        times: Times { accessed: Some(accessed), begun: None },
                        timeout: None,
                        is_current: true,
                    })),
                    Record::Empty => Ok(None),
                    Record::Undecodable => failed(Failure::Corrupt),
                    other => panic!("{other:?} is no session"),
                }));
            }
            Step::ReadCookies => return Some(Answer::Cookies(Ok(others))),
            Step::CheckClock => return Some(Answer::Clock(is_steady)),
            Step::Unlock => self.locks = None,
            Step::Done(_) => return None,
            Step::GiveUp => panic!("nothing was given up"),
            _ => {}
        }
        Some(Answer::Called(Ok(())))
    }

    fn has(&self, step: &Step<Error>) -> bool {
        self.steps.contains(step)
    }

    fn is_open(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Fill { .. }))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_a_store_answers_no_session_is_mistaken(
        records in prop::collection::vec((0_u8..6, record()), 0..8),
        ids in prop::sample::subsequence((0_u8..6).collect::<Vec<_>>(), 1..=5).prop_shuffle(),
        locks: bool,
        is_steady: bool,
        events in prop::collection::vec(event(), 0..40),
    ) {
        let mut store = Store::default();
        for (id, record) in records {
            store.put(id, record);
        }
        let run = Run::new(Policy { locks, limits: IDLE }, store, &ids, is_steady, &events);
        let Some(Step::Done(outcome)) = run.steps.last() else { panic!("{:?}", run.steps) };
        // An expired session is never opened, nor anything that is no session.
        if run.is_open() {
            let opened = run.loaded.as_ref();
            let is_alive = matches!(opened, Some((Record::Session { accessed }, _)) if NOW - accessed <= 60.0);
            prop_assert!(is_alive, "{opened:?}");
        }
        // A store that does not answer is an error and never a logout.
        if outcome.is_ok() {
            let cleanups = run.steps.iter().filter(|step| matches!(step, Step::DeleteRedirect(..))).count();
            let ends = run.steps.iter().filter(|step| matches!(step, Step::DeleteExpired(..))).count();
            let failures = |of: fn(Failure) -> bool| run.failures.iter().filter(|kind| of(**kind)).count();
            let unknown = failures(|kind| kind == Failure::Unknown);
            let others = failures(|kind| kind != Failure::Unknown && kind != Failure::Corrupt);
            // After the lost reply to a deletion the session is loaded again.
            let is_heard = others <= cleanups && others + unknown <= cleanups + ends;
            prop_assert!(is_heard, "a failure was ignored");
        } else {
            prop_assert!(run.locks.is_none(), "an error keeps a lock");
        }
        // An id of a browser is taken on only with its record.
        if outcome.is_ok() && !run.is_open() {
            prop_assert!(run.has(&Step::CreateId) || run.has(&Step::Invalidate));
        }
        // A session that a redirect led to sends no cookie, loaded again or not. Any other one does.
        if outcome.is_ok() && run.is_open() {
            if run.life.via_old_id() {
                prop_assert!(run.has(&Step::WithdrawCookie));
            } else {
                prop_assert_ne!(run.steps.iter().rev().nth(3), Some(&Step::WithdrawCookie));
            }
        }
    }

    #[test]
    fn the_first_candidate_that_leads_to_a_session_is_the_one(
        records in prop::collection::vec((0_u8..6, record()), 0..8),
        ids in prop::sample::subsequence((0_u8..6).collect::<Vec<_>>(), 1..=5).prop_shuffle(),
        locks: bool,
    ) {
        let mut store = Store::default();
        for (id, record) in records {
            store.put(id, record);
        }
        let expected = ids.iter().find_map(|id| store.alive(&id.to_string(), LONGEST_CHAIN));
        let run = Run::new(Policy { locks, limits: IDLE }, store, &ids, true, &[]);
        prop_assert_eq!(run.is_open().then(|| run.life.id().as_str().to_owned()), expected);
    }
}
