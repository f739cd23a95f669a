//! The stores as Python sees them: those that options name, and those that are written in Python.

mod backend;
mod backend_call;
mod guard;
mod memcached;
mod namespace_calls;
mod namespace_record;
mod namespace_spec;
mod namespace_text;
mod namespaces;
mod python_store;
mod redis;
mod swap;

pub(crate) use backend::{Backend, MEMORY, resolve};
pub(crate) use guard::NamespaceGuard;
pub(crate) use memcached::{MemcachedClient, memcached_key};
pub(crate) use namespace_spec::NamespaceSpec;
pub(crate) use namespaces::NamespaceStore;
pub(crate) use redis::PyRedisClient;
