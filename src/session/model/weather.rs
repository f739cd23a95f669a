//! The weather of the model: what becomes of a call, and of its reply.

use super::types::{Failed, Failure, Reply, Written};
use super::world::{Change, World};

/// The reaction to a call.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Weather {
    Fair,
    Unavailable,
    /// Another process has the record or its lock.
    Busy,
    /// A signal handler or the application's own code raises.
    Raised,
    /// The store does it, and its reply is lost.
    LostDone,
    /// The store does not do it, and that is not known.
    LostUndone,
    /// The store does it later, and that is not known.
    LostLate,
    /// Another request writes the record a moment before.
    Overtaken,
}

impl Weather {
    pub(super) fn of(byte: u8) -> Self {
        match byte % 32 {
            0 => Self::Unavailable,
            1 => Self::Busy,
            2 => Self::Raised,
            3 | 4 => Self::LostDone,
            5 => Self::LostUndone,
            6 | 7 => Self::LostLate,
            8 => Self::Overtaken,
            _ => Self::Fair,
        }
    }

    /// The reply to a call that changes nothing.
    pub(super) fn of_look<T>(byte: u8, value: T) -> Reply<T, Failure> {
        match Self::of(byte) {
            Self::Unavailable => Err(failed(Failure::Unavailable)),
            Self::Busy => Err(failed(Failure::Busy)),
            Self::Raised => Err(failed(Failure::Other)),
            _ => Ok(value),
        }
    }

    /// The reply to a call that reaches no store.
    pub(super) fn of_call(byte: u8) -> Reply<(), Failure> {
        if Self::of(byte) == Self::Raised { Err(failed(Failure::Other)) } else { Ok(()) }
    }
}

/// The store's reply to a change.
pub(super) fn made(world: &mut World, byte: u8, change: Change) -> Reply<Written, Failure> {
    let mut weather = Weather::of(byte);
    if weather == Weather::Fair && world.is_overtaken(&change) {
        weather = Weather::Overtaken;
    }
    match weather {
        Weather::Fair => Ok(world.make(change)),
        Weather::Overtaken => {
            world.bump(change.id());
            Ok(world.make(change))
        }
        Weather::Unavailable => Err(failed(Failure::Unavailable)),
        Weather::Busy => Err(failed(Failure::Busy)),
        Weather::Raised => Err(failed(Failure::Other)),
        Weather::LostUndone => Err(failed(Failure::Unknown)),
        Weather::LostDone => {
            let _lost = world.make(change);
            Err(failed(Failure::Unknown))
        }
        Weather::LostLate => {
            world.delay(change);
            Err(failed(Failure::Unknown))
        }
    }
}

/// A failure of this kind.
pub(super) fn failed(kind: Failure) -> Failed<Failure> {
    Failed { kind, error: kind }
}
