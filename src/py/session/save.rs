//! Saving a session: all of it, or only that it was used.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict};

use super::class::{Session, plain};
use super::stored::{InPlace, Loaded, Text};
use super::times::beginning;
use super::write::{self, Basis, Change};
use super::{attributes, call, changes, content, encode, merge, own_timeout, precedence, record, request};
use crate::codec::{self, RecordFormat, Splice};
use crate::py::clock;
use crate::py::errors::{self, IntoPyResult};
use crate::py::gil;
use crate::py::nesting::{self, Work};
use crate::py::once::intern;
use crate::py::options::Options;
use crate::store::{Expect, Store, Touch, Version, Written};

/// Whether the session is written at the end of its request even if nothing in it changed and no access time is
/// kept: its record has another id, or the session was protected in a way that is not that of today.
pub(crate) fn has_to_move(session: &Bound<'_, Session>) -> PyResult<bool> {
    session.get().with(|state| state.life.is_rotated() || state.life.is_stale())
}

/// `Session.save`: stores the session, or with `accessed_only` renews it as it was loaded.
pub(crate) fn save(session: &Bound<'_, Session>, accessed_only: bool) -> PyResult<()> {
    if session.get().with(|state| state.life.is_deleted())? {
        return content::warn_of_deleted(session);
    }
    let _entered = nesting::enter(session.py(), Work::Save(session.as_ptr() as usize))?;
    if accessed_only {
        return renew(session);
    }
    // First, for other threads may save this session meanwhile: what they have changed since is no change of ours.
    let basis = session.get().with(|state| Basis::of(state))?;
    let data = plain(session)?;
    keep_beginning(session, &data)?;
    store(session, &Change { data: &data, basis, is_saved: true })
}

/// Where sessions end at a time that counts from their beginning, `clear()` does not make them begin anew.
fn keep_beginning(session: &Bound<'_, Session>, data: &Bound<'_, PyDict>) -> PyResult<()> {
    let key = intern!(session.py(), "_creation_time");
    let limited = session.get().with(|state| state.options.settings.limits.count_from_beginning())?;
    if !limited || data.contains(key)? {
        return Ok(());
    }
    data.set_item(key, beginning(session, clock::now(session.py())?.object)?)
}

/// Writes `data` as the session's record, in place of the record of the id that the session had before.
fn store(session: &Bound<'_, Session>, change: &Change<'_, '_>) -> PyResult<()> {
    // Nothing was loaded into a session that a program declares to be an old one: then there is only what it has.
    let own = if change.data.is_empty() { Some(plain(session)?) } else { None };
    let data = own.as_ref().unwrap_or(change.data);
    write(session, data, change, encode::text_for_record(session, data)?)?;
    let py = session.py();
    let lasts_otherwise = own_timeout::note(session, data)?;
    let (uses_cookies, is_new) =
        session.get().with(|state| (state.options.settings.use_cookies, state.life.is_new()))?;
    if uses_cookies && lasts_otherwise {
        call::update_cookie_out(session, true)?;
    } else if uses_cookies && is_new {
        request::set(session, intern!(py, "set_cookie"), PyBool::new(py, true).as_any())?;
    }
    Ok(())
}

/// Writes `text`, which `data` encodes to, where the record is as it was; where it is not, what was changed.
fn write(
    session: &Bound<'_, Session>,
    data: &Bound<'_, PyDict>,
    change: &Change<'_, '_>,
    mut text: Text,
) -> PyResult<()> {
    let id = session.get().with(|state| state.life.record_id().clone())?;
    if let Some(expect) = change.basis.expect {
        let py = session.py();
        precedence::give_way(py, &id, &*record::patience(session)?).into_py(py)?;
        match write::attempt(session, data, &mut text, expect)? {
            Written::Stored(version) => return write::stored(session, version, text, change),
            Written::Refused => {}
        }
    }
    if merge::write(session, data, change, text)? { Ok(()) } else { ended(session) }
}

fn ended(session: &Bound<'_, Session>) -> PyResult<()> {
    let id = session.get().with(|state| state.life.id().abbreviated())?;
    errors::warn(
        session.py(),
        &format!("session {id} was ended while this request used it; what the request changed is not stored"),
    )
}

