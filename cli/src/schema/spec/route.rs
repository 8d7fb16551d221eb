//! Routes, and what each requires of a token.

use std::collections::BTreeMap;

use portcullis::policy::{MAX_TIMEOUT_MS, TOKEN_CHECKS};
use schemars::{JsonSchema, Schema};
use serde::Serialize;

use super::cors::RouteCorsSpec;
use super::patterns::{HOST, PATH, PREFIX, SCOPE, TOKEN, methods, origin};

/// A rule for requests. The route with the most specific path decides, whatever the order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "Route", deny_unknown_fields, transform = require_what_access_asks)]
pub(crate) struct RouteSpec {
    /// Literal segments (decoded, without `%`), `{name}` for one whole segment, and `{*name}` at the end for the rest,
    /// as in `/orgs/{org}/data/{*rest}`.
    #[schemars(regex(pattern = PATH))]
    pub(crate) path: String,
    /// Methods in upper case; `GET` covers `HEAD`. Default: all.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    #[schemars(schema_with = "methods")]
    pub(crate) methods: Vec<String>,
    /// `host`, or `{name}.host` for any first label; without a port. Default: all.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    #[schemars(length(min = 1), inner(regex(pattern = HOST)))]
    pub(crate) hosts: Vec<String>,
    /// The name in logs. Default: the path.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub(crate) name: Option<String>,
    /// Who is allowed. Default: `token`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "token"))]
    pub(crate) access: Option<AccessSpec>,
    /// Names of the issuers whose tokens are accepted. Default: all.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub(crate) issuers: Vec<String>,
    /// Another header that contains the token and nothing else, no scheme either, like `cf-access-jwt-assertion`.
    /// Default: `authorization`, with `Bearer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = TOKEN), extend("default" = "authorization"))]
    pub(crate) token_header: Option<String>,
    /// The audience that must be in the token's `aud`: a template, or a list of alternatives. `"*"` turns the check
    /// off. Templates contain `{name}` (captured from the path or host), `{header.x-name}` and `{query.name}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) audience: Option<AudienceSpec>,
    /// The scopes that the token must have: a list, all of which are required, or `{ all = [...], any = [...] }`.
    /// Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scopes: Option<ScopesSpec>,
    /// The template that `organization_id` must equal; `"*"` turns the check off. Default: the
    /// token must not have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub(crate) organization: Option<String>,
    /// Claims, and what each must be: a value, `{ any = [...] }`, `{ contains = ... }` or `{ has = name }`. A table from
    /// claims to tests, where `.` separates nested names, or a list of tests that name their `path`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) claims: Option<ClaimsSpec>,
    /// Where requests go: `https://host[:port][/base]`, `service:BINDING` or `passthrough`. Default: the policy's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "origin")]
    pub(crate) origin: Option<String>,
    /// Leading segments that are stripped from the path before it goes to the origin, like `/api`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = PREFIX))]
    pub(crate) strip_prefix: Option<String>,
    /// What becomes of `%2F` within a segment that a capture takes: the path is refused, or it is part of the capture's
    /// value and forwarded as received (`keep`). Default: `refuse`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "refuse"))]
    pub(crate) encoded_slashes: Option<SlashesSpec>,
    /// Whether Cloudflare's cache may answer instead of the origin; it has one answer for all callers. Without effect
    /// for `service:BINDING`. Default: false; on `public` routes true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cache: Option<bool>,
    /// The timeout until the origin's response headers arrive, in milliseconds. Default: the platform's own limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = MAX_TIMEOUT_MS))]
    pub(crate) timeout_ms: Option<u64>,
    /// `false` tries the route: it is decided, and the log tells what it would refuse, but requests are forwarded
    /// whatever comes of it. Default: `true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = true))]
    pub(crate) enforce: Option<bool>,
    /// Which pages of other origins may use the route; `false` turns the policy's `cors` off. Default: the
    /// policy's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cors: Option<RouteCorsSpec>,
}

/// What becomes of encoded slashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "EncodedSlashes")]
pub(crate) enum SlashesSpec {
    /// The path is refused.
    Refuse,
    /// They are part of the segment.
    Keep,
}

