//! The kinds of sessions.

/// The two kinds of sessions, by the place of their data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionKind {
    /// In a store; the cookie has the id.
    Store,
    /// In the cookie.
    Cookie,
}
