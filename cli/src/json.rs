//! Converts the core's JSON values to serde_json's, which cannot fail.

use portcullis::jose::json::{Json, Object};
use serde_json::{Map, Value};

/// Converts a value.
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

/// Converts the members of an object.
pub(crate) fn members(object: &Object<'_>) -> Map<String, Value> {
    object.iter().map(|(name, member)| (name.to_owned(), value(member))).collect()
}
