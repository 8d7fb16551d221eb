//! The policy document as types, for tools that write policies and for the JSON Schema that editors complete from: the
//! comments here are what they show. What the gate reads is not made of these; it tells every problem with its place.

#![expect(dead_code, reason = "the types say what a policy may hold; an import writes a part of it")]

use std::collections::BTreeMap;

use portcullis::jose::algorithm::Algorithm;
use portcullis::jose::key_set::MAX_SET_KEYS;
use portcullis::policy::{MAX_SECONDS, MAX_TIMEOUT_MS, TOKEN_CHECKS};
use portcullis::route::method::REFUSED;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

/// The policy of a Portcullis gate: which tokens each route takes.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, title = "Portcullis policy")]
pub(crate) struct Policy {
    /// The version of this format: 1.
    #[schemars(schema_with = "version")]
    pub(crate) version: u8,
    /// Upstream of the routes that name none: `https://host[:port][/base]`, `service:BINDING` for a service binding, or
    /// `passthrough` for the request's own URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "origin")]
    pub(crate) origin: Option<String>,
    /// Who issues the tokens, each under a name of your own. At least one where a route takes tokens.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub(crate) issuers: BTreeMap<String, Issuer>,
    /// What the origin is told of the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) identity: Option<Identity>,
    /// Which pages of other origins may use the routes; a route's own `cors` replaces it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cors: Option<Cors>,
    /// Audiences of routes, as `https` URLs without query, of which clients are told who issues their tokens (RFC 9728).
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub(crate) resources: BTreeMap<String, Resource>,
    /// Bounds on what callers may send.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limits: Option<Limits>,
    /// How paths are read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) paths: Option<Paths>,
    /// The rules. The most specific one decides, whatever the order; what no route covers is refused.
    #[schemars(length(min = 1))]
    pub(crate) routes: Vec<Route>,
}

/// Who issues tokens, and how their tokens are read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("not" = {"required": ["jwks", "jwks_uri"]}))]
pub(crate) struct Issuer {
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

/// A rule for the requests of one place. The most specific path wins, whatever the order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, transform = require_what_access_asks)]
pub(crate) struct Route {
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
    pub(crate) access: Option<Access>,
    /// Names of the issuers whose tokens are taken. Default: all.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub(crate) issuers: Vec<String>,
    /// What must be in the token's `aud`: a template, or a list of which any must be. `"*"` turns the check off.
    /// Templates take `{name}` from the path or host, `{header.x-name}` and `{query.name}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) audience: Option<OneOrMore>,
    /// What the token must allow: a list, all of which are required, or `{ all = [...], any = [...] }`. Default: nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scopes: Option<Scopes>,
    /// The template that `organization_id` must equal; `"*"` turns the check off. Default: the token carries none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub(crate) organization: Option<String>,
    /// Claims, nested with `.`, and what each must be: a value, `{ any = [...] }` or `{ contains = value }`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub(crate) claims: BTreeMap<String, Claim>,
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
    pub(crate) cors: Option<RouteCors>,
}

/// The `cors` of a route.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum RouteCors {
    /// `false`: browsers are told nothing.
    Off(#[schemars(extend("const" = false))] bool),
    /// Its own.
    Own(Cors),
}

/// Which pages of other origins may use a route, and how (CORS). Browsers keep to it; it is no access control.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Cors {
    /// The pages' origins: `scheme://host[:port]`, `scheme://*.host[:port]` for any subdomain, or `["*"]`.
    #[schemars(length(min = 1), inner(regex(pattern = r"^(\*|[A-Za-z][A-Za-z0-9+.-]*://[^/?#@]+)$")))]
    pub(crate) origins: Vec<String>,
    /// The request headers that a page may set; `"*"` does not cover `authorization`. Default: `authorization` and
    /// `content-type`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(inner(regex(pattern = TOKEN)), extend("default" = ["authorization", "content-type"]))]
    pub(crate) headers: Option<Vec<String>>,
    /// The methods that a page may use. Default: those that the routes of the path take.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    #[schemars(schema_with = "methods")]
    pub(crate) methods: Vec<String>,
    /// The response headers that a page may read, beside those that browsers always show. Default: none.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    #[schemars(inner(regex(pattern = TOKEN)))]
    pub(crate) expose: Vec<String>,
    /// Whether a page may send cookies; tokens in `Authorization` do not need it. Excludes `"*"`. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = false))]
    pub(crate) credentials: Option<bool>,
    /// Seconds that a browser keeps the answer to a preflight. Default: 600.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 86_400), extend("default" = 600))]
    pub(crate) max_age: Option<u64>,
}

/// A protected resource that tells clients who issues its tokens and which scopes it knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Resource {
    /// For people: its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub(crate) name: Option<String>,
    /// For people: the URL of its documentation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^https?://"))]
    pub(crate) documentation: Option<String>,
}

