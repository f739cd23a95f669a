//! Visitors that load, save, rotate and end sessions at once, against a store that is a map.
//!
//! Each byte lets one visitor take one step, and says what the store answers. So any bytes are an order of events.

mod visitor;
mod weather;
mod world;

use super::types::SessionId;
use visitor::Visitor;
use world::World;

const VISITORS: usize = 3;

/// From this byte on, a change that was kept back is made before the step.
const LATE: u8 = 192;

/// An id of the application's own choice.
const PROGRAMS_ID: &str = "p";

/// Holds the laws for these events.
pub(super) fn hold(events: &[u8]) {
    let mut events = events.iter().copied();
    let settings = events.next().unwrap_or(0);
    let rules = Rules { merges: settings & 1 == 0, leaves_redirects: settings & 2 == 0 };
    let mut world = World::default();
    let mut known = vec![SessionId::from_program(PROGRAMS_ID)];
    let mut visitors: Vec<_> = (0..VISITORS).map(|number| Visitor::new(number, rules)).collect();
    while let (Some(who), Some(what)) = (events.next(), events.next()) {
        if who >= LATE {
            let _is_late = world.arrive();
        }
        let Some(visitor) = visitors.get_mut(usize::from(who) % VISITORS) else { continue };
        visitor.step(&mut world, &mut known, what);
        world.keep_laws();
    }
    // Without faults, every machine comes to its end.
    for visitor in &mut visitors {
        visitor.finish(&mut world, &mut known);
        world.keep_laws();
    }
    while world.arrive() {
        world.keep_laws();
    }
}

/// The options of every session.
#[derive(Clone, Copy)]
struct Rules {
    merges: bool,
    leaves_redirects: bool,
}
