//! The methods of `Session`, whose sessions a store keeps.

use pyo3::PyTypeInfo;

use super::class::{Methods, Session};
use super::{cookie, end, load, rename, save};

pub(super) static METHODS: Methods = Methods {
    class: |py| py.get_type::<Session>(),
    class_pointer: Session::type_object_raw,
    load: load::load,
    save: save::save,
    delete: end::delete,
    invalidate: end::invalidate,
    create_id: rename::create_id,
    create_cookie: None,
    update_cookie_out: cookie::update_cookie_out,
    set_cookie_values: cookie::set_cookie_values,
    set_cookie_expires: cookie::set_cookie_expires,
    delete_cookie: cookie::delete_cookie,
    cookie_value: cookie::id_value,
};
