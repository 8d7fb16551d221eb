//! The policy as a whole, and its small tables.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use super::cors::CorsSpec;
use super::identity::IdentitySpec;
use super::issuer::IssuerSpec;
use super::log::LogSpec;
use super::own::OwnPathSpec;
use super::patterns::origin;
use super::revocation::RevocationSpec;
use super::route::RouteSpec;

/// The policy of a Portcullis gate: which tokens each route accepts.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "Policy", deny_unknown_fields, title = "Portcullis policy")]
pub(crate) struct PolicySpec {
    /// The version of this format: 1.
    #[schemars(schema_with = "version")]
    pub(crate) version: u8,
    /// The origin of routes without an `origin` of their own: `https://host[:port][/base]`, `service:BINDING` for a
    /// service binding, or `passthrough` for the request's own URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "origin")]
    pub(crate) origin: Option<String>,
    /// The token issuers, each under a name of your choice. At least one if a route accepts tokens.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub(crate) issuers: BTreeMap<String, IssuerSpec>,
    /// What the origin learns about the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) identity: Option<IdentitySpec>,
    /// Which pages of other origins may use the routes; a route's own `cors` replaces it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cors: Option<CorsSpec>,
    /// Audiences of routes, as `https` URLs without a query, for which the gate publishes who issues their tokens (RFC
    /// 9728).
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub(crate) resources: BTreeMap<String, ResourceSpec>,
    /// Limits on what callers may send.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limits: Option<LimitsSpec>,
    /// How paths are compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) paths: Option<PathsSpec>,
    /// What operators are told of decisions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) log: Option<LogSpec>,
    /// Who may read the status of the gate. Default: nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<OwnPathSpec>,
    /// How tokens are refused before they expire. Default: they are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) revocation: Option<RevocationSpec>,
    /// The rules. The most specific one decides, whatever the order; requests without a route are refused.
    #[schemars(length(min = 1))]
    pub(crate) routes: Vec<RouteSpec>,
}

/// A protected resource whose metadata say who issues its tokens and which scopes it has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Resource", deny_unknown_fields)]
pub(crate) struct ResourceSpec {
    /// A name to show to people.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub(crate) name: Option<String>,
    /// The URL of documentation for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^https?://"))]
    pub(crate) documentation: Option<String>,
}

/// Limits on what callers may send.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Limits", deny_unknown_fields)]
pub(crate) struct LimitsSpec {
    /// A longer token is refused before it is decoded. Default: 8192.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 256, max = 65_536), extend("default" = 8192))]
    pub(crate) max_token_bytes: Option<u64>,
}

/// How the paths of requests are compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Paths", deny_unknown_fields)]
pub(crate) struct PathsSpec {
    /// What to do with a path that would match another route if case were ignored, as case-insensitive origins do:
    /// `refuse` it, or compare it as it is (`exact`), if all origins distinguish `/admin` from `/Admin`. Default:
    /// `refuse`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "refuse"))]
    pub(crate) case: Option<PathCaseSpec>,
}

/// What to do with paths that differ from a literal only by case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "PathCase")]
pub(crate) enum PathCaseSpec {
    /// Refuse them.
    Refuse,
    /// Compare them as they are.
    Exact,
}

fn version(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"const": 1})
}
