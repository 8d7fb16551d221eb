//! The policy as a whole, and its smaller tables.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use super::cors::CorsSpec;
use super::identity::IdentitySpec;
use super::issuer::IssuerSpec;
use super::patterns::origin;
use super::route::RouteSpec;

/// The policy of a Portcullis gate: which tokens each route takes.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "Policy", deny_unknown_fields, title = "Portcullis policy")]
pub(crate) struct PolicySpec {
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
    pub(crate) issuers: BTreeMap<String, IssuerSpec>,
    /// What the origin is told of the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) identity: Option<IdentitySpec>,
    /// Which pages of other origins may use the routes; a route's own `cors` replaces it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cors: Option<CorsSpec>,
    /// Audiences of routes, as `https` URLs without query, of which clients are told who issues their tokens (RFC 9728).
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub(crate) resources: BTreeMap<String, ResourceSpec>,
    /// Bounds on what callers may send.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limits: Option<LimitsSpec>,
    /// How paths are read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) paths: Option<PathsSpec>,
    /// The rules. The most specific one decides, whatever the order; what no route covers is refused.
    #[schemars(length(min = 1))]
    pub(crate) routes: Vec<RouteSpec>,
}

/// A protected resource that tells clients who issues its tokens and which scopes it knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Resource", deny_unknown_fields)]
pub(crate) struct ResourceSpec {
    /// For people: its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub(crate) name: Option<String>,
    /// For people: the URL of its documentation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^https?://"))]
    pub(crate) documentation: Option<String>,
}

/// Bounds on what callers may send.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Limits", deny_unknown_fields)]
pub(crate) struct LimitsSpec {
    /// A longer token is refused before it is decoded. Default: 8192.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 256, max = 65_536), extend("default" = 8192))]
    pub(crate) max_token_bytes: Option<u64>,
}

/// How the paths of requests are read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Paths", deny_unknown_fields)]
pub(crate) struct PathsSpec {
    /// What becomes of a path that would have another route if the case of ASCII letters did not count, as an origin that
    /// ignores case reads it: `refuse`, or `exact` where origins tell `/admin` from `/Admin`. Default: `refuse`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "refuse"))]
    pub(crate) case: Option<PathCaseSpec>,
}

/// What becomes of paths that differ from a literal by case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "PathCase")]
pub(crate) enum PathCaseSpec {
    /// They are refused.
    Refuse,
    /// They are compared as they are.
    Exact,
}

fn version(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"const": 1})
}
