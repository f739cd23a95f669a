//! The constructor of `Session`, and its methods beside those of a dictionary.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use super::class::{Session, as_dict, plain};
use super::{
    call, content, cookie, create, encode, end, load, locking, option_attributes, record, rename, save,
    session_timeout,
};
use crate::py::errors::CorruptSessionError;

#[pymethods]
impl Session {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> PyClassInitializer<Self> {
        create::empty()
    }

    #[pyo3(signature = (*args, **kwargs))]
    fn __init__(
        slf: &Bound<'_, Self>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        create::init(slf, args, kwargs)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // A lock that is taken belongs to a field access of this very thread, and then the object is in use.
        let Some(guard) = self.try_fields() else { return Ok(()) };
        guard.as_ref().map_or(Ok(()), |state| state.traverse(&visit))
    }

    fn __clear__(&self) {
        let _dropped = self.fields().take();
    }

    /// Stores the session; with `accessed_only`, stores only that it was used, with the data as it was loaded.
    ///
    /// Raises `StoreUnavailableError` if the session could not be stored.
    #[pyo3(name = "save", signature = (accessed_only = false))]
    fn py_save(slf: &Bound<'_, Self>, accessed_only: bool) -> PyResult<()> {
        record::patience(slf)?.renew();
        save::save(slf, accessed_only)
    }

    /// Replaces the content by the stored data.
    #[pyo3(name = "load")]
    fn py_load(slf: &Bound<'_, Self>) -> PyResult<()> {
        record::patience(slf)?.renew();
        load::load(slf)
    }

    /// Removes the session from its store and the cookie from the browser. A later save in the same request is not
    /// stored.
    #[pyo3(name = "delete")]
    fn py_delete(slf: &Bound<'_, Self>) -> PyResult<()> {
        record::patience(slf)?.renew();
        end::delete(slf)
    }

    /// Ends the session, removes its record, and begins an empty one under a new id.
    #[pyo3(name = "invalidate")]
    fn py_invalidate(slf: &Bound<'_, Self>) -> PyResult<()> {
        record::patience(slf)?.renew();
        end::invalidate(slf)
    }

    /// Takes back every change since the session was loaded.
    fn revert(slf: &Bound<'_, Self>) -> PyResult<()> {
        call::clear(slf)?;
        let loaded = content::loaded(slf)?;
        as_dict(slf)?.update(loaded.cast::<PyDict>()?.as_mapping())?;
        slf.get().with(|state| state.life.revert())
    }

    /// Gives the session a new id and keeps its content, as one should when a user logs in. The old id's record
    /// is removed when the session is stored, which happens at the end of the request at the latest.
    fn regenerate_id(slf: &Bound<'_, Self>) -> PyResult<()> {
        let (stored_as, via_old_id) =
            slf.get().with(|state| (state.life.stored_as().cloned(), state.life.via_old_id()))?;
        if via_old_id {
            // Another request rotated it a moment ago, and the new id is not for a request with the old one.
            return Ok(());
        }
        call::create_id(slf, false)?;
        // A subclass's `_create_id` sets the id by itself.
        slf.get().with(|state| state.life.moved_from(stored_as))
    }

    /// Gives the session an idle timeout of its own, in place of the option `timeout`: "remember me". It takes effect
    /// when the session is saved; the browser then keeps the cookie for as long. `None` goes back to the option.
    ///
    /// Raises `ConfigurationError` unless `seconds` is a whole number from 1 to a hundred years' worth, and where
    /// `save_accessed_time` is off.
    #[pyo3(name = "set_timeout")]
    fn set_session_timeout(slf: &Bound<'_, Self>, seconds: &Bound<'_, PyAny>) -> PyResult<()> {
        session_timeout::set(slf, seconds)
    }

    /// Locks the session until `unlock()`, or until the request or this process ends. Data loaded before may be out of
    /// date: `load()` it again.
    ///
    /// Raises `LockError` if another request holds the lock for longer than the option `lock_timeout`.
    fn lock(slf: &Bound<'_, Self>) -> PyResult<()> {
        record::patience(slf)?.renew();
        locking::lock(slf)
    }

    /// Unlocks the session, after as many calls as there were of `lock()`. Raises `LockError` if it is not locked.
    fn unlock(slf: &Bound<'_, Self>) -> PyResult<()> {
        locking::unlock(slf)
    }

    /// Whether there is a key of that name.
    fn has_key(slf: &Bound<'_, Self>, name: &Bound<'_, PyAny>) -> PyResult<bool> {
        as_dict(slf)?.contains(name)
    }

    #[pyo3(signature = (set_new = true))]
    fn _create_id(slf: &Bound<'_, Self>, set_new: bool) -> PyResult<()> {
        rename::create_id(slf, set_new)
    }

    // A program that calls this, or that calls it by `super()`, goes on with `self.cookie[self.key]`.
    #[pyo3(signature = (expires = None))]
    fn _set_cookie_values(slf: &Bound<'_, Self>, expires: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        cookie::object(slf)?;
        cookie::set_cookie_values(slf, expires)
    }

    #[pyo3(signature = (expires))]
    fn _set_cookie_expires<'py>(
        slf: &Bound<'py, Self>,
        expires: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        cookie::object(slf)?;
        let meant = cookie::set_cookie_expires(slf, expires)?;
        cookie::moment(slf, meant)
    }

    #[pyo3(signature = (set_cookie = true))]
    fn _update_cookie_out(slf: &Bound<'_, Self>, set_cookie: bool) -> PyResult<()> {
        cookie::update_cookie_out(slf, set_cookie)
    }

    fn _set_cookie_http_only(slf: &Bound<'_, Self>) -> PyResult<()> {
        let options = slf.get().options()?;
        if options.settings.http_only {
            cookie::object(slf)?.get_item(options.settings.key.as_str())?.set_item("httponly", true)?;
        }
        Ok(())
    }

    fn _delete_cookie(slf: &Bound<'_, Self>) -> PyResult<()> {
        cookie::delete_cookie(slf)
    }

    fn _set_serializer(slf: &Bound<'_, Self>, data_serializer: &Bound<'_, PyAny>) -> PyResult<()> {
        option_attributes::configure(slf, "data_serializer", data_serializer)
    }

    /// The stored text of `session_data`, or of the session.
    #[pyo3(signature = (session_data = None))]
    fn _encrypt_data(slf: &Bound<'_, Self>, session_data: Option<&Bound<'_, PyAny>>) -> PyResult<String> {
        let given = match session_data {
            Some(data) if data.is_truthy()? => data.cast::<PyDict>()?.copy()?,
            _ => plain(slf)?,
        };
        encode::encode(slf, &given)
    }

    /// The data in a stored text.
    fn _decrypt_data<'py>(
        slf: &Bound<'py, Self>,
        session_data: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let text: Vec<u8> = match session_data.cast::<PyString>() {
            Ok(text) => text.to_str()?.as_bytes().to_vec(),
            Err(_) => session_data
                .extract()
                .map_err(|_| CorruptSessionError::new_err("cannot decode the session: it is no text"))?,
        };
        encode::read(slf, &text)
    }
}
