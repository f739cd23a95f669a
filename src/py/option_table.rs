//! Shows Python the table of options, for documentation, stubs and tests.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::config::{GROUPS, OptionSpec};

/// Every session option, in groups: a dictionary each, with texts in Markdown.
#[pyfunction]
pub(crate) fn option_table(py: Python<'_>) -> PyResult<Vec<Bound<'_, PyDict>>> {
    let rows = GROUPS.iter().flat_map(|group| group.options.iter().map(|option| (group.title, option)));
    rows.map(|(group, option)| row(py, group, option)).collect()
}

fn row<'py>(py: Python<'py>, group: &str, option: &OptionSpec) -> PyResult<Bound<'py, PyDict>> {
    let row = PyDict::new(py);
    row.set_item("name", option.name)?;
    row.set_item("group", group)?;
    row.set_item("kind", option.kind.name())?;
    row.set_item("choices", option.kind.choices())?;
    row.set_item("default", option.documented_default())?;
    row.set_item("hardened", option.hardened.map(|hardened| hardened.default.documented()))?;
    row.set_item("because", option.hardened.map(|hardened| hardened.because))?;
    row.set_item("used_by", option.used_by)?;
    row.set_item("since", option.since)?;
    row.set_item("session_position", option.session_position)?;
    row.set_item("cookie_session_position", option.cookie_session_position)?;
    row.set_item("attribute", option.attribute)?;
    row.set_item("annotation", option.kind.annotation())?;
    row.set_item("meaning", option.meaning)?;
    Ok(row)
}
