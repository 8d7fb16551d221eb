//! Which tokens are revoked, and who says so.

use schemars::JsonSchema;
use serde::Serialize;

use super::own::OwnPathSpec;

/// How tokens are refused before they expire: by a list of entries that all isolates share.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "Revocation", deny_unknown_fields)]
pub(crate) struct RevocationSpec {
    /// Where the list is: the binding of the Durable Object class `Revocations`, or `kv:BINDING` for a namespace of Workers
    /// KV.
    #[schemars(regex(pattern = r"^(kv:)?[A-Za-z_$][A-Za-z0-9_$]*$"))]
    pub(crate) store: String,
    /// Seconds after which an isolate looks for changes, behind a response. Default: 5; with KV 60, which is the least there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 300))]
    pub(crate) poll: Option<u64>,
    /// Seconds after which a list decides on no request before it was looked for; no less than `poll`. Default: 60; with KV
    /// 120.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub(crate) max_age: Option<u64>,
    /// What happens while such a list cannot be read: the one at hand decides (`allow`), or requests with a token are refused
    /// (`deny`). Default: `allow`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "allow"))]
    pub(crate) on_failure: Option<OnFailureSpec>,
    /// Seconds after its time for which an entry is kept: the longest life of a token, leeway included. Default: 86400.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1), extend("default" = 86_400))]
    pub(crate) keep: Option<u64>,
    /// Who may read and write entries over HTTP. Default: nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) api: Option<OwnPathSpec>,
    /// Takes Logto's webhooks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) logto: Option<LogtoSpec>,
    /// Takes logout tokens (OpenID Connect Back-Channel Logout 1.0).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) logout: Option<LogoutSpec>,
}

/// What happens while a list is too old and cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "OnFailure")]
pub(crate) enum OnFailureSpec {
    /// The list at hand decides, or none.
    Allow,
    /// Requests with a token are refused with 503.
    Deny,
}

/// Logto's webhooks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "LogtoWebhooks", deny_unknown_fields)]
pub(crate) struct LogtoSpec {
    /// The name of the Worker secret that holds the webhook's signing key.
    #[schemars(length(min = 1))]
    pub(crate) secret: String,
    /// The name of the issuer whose users the events are about.
    #[schemars(length(min = 1))]
    pub(crate) issuer: String,
}

/// Logout tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "LogoutTokens", deny_unknown_fields)]
pub(crate) struct LogoutSpec {
    /// The client ids for which they are taken.
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub(crate) audiences: Vec<String>,
    /// Names of their issuers. Default: all.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub(crate) issuers: Vec<String>,
}
