//! Access to the fields of the proxy.
//!
//! Some programs read and write them in `__dict__`. So once a program asks for it, that dictionary has the fields; until
//! then there is no dictionary.

use std::sync::Arc;

use parking_lot::MutexGuard;
use pyo3::exceptions::PyRuntimeError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use pyo3::{PyTraverseError, PyTypeInfo};

use super::class::{Cell, Fields, SessionObject};
use crate::py::nesting::{self, Entered, Work};
use crate::py::once::intern;
use crate::py::options::Options;
use crate::py::patience::Patience;
use crate::py::runner::Runner;
use crate::py::wait::Pauses;

/// While it lives, one thread alone makes the session.
pub(super) struct Making<'a> {
    cell: &'a Cell,
    /// Where the session is made from within its making.
    nested: Option<Entered>,
}

impl Drop for Making<'_> {
    fn drop(&mut self) {
        if self.nested.is_none() {
            self.cell.lock().maker = None;
        }
    }
}

type Object<'a, 'py> = &'a Bound<'py, SessionObject>;

fn unset() -> PyErr {
    PyRuntimeError::new_err("SessionObject.__init__ was not called")
}

impl Cell {
    fn lock(&self) -> MutexGuard<'_, Fields> {
        self.fields.lock()
    }

    /// Waits until no other thread makes the session, and makes others wait. The interpreter is released meanwhile.
    /// The class of the session may use the proxy that is making it, and not again from within that.
    pub(super) fn wait_to_make(&self, py: Python<'_>) -> PyResult<Making<'_>> {
        let this = Runner::current(py)?;
        let mut pauses = Pauses::new();
        loop {
            {
                let mut fields = self.lock();
                match fields.maker {
                    Some(maker) if maker == this => break,
                    // One that was at it when this process was forked does not go on here.
                    Some(maker) if maker.shares_process_with(&this) => {}
                    _ => {
                        fields.maker = Some(this);
                        return Ok(Making { cell: self, nested: None });
                    }
                }
            }
            pauses.pause(py)?;
        }
        let this = std::ptr::from_ref(self).addr();
        Ok(Making { cell: self, nested: Some(nesting::enter(py, Work::Make(this))?) })
    }

    /// The compiled options, if no program can have changed them.
    pub(super) fn prepared(&self) -> Option<Arc<Options>> {
        let fields = self.lock();
        if fields.exposed.is_some() { None } else { fields.prepared.as_ref().map(Arc::clone) }
    }

    /// How long the request waits for its session.
    pub(super) fn patience(&self, options: &Options) -> Arc<Patience> {
        let mut fields = self.lock();
        let known = fields.patience.get_or_insert_with(|| {
            let patience = Patience::new(options.settings.lock_timeout);
            patience.share();
            Arc::new(patience)
        });
        Arc::clone(known)
    }

    pub(super) fn begin(&self, environ: Py<PyAny>, params: Py<PyDict>) {
        let fields = Fields { environ: Some(environ), params: Some(params), ..Fields::default() };
        let replaced = std::mem::replace(&mut *self.lock(), fields);
        drop(replaced);
    }

    fn exposed<'py>(&self, slf: Object<'_, 'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let py = slf.py();
        let (exposed, begun) = {
            let fields = self.lock();
            (fields.exposed.as_ref().map(|dict| dict.clone_ref(py).into_bound(py)), fields.params.is_some())
        };
        if exposed.is_some() || begun {
            return Ok(exposed);
        }
        // A subclass that fills its dictionary itself, and never called our constructor.
        own_dict(slf)
    }

    /// The dictionary with the fields. That of a subclass's object is its own.
    pub(super) fn expose<'py>(&self, slf: Object<'_, 'py>) -> PyResult<Bound<'py, PyDict>> {
        let py = slf.py();
        if let Some(exposed) = self.exposed(slf)? {
            return Ok(exposed);
        }
        let dict = own_dict(slf)?.unwrap_or_else(|| PyDict::new(py));
        let (environ, params, session, headers, dirty) = {
            let fields = self.lock();
            (
                fields.environ.as_ref().map(|environ| environ.clone_ref(py)),
                fields.params.as_ref().map(|params| params.clone_ref(py)),
                fields.session.as_ref().map(|session| session.clone_ref(py)),
                fields.headers.as_ref().map(|headers| headers.clone_ref(py)),
                fields.dirty,
            )
        };
        // The middleware's options are shared by all its requests; what a program changes here is this one's.
        let params = params.map_or_else(|| Ok(PyDict::new(py)), |params| params.bind(py).copy())?;
        dict.set_item(intern!(py, "_params"), params)?;
        let environ = match environ {
            Some(environ) => Some(environ.into_bound(py)),
            None => environ_of(slf)?,
        };
        dict.set_item(intern!(py, "_environ"), environ)?;
        dict.set_item(intern!(py, "_sess"), session)?;
        let headers = headers.map_or_else(|| PyDict::new(py), |headers| headers.into_bound(py));
        dict.set_item(intern!(py, "_headers"), headers)?;
        if dirty {
            dict.set_item(intern!(py, "_dirty"), true)?;
        }
        let kept = dict.clone().unbind();
        let replaced = self.lock().exposed.replace(kept);
        drop(replaced);
        Ok(dict)
    }

    /// Whether the session was made or is to be saved: asked of every request, and mostly answered without more
    /// than a look.
    pub(super) fn is_used(&self, slf: Object<'_, '_>) -> PyResult<bool> {
        {
            let fields = self.lock();
            if fields.exposed.is_none() && fields.params.is_some() {
                return Ok(fields.session.is_some() || fields.dirty);
            }
        }
        Ok(self.session(slf)?.is_some() || self.is_dirty(slf)?)
    }

    /// The value of an attribute in the dictionary, whether or not a program has asked for that before.
    pub(super) fn attribute<'py>(
        &self,
        slf: Object<'_, 'py>,
        name: &Bound<'py, PyString>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = slf.py();
        let fields = match self.exposed(slf)? {
            Some(dict) => dict,
            None => match name.to_str()? {
                "_sess" => return Ok(Some(self.session(slf)?.unwrap_or_else(|| py.None().into_bound(py)))),
                "_headers" | "_params" | "_environ" | "_dirty" => self.expose(slf)?,
                _ => return Ok(None),
            },
        };
        fields.get_item(name)
    }

    /// A field: what the dictionary has under `name` if that has the fields, else what the proxy has.
    fn field<'py>(
        &self,
        slf: Object<'_, 'py>,
        name: &str,
        own: impl FnOnce(&Fields) -> Option<&Py<PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = slf.py();
        let own = {
            let fields = self.lock();
            let own = own(&fields).map(|own| own.clone_ref(py).into_bound(py));
            if fields.exposed.is_none() && fields.params.is_some() {
                return Ok(own);
            }
            own
        };
        match self.exposed(slf)? {
            Some(dict) => Ok(dict.get_item(name)?.filter(|value| !value.is_none())),
            None => Ok(own),
        }
    }

    pub(super) fn params<'py>(&self, slf: Object<'_, 'py>) -> PyResult<Bound<'py, PyDict>> {
        let params = self.field(slf, "_params", |fields| fields.params.as_ref().map(Py::as_any))?;
        Ok(params.ok_or_else(unset)?.cast_into::<PyDict>()?)
    }

    /// The request's Cookie header.
    pub(super) fn cookie<'py>(&self, slf: Object<'_, 'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = slf.py();
        match self.field(slf, "_environ", |fields| fields.environ.as_ref())? {
            Some(environ) => cookie_in(&environ),
            None if self.exposed(slf)?.is_some() => Err(unset()),
            None => Ok(self.lock().cookie.as_ref().map(|cookie| cookie.clone_ref(py).into_bound(py))),
        }
    }

    pub(super) fn session<'py>(&self, slf: Object<'_, 'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.field(slf, "_sess", |fields| fields.session.as_ref())
    }

    pub(super) fn set_session(&self, slf: Object<'_, '_>, session: &Bound<'_, PyAny>) -> PyResult<()> {
        if let Some(dict) = self.exposed(slf)? {
            dict.set_item(intern!(slf.py(), "_sess"), session)?;
        }
        let replaced = self.lock().session.replace(session.clone().unbind());
        drop(replaced);
        Ok(())
    }

    pub(super) fn headers<'py>(&self, slf: Object<'_, 'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let headers = self.field(slf, "_headers", |fields| fields.headers.as_ref().map(Py::as_any))?;
        Ok(headers.map(Bound::cast_into::<PyDict>).transpose()?)
    }

    pub(super) fn set_headers(&self, slf: Object<'_, '_>, headers: Bound<'_, PyDict>) -> PyResult<()> {
        if let Some(dict) = self.exposed(slf)? {
            dict.set_item(intern!(slf.py(), "_headers"), &headers)?;
        }
        let replaced = self.lock().headers.replace(headers.unbind());
        drop(replaced);
        Ok(())
    }

    pub(super) fn is_dirty(&self, slf: Object<'_, '_>) -> PyResult<bool> {
        match self.exposed(slf)? {
            Some(dict) => match dict.get_item(intern!(slf.py(), "_dirty"))? {
                Some(dirty) => dirty.is_truthy(),
                None => Ok(false),
            },
            None => Ok(self.lock().dirty),
        }
    }

    pub(super) fn set_dirty(&self, slf: Object<'_, '_>) -> PyResult<()> {
        if let Some(dict) = self.exposed(slf)? {
            dict.set_item(intern!(slf.py(), "_dirty"), true)?;
        }
        self.lock().dirty = true;
        Ok(())
    }

    /// Drops the environ when the headers are sent. The environ refers to the proxy, so that otherwise all objects of a
    /// request would wait for the garbage collector.
    pub(super) fn drop_environ(&self, py: Python<'_>) -> PyResult<()> {
        let (environ, is_made) = {
            let mut fields = self.lock();
            (fields.environ.take(), fields.session.is_some())
        };
        let Some(environ) = environ.filter(|_| !is_made) else { return Ok(()) };
        let cookie = cookie_in(environ.bind(py))?.map(Bound::unbind);
        let replaced = std::mem::replace(&mut self.lock().cookie, cookie);
        drop(replaced);
        Ok(())
    }

    /// The session and what it tells its request, as far as that is known without the object itself.
    pub(super) fn left(&self, py: Python<'_>) -> (Option<Py<PyAny>>, Option<Py<PyDict>>) {
        let (exposed, session, headers) = {
            let fields = self.lock();
            (
                fields.exposed.as_ref().map(|exposed| exposed.clone_ref(py)),
                fields.session.as_ref().map(|session| session.clone_ref(py)),
                fields.headers.as_ref().map(|headers| headers.clone_ref(py)),
            )
        };
        let Some(exposed) = exposed else { return (session, headers) };
        let exposed = exposed.bind(py);
        let session = exposed.get_item(intern!(py, "_sess")).ok().flatten();
        let headers = exposed.get_item(intern!(py, "_headers")).ok().flatten();
        let headers = headers.and_then(|headers| headers.cast_into::<PyDict>().ok());
        (session.map(Bound::unbind), headers.map(Bound::unbind))
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        let Some(fields) = self.fields.try_lock() else { return Ok(()) };
        visit.call(&fields.environ)?;
        visit.call(&fields.cookie)?;
        visit.call(&fields.params)?;
        visit.call(&fields.session)?;
        visit.call(&fields.headers)?;
        visit.call(&fields.exposed)
    }

    pub(super) fn clear(&self) {
        let fields = std::mem::take(&mut *self.lock());
        drop(fields);
    }
}

