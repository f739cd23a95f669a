//! Web sessions for WSGI applications: the Rust half of `beaker-rs`.
//!
//! The modules below `py` know nothing of Python and can be tested, fuzzed and measured without it:
//!
//! * [`cache`] keeps cached values in memory;
//! * [`clock`] tells whether the machine's clock may be trusted;
//! * [`cookie`] reads the request's cookies and writes, signs and dates the session's own;
//! * [`codec`] is the stored shape of a session;
//! * [`crypto`] derives keys and encrypts, for both of these;
//! * [`config`] turns options into checked settings;
//! * [`locks`] keeps threads and processes from each other;
//! * [`session`] is the engine: it decides everything about a session, and does no I/O;
//! * [`store`] is the contract of a place for sessions, and the places there are.
//!
//! `py` joins them and shows them to Python as `beaker._core`.

pub mod cache;
pub mod clock;
pub mod codec;
pub mod config;
pub mod cookie;
pub mod crypto;
pub mod error;
mod fork;
pub mod id;
pub mod locks;
#[cfg(unix)]
mod private_dir;
#[cfg(feature = "python")]
mod py;
pub mod session;
pub mod store;
mod sync;

#[cfg(feature = "python")]
#[pyo3::pymodule(gil_used = true)]
mod _core {
    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        crate::py::register(module)
    }
}