/// Who may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Access {
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
pub(crate) enum OneOrMore {
    /// This one.
    One(#[schemars(length(min = 1))] String),
    /// Any of these.
    More(#[schemars(length(min = 1), inner(length(min = 1)))] Vec<String>),
}

/// What a token must allow.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(deny_unknown_fields)]
pub(crate) enum Scopes {
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
#[schemars(deny_unknown_fields)]
pub(crate) enum Claim {
    /// This value.
    Is(ClaimValue),
    /// One of some values.
    Any {
        /// One of these.
        #[schemars(length(min = 1))]
        any: Vec<ClaimValue>,
    },
    /// A list that has a value, or a space-separated string with that word.
    Contains {
        /// The element or word.
        contains: ClaimValue,
    },
}

/// A value that a claim is compared with; a string may be a template.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum ClaimValue {
    /// A string, with values of the request in braces.
    Text(#[schemars(length(min = 1))] String),
    /// A number.
    Number(serde_json::Number),
    /// A boolean.
    Bool(bool),
}

/// What the origin is told of the caller.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Identity {
    /// All identity headers start with it, and no inbound header that does gets through. Default: `x-auth-`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^[a-z0-9-]{1,31}-$"), extend("default" = "x-auth-"))]
    pub(crate) prefix: Option<String>,
    /// Whether the origin sees `Authorization`. Default: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = true))]
    pub(crate) forward_token: Option<bool>,
    /// Whether the origin gets the whole verified payload, in `<prefix>claims`. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = false))]
    pub(crate) payload_header: Option<bool>,
    /// More headers, each with the claim that it carries: `{ x-auth-email = "email" }`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    #[schemars(extend("additionalProperties" = {"type": "string", "minLength": 1}))]
    pub(crate) claims: BTreeMap<String, String>,
    /// A short JWT about the caller that the gate signs, in `<prefix>assertion`. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) assertion: Option<Assertions>,
    /// A secret that the gate sends with every request, so that the origin can refuse others. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) secret: Option<SharedSecret>,
}

/// Short JWTs about the caller, signed by the gate. Their keys are at `/.well-known/portcullis/jwks.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Assertions {
    /// Their `iss`, usually the gate's URL.
    #[schemars(length(min = 1))]
    pub(crate) issuer: String,
    /// Names of one or two Worker secrets, each a private JWK. The first signs, all are published.
    #[schemars(length(min = 1, max = 2), inner(length(min = 1)), extend("uniqueItems" = true))]
    pub(crate) keys: Vec<String>,
    /// Their `aud`. Default: the route's origin without its base path, `service:BINDING`, or the request's own scheme and
    /// host.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub(crate) audience: Option<String>,
    /// What signs; the keys must fit it. Default: `ES256`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["ES256", "EdDSA"], "default" = "ES256"))]
    pub(crate) algorithm: Option<String>,
    /// Seconds from `iat` to `exp`; one is used again for half of them. Default: 300.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 10, max = 3600), extend("default" = 300))]
    pub(crate) ttl: Option<u64>,
}

/// A secret that the gate and its origins share.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct SharedSecret {
    /// The header that carries it, which starts with the prefix. Default: `<prefix>secret`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub(crate) header: Option<String>,
    /// The name of the Worker secret.
    #[schemars(length(min = 1))]
    pub(crate) binding: String,
}

/// Bounds on what callers may send.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Limits {
    /// A longer token is refused before it is decoded. Default: 8192.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 256, max = 65_536), extend("default" = 8192))]
    pub(crate) max_token_bytes: Option<u64>,
}

/// How the paths of requests are read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Paths {
    /// What becomes of a path that would have another route if the case of ASCII letters did not count, as an origin that
    /// ignores case reads it: `refuse`, or `exact` where origins tell `/admin` from `/Admin`. Default: `refuse`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "refuse"))]
    pub(crate) case: Option<PathCase>,
}

/// What becomes of paths that differ from a literal by case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PathCase {
    /// They are refused.
    Refuse,
    /// They are compared as they are.
    Exact,
}

/// The name of a header, or a method (RFC 9110 §5.6.2).
pub(crate) const TOKEN: &str = "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$";

/// Segments without what no path of a policy holds; one slash at the end.
const PATH: &str = r"^/([^/%;\\\x00-\x1f\x7f-\x9f]+(/[^/%;\\\x00-\x1f\x7f-\x9f]+)*/?)?$";

/// The same without captures.
const PREFIX: &str = r"^/([^/%;{}\\\x00-\x1f\x7f-\x9f]+(/[^/%;{}\\\x00-\x1f\x7f-\x9f]+)*/?)?$";

/// A name or an address, or a capture in front of one; without port and without a dot at the end.
const HOST: &str = r"^(\{[A-Za-z0-9_-]+\}\.)?([A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*|\[[0-9A-Fa-f:.]+\])$";

/// RFC 6749 §3.3
const SCOPE: &str = r"^[!#-\[\]-~]+$";

fn version(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"const": 1})
}

fn origin(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "pattern": "^(https?://.+|service:.+|passthrough)$"})
}

fn key_set(_: &mut SchemaGenerator) -> Schema {
    let keys = json_schema!({"type": "array", "minItems": 1, "maxItems": MAX_SET_KEYS});
    json_schema!({"type": "object", "required": ["keys"], "properties": {"keys": keys}})
}

fn methods(_: &mut SchemaGenerator) -> Schema {
    let method = json_schema!({"type": "string", "pattern": "^[A-Z_-]+$", "not": {"enum": REFUSED}});
    json_schema!({"type": "array", "minItems": 1, "items": method})
}

fn algorithms(_: &mut SchemaGenerator) -> Schema {
    let names = Algorithm::ALL.map(Algorithm::name);
    json_schema!({"type": "array", "minItems": 1, "items": {"enum": names}})
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
