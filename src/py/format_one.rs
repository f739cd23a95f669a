//! The time until which cookies of format 1 are read.

use pyo3::prelude::*;

use super::{clock, errors};
use crate::config::Settings;
use crate::cookie::Format;
use crate::store::Timestamp;

/// The time of a request, if it decides which formats are read: an application that writes format 1 always reads it.
pub(crate) fn moment(py: Python<'_>, settings: &Settings) -> PyResult<Timestamp> {
    if settings.format == Format::One { Ok(0.0) } else { Ok(clock::now(py)?.seconds) }
}

/// Logs once that a cookie of format 1 was accepted long after the switch.
pub(crate) fn tell(py: Python<'_>, settings: &Settings, now: Timestamp) -> PyResult<()> {
    if settings.format == Format::One || !settings.format_one.switch().is_to_be_told(now) {
        return Ok(());
    }
    errors::log_warning(
        py,
        "a cookie of format 1 was accepted more than 30 days after format 2 came into use; a date in \
         session.accept_format_1_until ends that",
    )
}
