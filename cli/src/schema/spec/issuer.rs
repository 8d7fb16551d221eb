//! Issuers.

use portcullis::jose::algorithm::Algorithm;
use portcullis::jose::key_set::MAX_SET_KEYS;
use portcullis::policy::{MAX_SECONDS, MAX_TENANTS, MAX_TIMEOUT_MS};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use super::patterns::TENANT;

/// A token issuer, and how its tokens are checked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "Issuer", deny_unknown_fields, extend("not" = {"required": ["jwks", "jwks_uri"]}))]
pub(crate) struct IssuerSpec {
    /// Compared with the token's `iss`, byte for byte. Its keys are found by discovery, at
    /// `<issuer>/.well-known/openid-configuration`, unless there is a `jwks_uri` or `jwks`. With `tenants` it contains
    /// `{tenant}` as a segment of its path.
    #[schemars(length(min = 1))]
    pub(crate) issuer: String,
    /// The values that `{tenant}` in `issuer` may have: each with it is compared with `iss`, and all share one key set,
    /// at `jwks_uri` or in `jwks`.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    #[schemars(length(min = 1, max = MAX_TENANTS), inner(regex(pattern = TENANT)), extend("uniqueItems" = true))]
    pub(crate) tenants: Vec<String>,
    /// The URL of the key set: `https`, or `http` on a loopback host. Default: found by discovery.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^https?://"))]
    pub(crate) jwks_uri: Option<String>,
    /// The key set itself (RFC 7517), with at least one usable key; nothing is fetched. Excludes `jwks_uri`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "key_set")]
    pub(crate) jwks: Option<serde_json::Value>,
    /// The `alg` values that are accepted; `Ed25519` and `EdDSA` are one. Default: all that the gate supports.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    #[schemars(schema_with = "algorithms")]
    pub(crate) algorithms: Vec<String>,
    /// What to do with tokens that are bound to a key (`cnf`), by DPoP or a certificate, since the gate cannot verify
    /// the proof of possession. `ignore` accepts them like unbound tokens. Default: `refuse`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["refuse", "ignore"], "default" = "refuse"))]
    pub(crate) bound_tokens: Option<String>,
    /// Seconds of clock skew for `exp`, `nbf`, `iat` and `max_age`. Default: 30.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 300), extend("default" = 30))]
    pub(crate) leeway: Option<u64>,
    /// The maximum age of a token, in seconds since `iat`, which is then required. Default: any age until `exp`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = MAX_SECONDS))]
    pub(crate) max_age: Option<u64>,
    /// The `typ` values that are accepted, without `application/`; tokens must then have a `typ`. Default: `jwt`,
    /// `at+jwt`, and tokens without `typ`.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub(crate) types: Vec<String>,
    /// The claim that contains the scopes, as words or as a list; `.` separates nested names. Default: `scope`, else
    /// `scp`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub(crate) scope_claim: Option<String>,
    /// Seconds for which a key set is fresh; the issuer's `Cache-Control` can shorten them, to no less than 60.
    /// Default: 600.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = MAX_SECONDS), extend("default" = 600))]
    pub(crate) jwks_ttl: Option<u64>,
    /// Seconds for which a key set that is no longer fresh is used while it cannot be refreshed. Default: 86400, a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = MAX_SECONDS), extend("default" = 86_400))]
    pub(crate) jwks_max_stale: Option<u64>,
    /// The minimum number of seconds between fetches after an unknown `kid` or a failure. Default: 30.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = MAX_SECONDS), extend("default" = 30))]
    pub(crate) jwks_cooldown: Option<u64>,
    /// The timeout of discovery and key fetches, in milliseconds. Default: 5000.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = MAX_TIMEOUT_MS), extend("default" = 5000))]
    pub(crate) timeout_ms: Option<u64>,
}

fn key_set(_: &mut SchemaGenerator) -> Schema {
    let keys = json_schema!({"type": "array", "minItems": 1, "maxItems": MAX_SET_KEYS});
    json_schema!({"type": "object", "required": ["keys"], "properties": {"keys": keys}})
}

fn algorithms(_: &mut SchemaGenerator) -> Schema {
    let specified = Algorithm::ALL.into_iter().filter_map(Algorithm::specified_name);
    let names: Vec<&str> = Algorithm::ALL.into_iter().map(Algorithm::name).chain(specified).collect();
    json_schema!({"type": "array", "minItems": 1, "items": {"enum": names}})
}
