//! The methods of `CookieSession`.

use pyo3::PyTypeInfo;

use super::class::CookieSession;
use super::{load, save, value, verbs};
use crate::py::session::{Methods, cookie};

pub(super) static METHODS: Methods = Methods {
    class: |py| py.get_type::<CookieSession>(),
    class_pointer: CookieSession::type_object_raw,
    load: load::load,
    save: save::save,
    delete: verbs::delete,
    invalidate: verbs::invalidate,
    create_id: verbs::create_id,
    create_cookie: Some(save::create_cookie),
    update_cookie_out: cookie::update_cookie_out,
    set_cookie_values: cookie::set_cookie_values,
    set_cookie_expires: cookie::set_cookie_expires,
    delete_cookie: cookie::delete_cookie,
    cookie_value: value::current,
};
