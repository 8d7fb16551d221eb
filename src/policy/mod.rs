//! The policy: the document that people write, and its parsed form.
//!
//! The document is read as a whole: either all of it is valid, or all errors are reported at once. So a [`Policy`] can
//! always be enforced.

mod action;
mod claim_rule;
mod cors;
mod identity;
mod identity_header;
mod issuer;
mod log;
mod methods;
mod place;
mod proof;
pub mod reader;
mod requirement;
mod resource;
mod revocation;
mod route;
pub mod template;
mod tenants;
pub mod url;
mod web_origin;

use std::rc::Rc;

pub use action::{Access, AccessKind, Action, Forwarding, TOKEN_CHECKS};
pub use claim_rule::{ClaimRule, ClaimSelector, ClaimTest, Expected};
pub use cors::{Cors, PUBLIC_DOCUMENTS};
pub use identity::{ClaimHeader, Identity};
pub use issuer::{Issuer, KeySource, Lifetime, MAX_SECONDS, MAX_TIMEOUT_MS};
pub use log::{Log, LoggedDecisions, LoggedSubject};
pub use place::{Place, PlaceStep};
pub use proof::{Assertions, KEY_SET_PATH, SharedSecret};
pub use reader::{Names, PolicyError};
pub use requirement::{Audience, Organization, Requirement, Scopes, is_scope};
pub use resource::Resource;
pub use revocation::{LogoutTokens, LogtoWebhooks, Revocation, RevocationStore};
pub use route::Route;
pub use tenants::{MAX_TENANTS, Tenants};
pub use web_origin::{OriginPattern, WebOrigins};

use reader::{Field, Table, read_document};
use route::{RouteEntry, RouteTerms};
use url::Origin;

use crate::route::pattern::RoutePattern;
use crate::route::table::RouteTable;

/// Maximum length of a token in bytes, unless the policy says otherwise.
const DEFAULT_MAX_TOKEN_BYTES: usize = 8192;

/// A valid policy.
#[derive(Debug)]
pub struct Policy {
    /// The issuers, in the order of the document.
    pub issuers: Vec<Rc<Issuer>>,
    /// The routes, in the order of the document.
    pub routes: Vec<Route>,
    /// The same routes, arranged for matching.
    pub table: RouteTable,
    /// What the gate tells the origin about the caller.
    pub identity: Identity,
    /// Which pages of other origins may use the routes without `cors` of their own, and read refusals without a route.
    pub cors: Option<Rc<Cors>>,
    /// The resources whose metadata the gate serves.
    pub resources: Vec<Resource>,
    /// Maximum length of a token in bytes. A longer one is refused before it is decoded.
    pub max_token_bytes: usize,
    /// Whether a path is refused that would match another route if the case of ASCII letters were ignored.
    pub refuses_case_variants: bool,
    /// What operators are told of decisions.
    pub log: Log,
    /// What a token must be to read the status of the gate; `None` if nobody may.
    pub status: Option<Requirement>,
    /// How tokens are revoked; `None` if they are not.
    pub revocation: Option<Revocation>,
}

impl Policy {
    /// Reads a policy document in JSON.
    ///
    /// # Errors
    /// All errors, each with its place.
    pub fn parse(text: &str) -> Result<Self, Vec<PolicyError>> {
        read_document(text, "a policy document", Self::read)
    }

    /// Whether any route keeps encoded slashes.
    #[must_use]
    pub fn keeps_encoded_slashes(&self) -> bool {
        self.routes.iter().any(|route| route.keeps_encoded_slashes)
    }

    /// Whether responses depend on the page origin of the request.
    #[must_use]
    pub fn depends_on_page_origin(&self) -> bool {
        let has_documents = !self.resources.is_empty() || self.identity.assertion.is_some();
        self.cors.is_some() || has_documents || self.routes.iter().any(|route| route.cors.is_some())
    }