/// Who is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "Access")]
pub(crate) enum AccessSpec {
    /// Callers with a token that meets the requirements.
    Token,
    /// Callers without an `Authorization` header, or with a token that meets the requirements.
    Optional,
    /// Everyone; tokens are ignored.
    Public,
    /// No one: 403.
    Deny,
}

/// One audience, or a list of alternatives.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "OneOrMore")]
pub(crate) enum AudienceSpec {
    /// This audience.
    One(#[schemars(length(min = 1))] String),
    /// Any of these.
    More(#[schemars(length(min = 1), inner(length(min = 1)))] Vec<String>),
}

/// The scopes that a token must have.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "Scopes", deny_unknown_fields)]
pub(crate) enum ScopesSpec {
    /// All of these.
    All(#[schemars(length(min = 1), inner(regex(pattern = SCOPE)))] Vec<String>),
    /// All of `all`, and at least one of `any`.
    #[schemars(extend("minProperties" = 1))]
    Rule {
        /// All of these.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        #[schemars(length(min = 1), inner(regex(pattern = SCOPE)))]
        all: Vec<String>,
        /// At least one of these.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        #[schemars(length(min = 1), inner(regex(pattern = SCOPE)))]
        any: Vec<String>,
    },
}

/// Tests of claims.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "Claims")]
pub(crate) enum ClaimsSpec {
    /// From claims to tests. `.` separates nested names; a claim whose own name is the whole comes first.
    Named(#[schemars(extend("propertyNames" = {"not": {"pattern": r"\{.*\}"}}))] BTreeMap<String, ClaimSpec>),
    /// Tests that name their claim.
    Listed(#[schemars(length(min = 1))] Vec<ClaimRuleSpec>),
}

/// What a claim must be.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "Claim", deny_unknown_fields)]
pub(crate) enum ClaimSpec {
    /// This value.
    Is(ClaimValueSpec),
    /// One of some values, or a list with one of them.
    Any {
        /// One of these.
        #[schemars(length(min = 1))]
        any: Vec<ClaimValueSpec>,
    },
    /// A list that contains values, or a space-separated string that contains them as words.
    Contains {
        /// The element or word, or several, all of which must be there.
        contains: ClaimValuesSpec,
    },
    /// An object with a member.
    Has {
        /// The member's name; values of the request are in braces.
        #[schemars(length(min = 1))]
        has: String,
    },
}

/// A claim, and what it must be: one of `is`, `any`, `contains` and `has`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "ClaimRule", deny_unknown_fields, extend("minProperties" = 2, "maxProperties" = 2))]
pub(crate) struct ClaimRuleSpec {
    /// The names that lead to the claim, each a member of the object before; values of the request are in braces.
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub(crate) path: Vec<String>,
    /// The claim is this value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) is: Option<ClaimValueSpec>,
    /// The claim is one of these, or a list with one of them.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    #[schemars(length(min = 1))]
    pub(crate) any: Vec<ClaimValueSpec>,
    /// The claim is a list with this element, or a space-separated string with this word; or with all of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) contains: Option<ClaimValuesSpec>,
    /// The claim is an object with this member; values of the request are in braces.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub(crate) has: Option<String>,
}

/// One value, or several, all of which are meant.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "ClaimValues")]
pub(crate) enum ClaimValuesSpec {
    /// This value.
    One(ClaimValueSpec),
    /// All of these.
    All(#[schemars(length(min = 1))] Vec<ClaimValueSpec>),
}

/// A value that a claim is compared with; a string may be a template.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "ClaimValue")]
pub(crate) enum ClaimValueSpec {
    /// A string; values of the request are in braces.
    Text(#[schemars(length(min = 1))] String),
    /// A number.
    Number(serde_json::Number),
    /// A boolean.
    Bool(bool),
}

/// Token checks on a route that ignores tokens would have no effect; on the others `audience` is required.
fn require_what_access_asks(schema: &mut Schema) {
    let no_tokens = serde_json::json!({"required": ["access"], "properties": {"access": {"enum": ["public", "deny"]}}});
    let checks = TOKEN_CHECKS.map(|check| (check.to_owned(), serde_json::Value::Bool(false)));
    let without = serde_json::json!({"properties": serde_json::Map::from_iter(checks)});
    schema.insert("if".to_owned(), no_tokens);
    schema.insert("then".to_owned(), without);
    schema.insert("else".to_owned(), serde_json::json!({"required": ["audience"]}));
}
