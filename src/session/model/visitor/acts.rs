//! What a visitor does next: a request comes, its application works, and it ends.

use super::super::PROGRAMS_ID;
use super::super::data::TIMEOUT;
use super::super::types::SessionId;
use super::super::world::{Form, World};
use super::{Act, Visitor};

/// A key that every visitor changes.
const SHARED: u8 = 100;

impl Visitor {
    /// A request comes, or the world changes.
    pub(super) fn come(&mut self, world: &mut World, what: u8) {
        let how = what / 8;
        match what % 8 {
            0..=3 => self.open_by_cookie(world, usize::from(how % 2)),
            4 => self.open_by_id(world, PROGRAMS_ID),
            5 => self.plant(world, how),
            6 if how == 0 => world.put_circle(),
            6 if how == 1 => self.open_by_id(world, "c"),
            _ => self.change_world(world, how),
        }
    }

    /// Somebody plants a cookie.
    fn plant(&self, world: &mut World, how: u8) {
        let known = world.known.get(usize::from(how / 4) % world.known.len().max(1)).cloned();
        let id = match how {
            28 => "x".to_owned(),
            29 => "y".to_owned(),
            30 => "c".to_owned(),
            _ => known.map_or_else(|| "x".to_owned(), |known| known.as_str().to_owned()),
        };
        let signed_at = world.now - if self.number == 0 { 0.0 } else { 400.0 };
        if let Some(jar) = world.jars.get_mut(usize::from(how % 2)) {
            jar.plant(&id, (how / 2).is_multiple_of(2), signed_at);
        }
    }

    /// Time passes, clocks jump, records change.
    fn change_world(&self, world: &mut World, how: u8) {
        let last = world.known.last().cloned().unwrap_or_else(|| SessionId::from_program(PROGRAMS_ID));
        let last = if self.number == 0 { last } else { self.life.record_id().clone() };
        match how {
            0 | 1 => world.now += 4.0,
            2 | 3 => world.now += 9.0,
            4 => world.now += 30.0,
            5 | 6 => world.now += 62.0,
            7 | 8 => world.now += 71.0,
            9 => world.now += 500.0,
            10 => {
                world.now += 1000.0;
                world.is_steady = false;
            }
            11 => world.now -= 1000.0,
            12 => world.now -= 70.0,
            13 => world.is_steady = true,
            14 => world.is_steady = false,
            15 => world.spoil(&last, Form::Old),
            16 => world.spoil(&last, Form::Foreign),
            17 => world.spoil(&last, Form::Damaged),
            18 => world.spoil(&last, Form::Empty),
            19 => world.spoil(&last, Form::Current),
            20 => world.end_grace(),
            21 => world.touch(&last, Some(world.now)),
            22 => world.bump(&last),
            23 => world.jars.iter_mut().for_each(super::super::cookie::Jar::age),
            24 => world.date(&last, None),
            25 => world.date(&last, Some(world.now + 300.0)),
            26 => world.date(&last, Some(world.now - 450.0)),
            27 => world.date(&last, Some(8_000.0)),
            28 => world.touch(&last, Some(world.now + 5.0)),
            29 => world.touch(&last, Some(world.now + 300.0)),
            _ => {}
        }
    }

    /// The application of the request goes on.
    pub(super) fn act(&mut self, world: &mut World, what: u8) {
        let how = what / 16;
        let value = u32::from(what) + self.tokens * 256 + 1;
        let is_deleted = self.life.is_deleted();
        match what % 16 {
            0 => self.assign(self.key(), Some(value)),
            1 => self.assign(SHARED, Some(value * 4 + u32::from(self.key()))),
            2 => self.assign(if how < 8 { SHARED } else { self.key() }, None),
            3 => self.change_in_place(if how < 8 { SHARED } else { self.key() }, value),
            4 => self.request.is_dirty = true,
            5 if !is_deleted => self.begin_save(world),
            6 if !is_deleted => self.regenerate_id(),
            7 if !is_deleted => self.end_by_program(Act::Delete),
            8 => self.end_by_program(Act::Invalidate),
            9 if !is_deleted => self.load_again(world),
            10 => self.lock_by_program(world),
            11 => self.unlock_by_program(world),
            12 if !is_deleted => self.act_rarely(world, how, value),
            13 | 14 => self.begin_finish(world),
            15 => self.change_world(world, how + if self.tokens.is_multiple_of(2) { 0 } else { 15 }),
            _ => {}
        }
    }

    fn act_rarely(&mut self, world: &mut World, how: u8, value: u32) {
        match how {
            0..=3 => {
                self.clear();
                self.life.clear();
                self.request.is_cleared = true;
            }
            4 => {
                self.ours = self.loaded.clone();
                self.life.revert();
                self.request.is_cleared = false;
            }
            5..=10 => {
                self.request.has_set_timeout = true;
                match how {
                    5 | 6 => self.ours.content.insert(TIMEOUT, 30),
                    7 | 8 => self.ours.content.insert(TIMEOUT, 200),
                    9 => self.ours.content.insert(TIMEOUT, 5),
                    _ => self.ours.content.remove(&TIMEOUT),
                };
            }
            11 | 12 => {
                self.create_id(true);
                (self.request.has_renamed, self.request.is_begun_anew) = (true, true);
            }
            13 => {
                // The program sets the id.
                self.life.turn_to(SessionId::from_program(format!("own{}-{value}", self.number)));
                assert_eq!(self.life.stored_as(), None, "the session under the id before is one of its own");
                self.request.has_turned = true;
                self.lineage = world.new_lineage();
                self.request.is_stored = false;
            }
            _ => {}
        }
    }

    fn assign(&mut self, key: u8, value: Option<u32>) {
        self.ours.content.remove(&key);
        self.ours.content.extend(value.map(|value| (key, value)));
    }

    /// The application got a value, and changes it in place.
    fn change_in_place(&mut self, key: u8, value: u32) {
        self.maybe_mutated = true;
        let Some(old) = self.ours.content.get(&key).copied() else { return };
        for data in [Some(&mut self.ours), Some(&mut self.loaded), self.saved.as_mut()].into_iter().flatten()
        {
            if let Some(shared) = data.content.get_mut(&key).filter(|shared| **shared == old) {
                *shared = value;
            }
        }
    }

    /// `session.regenerate_id()`
    fn regenerate_id(&mut self) {
        let before = self.life.id().clone();
        let is_via = self.request.via.iter().any(|via| via.as_str() == before.as_str());
        let stored_as = self.life.stored_as().cloned();
        if self.life.via_old_id() {
            assert!(is_via, "only a request with an old id keeps its id");
            return;
        }
        assert!(!is_via, "who came with an old id does not rotate the session");
        self.create_id(false);
        self.life.moved_from(stored_as);
        assert_ne!(before.as_str(), self.life.id().as_str(), "a login changes the id");
        (self.request.has_renamed, self.request.is_renamed) = (true, true);
    }

    /// The application loads the session again.
    fn load_again(&mut self, world: &World) {
        // A rotation in doubt may have been made.
        let is_moved = world.session(self.life.id()).is_some();
        let request = &mut self.request;
        let forgets = request.is_begun_anew || request.is_renamed && request.is_cleared;
        request.forgotten = (forgets && !is_moved).then_some(self.lineage);
        request.is_reloaded = true;
        self.doing = Act::Load;
        self.begin_load(false);
    }
}