    fn read(document: &Table<'_>) -> Option<Self> {
        if let Some(version) = document.required("version") {
            version.integer::<u64>(1..=1);
        }
        let origin_field = document.field("origin");
        let origin = origin_field.as_ref().and_then(|field| field.read(Origin::parse));
        let issuers = document.or("issuers", Vec::new(), issuer::read_all);
        let identity_field = document.field("identity");
        let identity = identity_field.as_ref().map_or_else(|| Some(Identity::default()), Identity::read);
        let cors = document.optional("cors", |field| Cors::read(field).map(Rc::new));
        let unlinked = document.or("resources", Vec::new(), resource::read_all);
        let max_token_bytes = document.or("limits", DEFAULT_MAX_TOKEN_BYTES, read_limits);
        let refuses_case_variants = document.or("paths", true, read_paths);
        let log = document.or("log", Log::default(), Log::read);
        let status = document.optional("status", |field| Requirement::read_own(field, issuers.as_deref()));
        let revocation = document.optional("revocation", |field| Revocation::read(field, issuers.as_deref()));
        let defaults = action::Defaults {
            issuers: issuers.as_deref(),
            origin: origin.as_ref(),
            origin_field: origin_field.as_ref(),
            sends_secret: identity_field.is_some_and(|field| field.member("secret").is_some()),
            cors: cors.as_ref().and_then(Option::as_ref),
            identity_prefix: identity.as_ref().map_or(identity::DEFAULT_PREFIX, |identity| &identity.prefix),
        };
        let entries =
            document.required("routes").and_then(|field| field.list(|field| Some(RouteEntry::read(field, &defaults))));
        document.refuse_unknown_keys();

        let entries = entries?;
        let is_set = matches!(status, Some(Some(_))) || matches!(revocation, Some(Some(_)));
        let takes_tokens = is_set || entries.iter().any(|entry| entry.takes_tokens);
        if issuers.as_ref().is_some_and(Vec::is_empty) && takes_tokens {
            document.fail("issuers", "expected at least one issuer, since tokens are accepted");
        }
        let table = arrange(&entries);
        let (patterns, terms): (Vec<_>, Vec<_>) = entries.into_iter().map(|entry| (entry.pattern, entry.terms)).unzip();
        let terms: Vec<RouteTerms> = terms.into_iter().collect::<Option<_>>()?;
        let issuers: Vec<Rc<Issuer>> =
            issuers?.into_iter().map(|(_, issuer)| issuer.map(Rc::new)).collect::<Option<_>>()?;
        let unlinked = unlinked?;
        let requirements: Vec<&Requirement> = terms.iter().filter_map(RouteTerms::requirement).collect();
        // The resources are checked even if a pattern is wrong.
        let resources = resource::join(&unlinked, &requirements, &issuers);
        let route = |(terms, pattern): (RouteTerms, Option<RoutePattern>)| {
            let resource = terms.requirement().and_then(|own| resource::index_for(own, &unlinked));
            Some(terms.with(pattern?, resource))
        };
        let routes = terms.into_iter().zip(patterns).map(route).collect::<Option<_>>()?;
        Some(Self {
            issuers,
            routes,
            table,
            identity: identity?,
            cors: cors?,
            resources: resources?,
            max_token_bytes: max_token_bytes?,
            refuses_case_variants: refuses_case_variants?,
            log: log?,
            status: status?,
            revocation: revocation?,
        })
    }
}

fn read_limits(field: &Field<'_>) -> Option<usize> {
    let limits = field.table()?;
    let max_token_bytes = limits.or("max_token_bytes", DEFAULT_MAX_TOKEN_BYTES, |field| field.integer(256..=65_536));
    limits.refuse_unknown_keys();
    max_token_bytes
}

/// The value of [`Policy::refuses_case_variants`].
fn read_paths(field: &Field<'_>) -> Option<bool> {
    let paths = field.table()?;
    let refuses = paths.or("case", true, |field| field.one_of(&[("refuse", true), ("exact", false)]));
    paths.refuse_unknown_keys();
    refuses
}

fn arrange(entries: &[RouteEntry<'_>]) -> RouteTable {
    let mut table = RouteTable::default();
    for (index, entry) in entries.iter().enumerate() {
        let Some(pattern) = &entry.pattern else { continue };
        for conflict in table.insert(index, pattern) {
            let Some(other) = entries.get(conflict.with) else { continue };
            let message = format!("claims the same host, method and path as {}", other.field.place());
            entry.field.fail_beside(message, &other.field);
        }
    }
    table
}
