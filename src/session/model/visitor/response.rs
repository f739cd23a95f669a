//! The end of a request: what is stored, and the cookie of the response.

use super::super::cookie::Cookie;
use super::super::types::{AtEnd, AtEndFacts, SessionId, at_end};
use super::super::world::World;
use super::Visitor;

impl Visitor {
    /// The headers are sent.
    pub(super) fn begin_finish(&mut self, world: &mut World) {
        self.request.is_finishing = true;
        let facts = AtEndFacts {
            is_to_be_saved: self.request.is_dirty,
            keeps_access_time: self.rules.keeps_access_time,
            is_stale: self.life.is_stale(),
        };
        let at_end = at_end(&self.life, facts);
        if self.request.is_dirty {
            assert_eq!(at_end, AtEnd::Save, "what the application saves is stored");
        }
        match at_end {
            _ if self.life.is_deleted() => self.finish(world, true),
            AtEnd::Save => self.begin_save(world),
            AtEnd::Renew => self.begin_renew(),
            AtEnd::Leave => {
                let is_due = self.rules.keeps_access_time || self.request.is_old && self.request.is_found;
                assert!(!is_due, "an access time and an outdated record are stored");
                self.finish(world, true);
            }
        }
    }

    /// The request is over, and its response is sent unless it failed.
    pub(super) fn finish(&mut self, world: &mut World, is_sent: bool) {
        self.release(world);
        if is_sent {
            let due = self.request.cookie.due().cloned();
            self.keep_laws_of_cookie(due.as_ref());
            if !self.life.is_deleted() && !self.request.is_begun_anew && !self.request.has_ended {
                assert!(!self.life.is_rotated(), "a session with a new id is stored under it");
            }
            if let (Some(cookie), Some(jar)) = (due, self.request.jar) {
                let chosen = self.request.chosen.as_ref().or(self.request.offered.first());
                let chosen = chosen.map(|chosen| chosen.id.clone());
                let now = world.now;
                if let Some(jar) = world.jars.get_mut(jar) {
                    jar.receive(&cookie, chosen.as_ref(), now);
                }
            }
        }
        self.is_open = false;
        self.stack.clear();
    }

    fn keep_laws_of_cookie(&self, due: Option<&Cookie>) {
        let request = &self.request;
        let id = self.life.id();
        let is_via = |id: &SessionId| request.via.iter().any(|via| via.as_str() == id.as_str());
        if self.life.is_deleted() {
            let is_told = !request.is_deleted;
            assert!(is_told || due.is_some_and(|due| due.is_expired), "a logout deletes the cookie");
            return;
        }
        if let Some(due) = due {
            assert!(!due.is_expired || request.has_deleted, "only a logout deletes the cookie");
            assert!(!is_via(&due.id), "no response reveals the new id to the holder of an old one");
            if !request.has_turned {
                assert_eq!(due.id.as_str(), id.as_str(), "the cookie has the id of the session");
            }
            if !request.is_reloaded {
                assert_eq!(
                    due.lasts,
                    self.life.timeout(),
                    "a browser keeps the cookie as long as the session lives"
                );
            }
        }
        if request.has_turned || request.has_ended || request.has_deleted {
            return;
        }
        if request.is_withheld {
            return;
        }
        let is_known = request.chosen.as_ref().is_some_and(|chosen| chosen.id.as_str() == id.as_str());
        let is_promised = request.is_stored
            || request.has_invalidated
            || request.is_found
            || request.has_renamed
            || request.is_reloaded;
        assert!(due.is_none() || is_promised, "an unsaved session sends no cookie");
        let is_stored = request.stored_as.as_ref().is_some_and(|stored| stored.as_str() == id.as_str());
        if is_stored && !is_known && !is_via(id) && (request.programs.is_none() || request.has_renamed) {
            assert!(due.is_some(), "the browser gets the id of the session that is stored");
        }
        if !is_known || !request.is_found || is_via(id) {
            return;
        }
        let is_outdated = request.chosen.as_ref().is_some_and(|chosen| !chosen.is_current);
        let is_due = is_outdated || self.rules.rolls || request.had_timeout;
        assert!(
            due.is_some() || !is_due,
            "an outdated cookie, and one that lasts from each use, is sent again"
        );
        let is_new = request.has_renamed || request.has_set_timeout || request.is_reloaded;
        assert!(due.is_none() || is_due || is_new, "a cookie that the browser has is not sent");
    }
}