/// Renews a session that was only read. Its data is written again only where the program changed a nested value
/// in place, or where the session has another id by now.
fn renew(session: &Bound<'_, Session>) -> PyResult<()> {
    let py = session.py();
    let (is_new, rotated, begun_anew, renews, handed_out, loaded, version, saved, basis) =
        session.get().with(|state| {
            (
                state.life.is_new(),
                state.life.is_rotated(),
                state.life.is_begun_anew(),
                state.life.is_stale() || state.options.settings.save_accessed_time,
                state.handed_out,
                state.loaded.clone(),
                state.life.version(),
                state.saved.as_ref().map(|saved| saved.clone_ref(py).into_bound(py)),
                Basis::of(state),
            )
        })?;
    if begun_anew && rotated {
        // The program has not saved the session that it began, and nobody was told its id.
        return Ok(());
    }
    if !(rotated || renews && !is_new) {
        return Ok(());
    }
    if let Some(saved) = saved {
        // What was saved in this request is not to be overwritten by what was loaded before.
        let change = Change { data: &saved, basis, is_saved: true };
        let base = change.basis.base.as_ref();
        let is_due = rotated || handed_out && changes::in_place(session, &saved, None, base)?;
        return if is_due { store(session, &change) } else { Ok(()) };
    }
    let accessed = attributes::accessed_dict(session)?;
    let data = accessed.cast::<PyDict>()?;
    let change = Change { data, basis, is_saved: false };
    if rotated {
        return store(session, &change);
    }
    let loaded = loaded.as_deref();
    let changed = handed_out && changes::in_place(session, data, loaded, change.basis.base.as_ref())?;
    let Some(version) = version.filter(|_| !changed) else { return store(session, &change) };
    let store = record::store(session)?;
    let id = session.get().with(|state| state.life.id().clone())?;
    precedence::give_way(py, &id, &*record::patience(session)?).into_py(py)?;
    match touch(session, &*store, data, loaded, version) {
        Ok(()) => Ok(()),
        Err(error)
            if error.is_instance_of::<errors::StoreUnavailableError>(py)
                || error.is_instance_of::<errors::LockError>(py) =>
        {
            errors::log_warning(py, &format!("the session's access time is not stored: {error}"))
        }
        Err(error) => Err(error),
    }
}

/// Stores the access time: in place where the stored text has it in the open, else by writing the same data
/// again with the new time, if nobody has written the record since.
fn touch(
    session: &Bound<'_, Session>,
    store: &dyn Store,
    data: &Bound<'_, PyDict>,
    loaded: Option<&Loaded>,
    version: Version,
) -> PyResult<()> {
    let py = session.py();
    let (options, id, format, is_stale) = session.get().with(|state| {
        (Arc::clone(&state.options), state.life.id().clone(), state.record_format(), state.life.is_stale())
    })?;
    let ttl = options.settings.store_ttl(own_timeout::in_data(data)?);
    let accessed = data.get_item(intern!(py, "_accessed_time"))?;
    let accessed = accessed.and_then(|accessed| accessed.extract::<f64>().ok());
    let known = if call::encrypts_itself(session)? { None } else { accessed.zip(loaded) };
    let now = match accessed {
        Some(accessed) => accessed,
        None => clock::now(py)?.seconds,
    };
    let splice = known.filter(|_| !is_stale).and_then(|(now, loaded)| loaded.splice(py, &options, now));
    if let Some(splice) = splice {
        let touch = Touch { version, offset: splice.offset, bytes: splice.bytes() };
        gil::with_store(py, store, &*record::patience(session)?, |store| store.touch(&id, &touch, ttl, now))
            .into_py(py)?;
        return Ok(());
    }
    let text = match known {
        // The payload need not have the time, so that it need not be made anew.
        Some((now, loaded)) if format == RecordFormat::Two => {
            encode::record_of(py, &options, &id, loaded.payload.bind(py).as_bytes(), now)?.into_bytes()
        }
        // What another serializer wrote stays as it is until the program saves it.
        Some((now, loaded)) if !options.serializer.writes(loaded.payload.bind(py).as_bytes()) => {
            match codec::with_access_time(loaded.payload.bind(py).as_bytes(), now) {
                Some(payload) => encode::text_of(py, &options, &payload)?.into_bytes(),
                None => encode::encrypt_data(session, data)?,
            }
        }
        _ => encode::encrypt_data(session, data)?,
    };
    let written = gil::with_store(py, store, &*record::patience(session)?, |store| {
        store.write(&id, &text, ttl, Expect::Version(version), now)
    });
    // A refusal means that another request wrote the record since, and its access time with it.
    let Written::Stored(now) = written.into_py(py)? else { return Ok(()) };
    let rewritten = loaded.map(|loaded| Arc::new(loaded.rewritten(py)));
    let _dropped = session.get().with(|state| {
        if state.life.renewed(version, now) { std::mem::replace(&mut state.loaded, rewritten) } else { None }
    })?;
    Ok(())
}

impl Loaded {
    /// The same, whose record is another text by now, which has the access time elsewhere.
    fn rewritten(&self, py: Python<'_>) -> Self {
        Self {
            record: self.record.clone(),
            payload: self.payload.clone_ref(py),
            accessed: self.accessed.as_ref().map(|accessed| accessed.clone_ref(py)),
            in_place: None,
        }
    }

    /// What changes the access time in the stored text alone; `None` if that cannot be done.
    fn splice(&self, py: Python<'_>, options: &Options, accessed: f64) -> Option<Splice> {
        // A program may have given the session a key since it was loaded.
        if options.settings.records.encrypts() {
            return None;
        }
        match self.in_place.as_ref()? {
            InPlace::Head(checksum) => checksum.touch(accessed),
            InPlace::Payload => {
                let offset = codec::locate(self.payload.bind(py).as_bytes())?;
                codec::splice(&self.record.data, offset, accessed)
            }
        }
    }
}
