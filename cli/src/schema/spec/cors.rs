//! Pages of other origins.

use schemars::JsonSchema;
use serde::Serialize;

use super::patterns::{TOKEN, methods};

/// The `cors` of a route.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "RouteCors")]
pub(crate) enum RouteCorsSpec {
    /// `false`: no CORS headers.
    Off(#[schemars(extend("const" = false))] bool),
    /// Rules of its own.
    Own(CorsSpec),
}

/// Which pages of other origins may use a route, and how (CORS). Browsers enforce it; it is not access control. For the
/// audiences in `resources` the gate also refuses requests of other pages.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "Cors", deny_unknown_fields)]
pub(crate) struct CorsSpec {
    /// The pages' origins: `scheme://host[:port]`, `scheme://*.host[:port]` for any subdomain, or `["*"]`.
    #[schemars(length(min = 1), inner(regex(pattern = r"^(\*|[A-Za-z][A-Za-z0-9+.-]*://[^/?#@]+)$")))]
    pub(crate) origins: Vec<String>,
    /// The request headers that a page may set; `"*"` does not cover `authorization`. Default: `authorization` and
    /// `content-type`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(inner(regex(pattern = TOKEN)), extend("default" = ["authorization", "content-type"]))]
    pub(crate) headers: Option<Vec<String>>,
    /// The methods that a page may use. Default: those of the routes for the path.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    #[schemars(schema_with = "methods")]
    pub(crate) methods: Vec<String>,
    /// The response headers that a page may read, in addition to those that browsers always expose. Default: none.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    #[schemars(inner(regex(pattern = TOKEN)))]
    pub(crate) expose: Vec<String>,
    /// Whether a page may send cookies; tokens in `Authorization` do not need it. Excludes `"*"`. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = false))]
    pub(crate) credentials: Option<bool>,
    /// Seconds for which a browser caches the answer to a preflight. Default: 600.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 86_400), extend("default" = 600))]
    pub(crate) max_age: Option<u64>,
}
