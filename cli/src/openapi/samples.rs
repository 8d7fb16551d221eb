//! Helpers for tests.

use super::{Import, ImportOptions};
use crate::document::{Source, SourceValue, Syntax};
use crate::import::policy_spec;

/// Parses YAML.
pub(super) fn yaml(text: &str) -> SourceValue {
    let source = Source { name: "test".to_owned(), text: text.to_owned(), syntax: Syntax::Yaml };
    source.parse().unwrap()
}

/// The imported policy in JSON.
pub(super) fn policy_json(import: &Import, options: &ImportOptions) -> String {
    serde_json::to_string(&policy_spec(import, options)).unwrap()
}
