//! The replies that requests can have. One of another shape belongs to another request, or the server is none of Redis.

use redis::Value;

/// A cursor of a scan, and the keys that it has found.
pub type Page = (Vec<u8>, Vec<Vec<u8>>);

/// A number.
pub fn number(reply: Value) -> Option<i64> {
    if let Value::Int(number) = reply { Some(number) } else { None }
}

/// A value, or that there is none.
pub fn value(reply: Value) -> Option<Option<Vec<u8>>> {
    match reply {
        Value::Nil => Some(None),
        Value::BulkString(value) => Some(Some(value)),
        _ => None,
    }
}

/// Whether a `SET` has set the key.
pub fn is_set(reply: Value) -> Option<bool> {
    match reply {
        Value::Okay => Some(true),
        Value::Nil => Some(false),
        _ => None,
    }
}

/// The reply to `PING`.
pub(super) fn pong(reply: Value) -> Option<()> {
    matches!(reply, Value::SimpleString(word) if word == "PONG").then_some(())
}

/// The role of a server in the reply to `ROLE`.
pub(super) fn role(reply: Value) -> Option<Vec<u8>> {
    let Value::Array(parts) = reply else { return None };
    value(parts.into_iter().next()?)?
}

/// The next cursor and the keys in a reply to `SCAN`.
pub fn page(reply: Value) -> Option<Page> {
    let Value::Array(parts) = reply else { return None };
    let Ok([next, Value::Array(keys)]) = <[Value; 2]>::try_from(parts) else { return None };
    let keys = keys.into_iter().map(|key| value(key)?);
    Some((value(next)??, keys.collect::<Option<_>>()?))
}
