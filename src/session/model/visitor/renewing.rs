//! The end of a request that did not save its session.

use super::super::types::{Expect, Failure, Reply, SessionId, Written, renew, save};
use super::super::weather::{Weather, made};
use super::super::world::{Change, Form, Intent, Record, World, Writing};
use super::{Act, Frame, Visitor};

impl Visitor {
    pub(super) fn begin_renew(&mut self) {
        let facts = renew::Facts {
            is_due: self.life.is_stale() || self.rules.keeps_access_time,
            maybe_mutated: self.maybe_mutated,
            was_saved: self.saved.is_some(),
        };
        let renewing = Box::new((renew::Renewing::new(&self.life, facts), *self.new_saving()));
        self.begin_act(Act::Renew, Frame::Renew(renewing, renew::Answer::Begin));
        self.request.has_touched = false;
        self.request.renews = self.life.version();
    }

    /// Another thread has the same session, and saves what it has of it.
    fn save_by_another_thread(&mut self, world: &mut World, id: &SessionId) {
        world.bump(id);
        if let Some((version, _)) = world.session(id) {
            self.life.saved(version);
        }
    }

    pub(super) fn renew(
        &mut self,
        world: &mut World,
        mut renewing: Box<(renew::Renewing, save::Saving<Failure>)>,
        answer: renew::Answer<Failure>,
        what: u8,
    ) {
        let step = renewing.0.next(&mut self.life, answer);
        let data = self.saved.clone().unwrap_or_else(|| self.loaded.clone());
        let reply = match step {
            renew::Step::Compare(content) => {
                let is_saved = content == renew::Content::Saved;
                assert_eq!(
                    is_saved,
                    self.saved.is_some(),
                    "what the application saved is compared, if it saved"
                );
                let is_changed = data.content != self.base.content;
                Weather::of_call(what).map(|()| renew::Answer::Changed(is_changed))
            }
            renew::Step::GiveWay(id) => {
                if what % 32 == 9 {
                    self.save_by_another_thread(world, &id);
                }
                Weather::of_call(what).map(|()| renew::Answer::Ready)
            }
            renew::Step::Renew { id, version } => {
                self.request.has_touched = true;
                assert_eq!(
                    self.request.renews,
                    Some(version),
                    "the record is renewed in the state that the request has seen"
                );
                let reply = self.touch(world, Change::Touch { id, version, accessed: data.accessed }, what);
                self.request.renewed = reply.as_ref().ok().copied().flatten();
                reply.map(renew::Answer::Renewed)
            }
            renew::Step::Done(outcome) => return self.renewed(world, &outcome, *renewing),
        };
        self.stack.push(Frame::Renew(renewing, reply.unwrap_or_else(renew::Answer::Failed)));
    }

    /// Stores the access time: in place, or with the same data in the form of today.
    fn touch(
        &mut self,
        world: &mut World,
        change: Change,
        what: u8,
    ) -> Reply<Option<super::Version>, Failure> {
        let Change::Touch { id, version, accessed } = change else { return Ok(None) };
        if !self.life.is_stale() {
            let _touched = made(world, what, Change::Touch { id, version, accessed })?;
            return Ok(None);
        }
        let data = self.saved.clone().unwrap_or_else(|| self.loaded.clone());
        let intent = Intent {
            merges: self.rules.merges,
            is_merged_again: false,
            base: data.content.clone(),
            ours: data.content.clone(),
        };
        let by = self.new_token();
        let (lineage, encoded_for) = (self.lineage, id.clone());
        let record = Record { lineage, data, by, form: Form::Current, encoded_for };
        let change =
            Change::Write { id, writing: Writing { record, intent }, expect: Expect::Version(version) };
        Ok(match made(world, what, change)? {
            Written::Stored(version) => Some(version),
            Written::Refused => None,
        })
    }

    fn renewed(
        &mut self,
        world: &mut World,
        outcome: &renew::Outcome<Failure>,
        renewing: (renew::Renewing, save::Saving<Failure>),
    ) {
        let data = self.saved.clone().unwrap_or_else(|| self.loaded.clone());
        let is_due = self.request.is_old || self.rules.keeps_access_time;
        let is_kept = self.request.is_found && is_due && !self.life.is_new();
        let is_changed = self.maybe_mutated && data.content != self.base.content;
        let is_rotated = self.life.is_rotated() && !self.request.is_begun_anew;
        let has_to_save = is_rotated || is_kept && is_changed;
        match outcome {
            renew::Outcome::Save(content) => {
                let is_saved = *content == renew::Content::Saved;
                assert_eq!(
                    is_saved,
                    self.saved.is_some(),
                    "what the application saved is stored, if it saved"
                );
                assert!(has_to_save || self.life.version().is_none(), "a reader writes no data");
                return self.store(world, Box::new(renewing.1), data, is_saved);
            }
            renew::Outcome::Nothing => {
                assert!(!has_to_save, "a new id, and a change in place, is stored without a save");
                let is_needless = self.saved.is_some() || self.request.was_recent && !self.life.is_stale();
                assert!(is_needless || !is_kept, "a request that uses a session stores that");
            }
            renew::Outcome::Renewed | renew::Outcome::NotRenewed(_) => {
                assert!(!has_to_save, "a new id, and a change in place, is stored without a save");
                let known = self.request.renewed.take();
                assert!(
                    known.is_none() || known == self.life.version(),
                    "the state of a renewed record is known"
                );
                let is_needless = self.request.was_recent && !self.life.is_stale();
                assert!(is_kept && !is_needless, "a recent access time is left as it is");
            }
            renew::Outcome::Failed(kind) => assert!(
                !self.request.has_touched || *kind == Failure::Other,
                "an access time that cannot be stored fails no request"
            ),
        }
        let reply = match outcome {
            renew::Outcome::Failed(kind) => Err(super::super::weather::failed(*kind)),
            _ => Ok(()),
        };
        self.give_back(world, reply);
    }
}
