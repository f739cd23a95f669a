//! The stores as Python sees them: those that options name, and those that are written in Python.

mod backend;
mod guard;
mod namespace_calls;
mod namespace_record;
mod namespaces;
mod python_store;
mod stay;

pub(crate) use backend::{Backend, MEMORY, resolve};
pub(crate) use guard::NamespaceGuard;
pub(crate) use namespaces::NamespaceStore;
