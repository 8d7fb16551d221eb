//! Routes, and what each asks of a token.

use std::collections::BTreeMap;

use portcullis::policy::{MAX_TIMEOUT_MS, TOKEN_CHECKS};
use schemars::{JsonSchema, Schema};
use serde::Serialize;

use super::cors::RouteCorsSpec;
use super::patterns::{HOST, PATH, PREFIX, SCOPE, methods, origin};

/// A rule for the requests of one place. The most specific path wins, whatever the order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "Route", deny_unknown_fields, transform = require_what_access_asks)]
pub(crate) struct RouteSpec {
    /// Literal segments (written decoded, without `%`), `{name}` for one whole segment, `{*name}` last for the rest, as
    /// in `/orgs/{org}/data/{*rest}`.
    #[schemars(regex(pattern = PATH))]
    pub(crate) path: String,
    /// Methods in upper case; `GET` covers `HEAD`. Default: all.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    #[schemars(schema_with = "methods")]
    pub(crate) methods: Vec<String>,
    /// `host`, or `{name}.host` for any one label; without port. Default: all.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    #[schemars(length(min = 1), inner(regex(pattern = HOST)))]
    pub(crate) hosts: Vec<String>,
    /// For logs. Default: the path.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub(crate) name: Option<String>,
    /// Who may pass. Default: `token`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "token"))]
    pub(crate) access: Option<AccessSpec>,
    /// Names of the issuers whose tokens are taken. Default: all.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub(crate) issuers: Vec<String>,
    /// What must be in the token's `aud`: a template, or a list of which any must be. `"*"` turns the check off.
    /// Templates take `{name}` from the path or host, `{header.x-name}` and `{query.name}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) audience: Option<AudienceSpec>,
    /// What the token must allow: a list, all of which are required, or `{ all = [...], any = [...] }`. Default: nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scopes: Option<ScopesSpec>,
    /// The template that `organization_id` must equal; `"*"` turns the check off. Default: the token carries none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub(crate) organization: Option<String>,
    /// Claims, nested with `.`, and what each must be: a value, `{ any = [...] }` or `{ contains = value }`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub(crate) claims: BTreeMap<String, ClaimSpec>,
    /// Upstream: `https://host[:port][/base]`, `service:BINDING` or `passthrough`. Default: the policy's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "origin")]
    pub(crate) origin: Option<String>,
    /// Leading segments that the origin does not see, as in `/api`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = PREFIX))]
    pub(crate) strip_prefix: Option<String>,
    /// Whether Cloudflare's cache may answer in the origin's stead; it knows one answer for all callers. Means nothing for
    /// `service:BINDING`. Default: false; on `public` routes true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cache: Option<bool>,
    /// Milliseconds until the origin's response headers. Default: 30000.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = MAX_TIMEOUT_MS), extend("default" = 30_000))]
    pub(crate) timeout_ms: Option<u64>,
    /// Which pages of other origins may use the route; `false` turns off what the policy says. Default: the policy's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cors: Option<RouteCorsSpec>,
}

/// Who may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "Access")]
pub(crate) enum AccessSpec {
    /// Who has a token that fits.
    Token,
    /// Who has no `Authorization` header, or a token that fits.
    Optional,
    /// Everyone; tokens are not looked at.
    Public,
    /// No one: 403.
    Deny,
}

/// One text, or a list of them.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "OneOrMore")]
pub(crate) enum AudienceSpec {
    /// This one.
    One(#[schemars(length(min = 1))] String),
    /// Any of these.
    More(#[schemars(length(min = 1), inner(length(min = 1)))] Vec<String>),
}

/// What a token must allow.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "Scopes", deny_unknown_fields)]
pub(crate) enum ScopesSpec {
    /// Each of these.
    All(#[schemars(length(min = 1), inner(regex(pattern = SCOPE)))] Vec<String>),
    /// Each of `all`, and one of `any`.
    #[schemars(extend("minProperties" = 1))]
    Rule {
        /// Each of these.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        #[schemars(length(min = 1), inner(regex(pattern = SCOPE)))]
        all: Vec<String>,
        /// One of these.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        #[schemars(length(min = 1), inner(regex(pattern = SCOPE)))]
        any: Vec<String>,
    },
}

/// What a claim must be.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "Claim", deny_unknown_fields)]
pub(crate) enum ClaimSpec {
    /// This value.
    Is(ClaimValueSpec),
    /// One of some values.
    Any {
        /// One of these.
        #[schemars(length(min = 1))]
        any: Vec<ClaimValueSpec>,
    },
    /// A list that has a value, or a space-separated string with that word.
    Contains {
        /// The element or word.
        contains: ClaimValueSpec,
    },
}

/// A value that a claim is compared with; a string may be a template.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "ClaimValue")]
pub(crate) enum ClaimValueSpec {
    /// A string, with values of the request in braces.
    Text(#[schemars(length(min = 1))] String),
    /// A number.
    Number(serde_json::Number),
    /// A boolean.
    Bool(bool),
}

/// Token checks on a route that looks at no tokens would do nothing; on the others `audience` is required.
fn require_what_access_asks(schema: &mut Schema) {
    let no_tokens = serde_json::json!({"required": ["access"], "properties": {"access": {"enum": ["public", "deny"]}}});
    let checks = TOKEN_CHECKS.map(|check| (check.to_owned(), serde_json::Value::Bool(false)));
    let without = serde_json::json!({"properties": serde_json::Map::from_iter(checks)});
    schema.insert("if".to_owned(), no_tokens);
    schema.insert("then".to_owned(), without);
    schema.insert("else".to_owned(), serde_json::json!({"required": ["audience"]}));
}
