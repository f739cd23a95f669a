//! The weather of the model: what becomes of a call of the store, and of its reply.

use super::super::types::{Failed, Failure, Reply, Written, save};
use super::world::{Change, World};

/// The store's reaction to a call.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Weather {
    Fair,
    Unavailable,
    /// It does it, and its reply is lost.
    LostDone,
    /// It does not do it, and that is not known.
    LostUndone,
    /// It does it later, and that is not known.
    LostLate,
}

impl Weather {
    pub(super) fn of(byte: u8) -> Self {
        match byte % 16 {
            0 => Self::Unavailable,
            1 | 2 => Self::LostDone,
            3 => Self::LostUndone,
            4 | 5 => Self::LostLate,
            _ => Self::Fair,
        }
    }
}

/// The answer to a change in this weather.
pub(super) fn answered(world: &mut World, weather: Weather, change: Change) -> save::Answer<Failure> {
    match made(world, weather, change) {
        Ok(written) => save::Answer::Written(written),
        Err(failed) => save::Answer::Failed(failed),
    }
}

/// The store's reply to a change in this weather.
pub(super) fn made(world: &mut World, weather: Weather, change: Change) -> Reply<Written, Failure> {
    match weather {
        Weather::Fair => return Ok(world.make(change)),
        Weather::Unavailable => return Err(failed(Failure::Unavailable)),
        Weather::LostUndone => {}
        Weather::LostDone => {
            let _lost = world.make(change);
        }
        Weather::LostLate => world.delay(change),
    }
    Err(failed(Failure::Unknown))
}

/// A failure of this kind.
pub(super) fn failed(kind: Failure) -> Failed<Failure> {
    Failed { kind, error: kind }
}
