//! What the origin learns about the caller.

use std::collections::BTreeMap;

use portcullis::jose::algorithm::Algorithm;
use schemars::JsonSchema;
use serde::Serialize;

/// What the origin learns about the caller.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "Identity", deny_unknown_fields)]
pub(crate) struct IdentitySpec {
    /// The prefix of all identity headers; inbound headers with this prefix are removed. Default: `x-auth-`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^[a-z0-9-]{1,31}-$"), extend("default" = "x-auth-"))]
    pub(crate) prefix: Option<String>,
    /// Whether `Authorization` is forwarded to the origin. Default: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = true))]
    pub(crate) forward_token: Option<bool>,
    /// Whether the whole verified payload is sent to the origin, in `<prefix>claims`. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = false))]
    pub(crate) payload_header: Option<bool>,
    /// More headers, each with the claim that it carries: `{ x-auth-email = "email" }`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    #[schemars(extend("additionalProperties" = {"type": "string", "minLength": 1}))]
    pub(crate) claims: BTreeMap<String, String>,
    /// A short JWT about the caller that the gate signs, in `<prefix>assertion`. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) assertion: Option<AssertionsSpec>,
    /// A secret that the gate sends with every request, so that the origin can refuse others. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) secret: Option<SharedSecretSpec>,
}

/// Short JWTs about the caller, signed by the gate. Their keys are at `/.well-known/portcullis/jwks.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "Assertions", deny_unknown_fields)]
pub(crate) struct AssertionsSpec {
    /// Their `iss`, usually the gate's URL.
    #[schemars(length(min = 1))]
    pub(crate) issuer: String,
    /// Names of one or two Worker secrets, each a private JWK. The first signs, all are published.
    #[schemars(length(min = 1, max = 2), inner(length(min = 1)), extend("uniqueItems" = true))]
    pub(crate) keys: Vec<String>,
    /// Their `aud`. Default: the route's origin without its base path, `service:BINDING`, or the request's own scheme
    /// and host.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub(crate) audience: Option<String>,
    /// The signature algorithm; the keys must be of its type. Default: `ES256`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = Algorithm::words_of_assertions().map(|(word, _)| word), "default" = "ES256"))]
    pub(crate) algorithm: Option<String>,
    /// Seconds from `iat` to `exp`; an assertion is reused for half of that time. Default: 300.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 10, max = 3600), extend("default" = 300))]
    pub(crate) ttl: Option<u64>,
}

/// A secret that the gate and its origins share.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "SharedSecret", deny_unknown_fields)]
pub(crate) struct SharedSecretSpec {
    /// The header that carries it, which must start with the prefix. Default: `<prefix>secret`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub(crate) header: Option<String>,
    /// The name of the Worker secret.
    #[schemars(length(min = 1))]
    pub(crate) binding: String,
}
