//! Requests that open, use and save sessions at once, against a store that is a map.
//!
//! Each pair of bytes lets one visitor take a step: the first says who, and how far; the second what the visitor does
//! or what the store answers. So any bytes are an order of events. A visitor does with the steps of the engine what
//! `src/py` does with them, from the cookie of a request to the cookie of its response.
//!
//! The laws are the promises of `docs/concurrency.md`, `docs/life.md` and `docs/design.md`. Each is asserted where it can
//! be seen: in `world` those of the records, in `visitor` those of one request, in `seen` those of a load, in
//! `response` those of cookies.

mod cookie;
mod data;
mod late;
mod limits;
mod rules;
mod seen;
mod visitor;
mod weather;
mod world;

use super::types;
use rules::Rules;
use visitor::Visitor;
use world::World;

const VISITORS: usize = 3;

/// The bytes that set the options.
const SETTINGS: usize = 3;

/// From this byte on, a change that was kept back is made before the step.
const LATE: u8 = 216;

/// An id of the application's own choice.
const PROGRAMS_ID: &str = "p";

/// The step of a visitor without a fault of any kind.
const FAIR: u8 = u8::MAX;

/// Holds the laws for these events.
pub(super) fn hold(events: &[u8]) {
    let (settings, events) = events.split_at_checked(SETTINGS).unwrap_or((events, &[]));
    let rules = Rules::of(settings);
    late::hold(settings.get(2).copied().unwrap_or(0));
    let mut world = World::new(rules);
    let mut visitors: Vec<_> = (0..VISITORS).map(|number| Visitor::new(number, rules)).collect();
    for event in events.chunks_exact(2) {
        let [who, what] = event else { continue };
        if *who >= LATE {
            let _is_late = world.arrive();
        }
        let Some(visitor) = visitors.get_mut(usize::from(*who) % VISITORS) else { continue };
        visitor.step(&mut world, *what);
        // Every second time the rest of the work is done at once and without faults.
        if usize::from(*who) / VISITORS % 2 == 1 {
            visitor.go_on(&mut world);
        }
        world.keep_laws();
    }
    // Every machine comes to its end, and every request.
    for visitor in &mut visitors {
        visitor.leave(&mut world);
        world.keep_laws();
    }
    while world.arrive() {
        world.keep_laws();
    }
    world.is_left();
}
