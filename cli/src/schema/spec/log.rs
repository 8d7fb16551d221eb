//! What operators are told of decisions.

use schemars::JsonSchema;
use serde::Serialize;

/// What operators are told of decisions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Log", deny_unknown_fields)]
pub(crate) struct LogSpec {
    /// Which decisions are a line of JSON on the console. Default: `refused`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "refused"))]
    pub(crate) decisions: Option<DecisionsSpec>,
    /// How a verified caller is named in it. Default: `none`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "none"))]
    pub(crate) subject: Option<SubjectSpec>,
    /// The name of the Worker secret under which subjects are hashed; required for `hash`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub(crate) subject_key: Option<String>,
    /// An Analytics Engine binding, which receives a data point for each decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub(crate) analytics: Option<String>,
    /// Whether each decision is a span of the Worker's traces. Default: `false`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = false))]
    pub(crate) traces: Option<bool>,
}

/// Which decisions are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "Decisions")]
pub(crate) enum DecisionsSpec {
    /// No decision.
    None,
    /// Refusals, also those that are not enforced.
    Refused,
    /// All decisions.
    All,
}

/// How a caller is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "Subject")]
pub(crate) enum SubjectSpec {
    /// Not at all.
    None,
    /// By a keyed hash of `iss` and `sub`.
    Hash,
    /// By `sub`.
    Plain,
}
