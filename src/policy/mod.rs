//! The policy: the document that people write, and what the gate makes of it.
//!
//! The document is read whole: either every place of it is right, or all that is wrong is reported at once. A
//! [`Policy`] therefore always can be enforced.

mod identity;
mod issuer;
mod reader;
mod route;
pub mod template;
pub mod url;

pub use identity::{ClaimHeader, Identity};
pub use issuer::{Issuer, KeySource, Lifetime, normal_type};
pub use reader::PolicyError;
pub use route::{Access, Audience, ClaimRule, ClaimTest, Expected, Organization, Requirement, Route, Scopes};

use reader::{Errors, Field, Table};
use url::Origin;

use crate::json::Json;
use crate::route::table::RouteTable;

/// A longer token is refused unless the policy says otherwise.
const DEFAULT_MAX_TOKEN_BYTES: u64 = 8192;

/// What the gate enforces.
#[derive(Debug)]
pub struct Policy {
    /// Where the keys of tokens come from, in the order of the document.
    pub issuers: Vec<Issuer>,
    /// The routes, in the order of the document.
    pub routes: Vec<Route>,
    /// The same routes, arranged for matching.
    pub table: RouteTable,
    /// What the origin is told of the caller.
    pub identity: Identity,
    /// A longer token is refused before it is decoded.
    pub max_token_bytes: usize,
}

impl Policy {
    /// Reads a policy document in JSON.
    ///
    /// # Errors
    /// All that is wrong, each with its place.
    pub fn parse(text: &str) -> Result<Self, Vec<PolicyError>> {
        let document = Json::parse(text).map_err(|error| {
            vec![PolicyError { place: String::new(), message: format!("expected a policy document in JSON: {error}") }]
        })?;
        let errors = Errors::default();
        let policy = Field::root(&document, &errors).table().and_then(|table| Self::read(&table, &errors));
        match (policy, errors.into_vec()) {
            (Some(policy), errors) if errors.is_empty() => Ok(policy),
            (_, errors) => Err(errors),
        }
    }

    fn read(document: &Table<'_>, errors: &Errors) -> Option<Self> {
        if let Some(version) = document.required("version") {
            version.integer(1..=1);
        }
        let origin = document.field("origin").and_then(|field| field.read(Origin::parse));
        let names_origin = document.field("origin").is_some();
        let issuers = document.field("issuers").and_then(|field| issuer::read_all(&field)).unwrap_or_default();
        let identity =
            document.field("identity").map_or_else(|| Some(Identity::default()), |field| Identity::read(&field));
        let max_token_bytes = document.field("limits").and_then(|field| read_limits(&field));
        let defaults = route::Defaults { issuers: &issuers, origin: origin.as_ref(), names_origin };
        let routes =
            document.required("routes").and_then(|field| field.list(|field| route::Placed::read(&field, &defaults)));
        document.refuse_unknown_keys();

        let routes = routes?;
        if issuers.is_empty() && routes.iter().any(|placed| placed.route.access.requirement().is_some()) {
            document.fail("issuers", "expected at least one issuer, since a route takes tokens");
        }
        let (routes, table) = arrange(routes, errors);
        let issuers = issuers.into_iter().map(|(_, issuer)| issuer).collect::<Option<_>>()?;
        let max_token_bytes = usize::try_from(max_token_bytes.unwrap_or(DEFAULT_MAX_TOKEN_BYTES)).ok()?;
        Some(Self { issuers, routes, table, identity: identity?, max_token_bytes })
    }
}

fn read_limits(field: &Field<'_>) -> Option<u64> {
    let limits = field.table()?;
    let max_token_bytes = limits.field("max_token_bytes").and_then(|field| field.integer(256..=65_536));
    limits.refuse_unknown_keys();
    max_token_bytes
}

fn arrange(placed: Vec<route::Placed>, errors: &Errors) -> (Vec<Route>, RouteTable) {
    let mut table = RouteTable::default();
    let mut routes = Vec::with_capacity(placed.len());
    for (index, route) in placed.into_iter().enumerate() {
        for conflict in table.insert(index, &route.hosts, &route.path, &route.methods) {
            errors.add(
                format!("routes[{index}]"),
                format!("claims the same host, method and path as routes[{}]", conflict.with),
            );
        }
        routes.push(route.route);
    }
    (routes, table)
}
