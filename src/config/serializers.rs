//! The options `read_also_serializer` and `pickle`: the formats of session data that are read.

use super::choices::{PICKLE, PicklePolicy, SERIALIZER, SerializerName};
use super::lookup::known;
use super::value::Value;
use super::values::Values;
use crate::error::{Error, Result};

/// The serializer that is read beside the one that writes, if it is another.
///
/// # Errors
/// `Invalid` for an unknown word, and beside a serializer of the application's own, which cannot be told from the
/// other.
pub(super) fn read_also(values: &Values) -> Result<Option<SerializerName>> {
    let Some(also) = values.choice(known!("read_also_serializer"), &SERIALIZER)? else { return Ok(None) };
    let written = known!("data_serializer");
    if matches!(values.get(written), Some(Value::Object(_))) {
        return Err(Error::invalid("read_also_serializer needs data_serializer = json or pickle"));
    }
    let writes_json = values.text(written) == Some("json");
    Ok(Some(also).filter(|also| (*also == SerializerName::Json) != writes_json))
}

/// The pickles that are read.
///
/// # Errors
/// `Invalid` for an unknown word, and for one that contradicts what is read `also`.
pub(super) fn pickle_policy(values: &Values, also: Option<SerializerName>) -> Result<PicklePolicy> {
    let policy = values.choice(known!("pickle"), &PICKLE)?.unwrap_or(PicklePolicy::Any);
    if also != Some(SerializerName::Pickle) {
        return Ok(policy);
    }
    let is_given = values.get(known!("pickle")).is_some();
    if is_given && policy != PicklePolicy::Allowlist {
        return Err(Error::invalid(
            "read_also_serializer = pickle reads what pickle = allowlist takes: leave pickle out, and name classes \
             of your own in pickle_allow",
        ));
    }
    Ok(PicklePolicy::Allowlist)
}
