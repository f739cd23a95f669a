//! The WSGI side: the middleware, the `start_response` that it gives to the application, and the proxy that stands
//! for the session in the environ.

mod locked_response;
mod middleware;
mod options;
mod proxy;
mod start_response;

use pyo3::prelude::*;

/// Adds the classes to `beaker._core`.
pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<proxy::SessionObject>()?;
    module.add_class::<start_response::StartResponse>()?;
    module.add_class::<middleware::SessionMiddleware>()?;
    module.add_class::<locked_response::LockedResponse>()?;
    module.add_class::<locked_response::SizedLockedResponse>()
}