fn cookie_in<'py>(environ: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let name = intern!(environ.py(), "HTTP_COOKIE");
    match environ.cast::<PyDict>() {
        Ok(environ) => environ.get_item(name),
        Err(_) => Ok(Some(environ.call_method1(intern!(environ.py(), "get"), (name,))?)),
    }
}

/// The environ of a proxy that has dropped it. Slow, and needed only by programs that look into the proxy after its
/// request.
fn environ_of<'py>(slf: Object<'_, 'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = slf.py();
    for referrer in py.import("gc")?.call_method1("get_referrers", (slf,))?.try_iter()? {
        let referrer = referrer?;
        if referrer.cast::<PyDict>().is_ok_and(|dict| dict.contains("beaker.get_session").unwrap_or(false)) {
            return Ok(Some(referrer));
        }
    }
    Ok(None)
}

/// The instance dictionary of an object of a subclass; `None` where objects have none: those of this class, and
/// those of subclasses with `__slots__`.
fn own_dict<'py>(slf: Object<'_, 'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
    let py = slf.py();
    let name = intern!(py, "__dict__");
    let this = SessionObject::type_object(py);
    for class in slf.get_type().mro() {
        if class.is(&this) {
            return Ok(None);
        }
        // A class whose objects have a dictionary says so by a descriptor, which hides the getter of this class.
        if class.getattr(name)?.contains(name)? {
            return Ok(Some(slf.getattr(name)?.cast_into::<PyDict>()?));
        }
    }
    Ok(None)
}
