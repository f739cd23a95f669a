//! The stores as Python sees them: those that options name, and those that are written in Python.

mod backend;
mod held_namespace;
mod namespace_calls;
mod namespace_record;
mod namespaces;
mod python_store;
mod stay;

pub(crate) use backend::{Backend, MEMORY, resolve};
pub(crate) use held_namespace::HeldNamespace;
pub(crate) use namespaces::NamespaceStore;
