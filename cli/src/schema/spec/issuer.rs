//! Issuers.

use portcullis::jose::algorithm::Algorithm;
use portcullis::jose::key_set::MAX_SET_KEYS;
use portcullis::policy::{MAX_SECONDS, MAX_TIMEOUT_MS};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

/// Who issues tokens, and how their tokens are read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "Issuer", deny_unknown_fields, extend("not" = {"required": ["jwks", "jwks_uri"]}))]
pub(crate) struct IssuerSpec {
    /// Compared with the token's `iss`, byte for byte. Its keys are found by discovery, at
    /// `<issuer>/.well-known/openid-configuration`, unless `jwks_uri` or `jwks` says where they are.
    #[schemars(length(min = 1))]
    pub(crate) issuer: String,
    /// Where the keys are: an `https` URL, or `http` on a loopback host. Default: what discovery says.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^https?://"))]
    pub(crate) jwks_uri: Option<String>,
    /// The key set itself (RFC 7517), with at least one usable key; nothing is fetched. Excludes `jwks_uri`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "key_set")]
    pub(crate) jwks: Option<serde_json::Value>,
    /// The `alg` values that are taken. Default: all of them.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    #[schemars(schema_with = "algorithms")]
    pub(crate) algorithms: Vec<String>,
    /// What becomes of a token that is bound to a key (`cnf`), by DPoP or a certificate: the gate cannot ask for the proof.
    /// `ignore` takes it as if it were bound to none. Default: `refuse`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["refuse", "ignore"], "default" = "refuse"))]
    pub(crate) bound_tokens: Option<String>,
    /// Seconds of clock skew for `exp`, `nbf`, `iat` and `max_age`. Default: 30.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 300), extend("default" = 30))]
    pub(crate) leeway: Option<u64>,
    /// The most seconds since `iat`; a token without `iat` is then invalid. Default: any age until `exp`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = MAX_SECONDS))]
    pub(crate) max_age: Option<u64>,
    /// The `typ` values that are taken, without `application/`. Default: `jwt` and `at+jwt`, and tokens without `typ`;
    /// with a list of your own `typ` is required.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub(crate) types: Vec<String>,
    /// The claim that holds the scopes, nested with `.`. Default: `scope`, else `scp`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub(crate) scope_claim: Option<String>,
    /// The most seconds that a key set is fresh; the issuer's `Cache-Control` can shorten it, to no less than 60 s.
    /// Default: 600.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = MAX_SECONDS), extend("default" = 600))]
    pub(crate) jwks_ttl: Option<u64>,
    /// Seconds that a key set may still be used when it cannot be refreshed. Default: 86400, a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = MAX_SECONDS), extend("default" = 86_400))]
    pub(crate) jwks_max_stale: Option<u64>,
    /// The least seconds between two fetches that an unknown `kid` or a failure triggers. Default: 30.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = MAX_SECONDS), extend("default" = 30))]
    pub(crate) jwks_cooldown: Option<u64>,
    /// Milliseconds for discovery and key fetches. Default: 5000.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = MAX_TIMEOUT_MS), extend("default" = 5000))]
    pub(crate) timeout_ms: Option<u64>,
}

fn key_set(_: &mut SchemaGenerator) -> Schema {
    let keys = json_schema!({"type": "array", "minItems": 1, "maxItems": MAX_SET_KEYS});
    json_schema!({"type": "object", "required": ["keys"], "properties": {"keys": keys}})
}

fn algorithms(_: &mut SchemaGenerator) -> Schema {
    let names = Algorithm::ALL.map(Algorithm::name);
    json_schema!({"type": "array", "minItems": 1, "items": {"enum": names}})
}
