//! Documents of tests.

use super::{Import, Options};
use crate::document::{Source, Syntax, Value};
use crate::import::document;

/// Reads YAML.
pub(super) fn yaml(text: &str) -> Value {
    let source = Source { name: "test".to_owned(), text: text.to_owned(), syntax: Syntax::Yaml };
    source.parse().unwrap()
}

/// The policy in JSON.
pub(super) fn policy_json(import: &Import, options: &Options) -> String {
    serde_json::to_string(&document(import, options)).unwrap()
}
