//! Paths of the gate's own.

use schemars::JsonSchema;
use serde::Serialize;

use super::route::{AudienceSpec, ScopesSpec};

/// Who may use a path of the gate's own: callers with such a token, without an organization.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "OwnPath", deny_unknown_fields)]
pub(crate) struct OwnPathSpec {
    /// The audience that the token must have, without values of the request.
    pub(crate) audience: AudienceSpec,
    /// The scopes that the token must have.
    pub(crate) scopes: ScopesSpec,
    /// Names of the issuers whose tokens are accepted. Default: all.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub(crate) issuers: Vec<String>,
}
