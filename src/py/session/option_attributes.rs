//! The attributes of a session that show its options, made from the table of options.
//!
//! Reading one gives the option's value. Setting one gives this session options of its own.

use pyo3::exceptions::PyAttributeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyString, PyType};

use super::class::Session;
use super::cookie;
use crate::config::{self, OptionSpec};
use crate::py::once::intern;

// An attribute of `Session` that shows an option. Python shows the documentation of the option.
#[pyclass(frozen, module = "beaker.session")]
struct OptionAttribute {
    option: &'static OptionSpec,
}

/// Gives `Session` an attribute for each option that has one.
pub(crate) fn register(py: Python<'_>) -> PyResult<()> {
    let class = py.get_type::<Session>();
    for option in config::options() {
        if let Some(name) = option.attribute {
            class.setattr(name, Bound::new(py, OptionAttribute { option })?)?;
        }
    }
    Ok(())
}

#[pymethods]
impl OptionAttribute {
    fn __get__<'py>(
        slf: &Bound<'py, Self>,
        session: Option<&Bound<'py, Session>>,
        _class: Option<&Bound<'py, PyType>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if let Some(session) = session { get(session, slf.get().option) } else { Ok(slf.clone().into_any()) }
    }

    fn __set__(&self, session: &Bound<'_, Session>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        set(session, self.option, value)
    }

    fn __delete__(&self, _session: &Bound<'_, Session>) -> PyResult<()> {
        Err(PyAttributeError::new_err("an option of a session cannot be deleted; set it"))
    }

    #[getter(__doc__)]
    fn doc(&self) -> String {
        format!("`{}`: {}.", self.option.name, self.option.meaning)
    }
}

fn get<'py>(session: &Bound<'py, Session>, option: &OptionSpec) -> PyResult<Bound<'py, PyAny>> {
    let py = session.py();
    let options = session.get().options()?;
    Ok(match option.name {
        "key" => PyString::new(py, &options.settings.key).into_any(),
        "use_cookies" => PyBool::new(py, options.settings.use_cookies).to_owned().into_any(),
        "type" => match attributes(session)?.get_item(intern!(py, "type"))? {
            Some(shown) => shown,
            None => options.backend()?.kind.bind(py).clone(),
        },
        "namespace_class" => options.backend()?.namespace_class.bind(py).clone(),
        _ => options.value(py, option)?,
    })
}

fn set(session: &Bound<'_, Session>, option: &OptionSpec, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = session.py();
    match option.name {
        // A session keeps its backend; only the name that it shows changes.
        "type" => return attributes(session)?.set_item(intern!(py, "type"), value),
        // Without a type a folder would choose another backend.
        "data_dir" => {
            if let Ok(backend) = session.get().options()?.backend() {
                configure(session, "type", backend.kind.bind(py))?;
            }
        }
        _ => {}
    }
    configure(session, option.name, value)?;
    match option.name {
        "secure" | "httponly" | "samesite" => cookie::set_attribute(session, option.name, value),
        _ => Ok(()),
    }
}

/// Sets an option of this session alone.
pub(super) fn configure(session: &Bound<'_, Session>, name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let options = session.get().options()?.with(session.py(), name, value)?;
    let _dropped = session
        .get()
        .with(|state| (std::mem::replace(&mut state.options, options), state.access.forget_stores()))?;
    Ok(())
}

/// The attributes that a program has set on this session.
fn attributes<'py>(session: &Bound<'py, Session>) -> PyResult<Bound<'py, PyDict>> {
    Ok(session.getattr(intern!(session.py(), "__dict__"))?.cast_into::<PyDict>()?)
}
