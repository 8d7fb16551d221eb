//! The core's JSON as serde_json's.

use portcullis::jose::json::{Json, Object};
use serde_json::{Map, Value};

/// A value of the core.
pub(crate) fn value(json: &Json<'_>) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => Value::Number(number.clone()),
        Json::String(text) => Value::String(text.to_string()),
        Json::Array(items) => items.iter().map(value).collect(),
        Json::Object(object) => Value::Object(members(object)),
    }
}

/// The members of an object of the core.
pub(crate) fn members(object: &Object<'_>) -> Map<String, Value> {
    object.iter().map(|(name, member)| (name.to_owned(), value(member))).collect()
}
