//! The option `read_also_serializer`: for the time after `data_serializer` was changed, what the sessions from before are
//! in.

use super::{PicklePolicy, Value, Values};
use crate::error::{Error, Result};

/// A serializer that has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SerializerName {
    /// Pickle.
    Pickle,
    /// JSON, compressed.
    Json,
}

impl SerializerName {
    fn parse(text: &str) -> Result<Self> {
        match text.trim().to_ascii_lowercase().as_str() {
            "pickle" => Ok(Self::Pickle),
            "json" => Ok(Self::Json),
            _ => Err(Error::invalid("the option 'read_also_serializer' is one of pickle, json")),
        }
    }
}

/// What is read besides what the sessions are written in; `None` if nothing is.
///
/// # Errors
/// `Invalid` for a word that is neither of the two, and beside a serializer of the application's own, for which nobody
/// can tell from which of the two a session is.
pub(super) fn read_also(values: &Values) -> Result<Option<SerializerName>> {
    let Some(word) = values.text("read_also_serializer") else { return Ok(None) };
    let also = SerializerName::parse(word)?;
    if matches!(values.get("data_serializer"), Some(Value::Object(_))) {
        return Err(Error::invalid("read_also_serializer goes with data_serializer = json or pickle"));
    }
    let writes = match values.text("data_serializer") {
        Some("json") => SerializerName::Json,
        _ => SerializerName::Pickle,
    };
    Ok(Some(also).filter(|also| *also != writes))
}

/// Which pickles are read.
///
/// # Errors
/// `Invalid` for a word that is no policy, and for one that contradicts what is read `also`.
pub(super) fn pickle_policy(
    values: &Values,
    also: Option<SerializerName>,
    hardened: bool,
) -> Result<PicklePolicy> {
    let policy = values.text("pickle").map(PicklePolicy::parse).transpose()?;
    if also == Some(SerializerName::Pickle) {
        return match policy {
            None | Some(PicklePolicy::Allowlist) => Ok(PicklePolicy::Allowlist),
            Some(PicklePolicy::Any | PicklePolicy::Deny) => Err(Error::invalid(
                "read_also_serializer = pickle reads what pickle = allowlist takes: leave pickle out, and name \
                 classes of your own in pickle_allow",
            )),
        };
    }
    let default = if hardened { PicklePolicy::Allowlist } else { PicklePolicy::Any };
    Ok(policy.unwrap_or(default))
}
