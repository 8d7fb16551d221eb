//! What is legal in a policy, but likely not meant.

mod issuers;
mod location;
mod methods;
mod names;
mod notation;
mod openings;
mod organizations;
mod origins;
mod own;
mod pages;
mod passthrough;
mod paths;
mod roots;
mod routes;
mod strictness;
mod worker;

use std::collections::HashSet;

use portcullis::policy::{Place, Policy, Step};

use crate::document::Value;
use crate::finding::{Finding, Severity, Subject};
use location::Location;

pub(crate) use worker::worker;

/// A kind of finding: its name, how bad it is, and what it says, for machines and for `--allow`.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) name: &'static str,
    pub(crate) severity: Severity,
    pub(crate) about: &'static str,
}

macro_rules! rules {
    ($($constant:ident = $severity:ident $name:literal $about:literal),* $(,)?) => {
        $(pub(crate) const $constant: Rule =
            Rule { name: $name, severity: Severity::$severity, about: $about };)*
        /// All of them.
        pub(crate) const RULES: &[&Rule] = &[$(&$constant),*];
    };
}

rules! {
    SYNTAX = Error "syntax" "A text that is not written as its syntax asks",
    POLICY = Error "policy" "A policy with which the gate would refuse every request",
    KEYS = Error "keys" "An issuer's keys that cannot be fetched or used",
    AUDIENCE_UNCHECKED = Warning "audience-unchecked" "A route takes tokens for any audience",
    CALLER_AUDIENCE = Warning "caller-audience" "The caller names the audience that its token is to have",
    CASE_OPENING = Note "case-opening" "A path in another case takes a less strict route",
    CORS_WIDE = Warning "cors-wide" "Pages of a whole top-level domain act with the caller's cookies",
    DENY_OPENED = Warning "deny-opened" "An open route lies within one that denies",
    ENVIRONMENT_WITHOUT_POLICY = Warning "environment-without-policy" "An environment inherits no policy",
    FOREIGN_PATTERN = Warning "foreign-pattern" "A segment in the notation of other routers, which matches only itself",
    HTTP_ORIGIN = Warning "http-origin" "Requests and identities go to the origin in the clear",
    HTTP_PAGE = Warning "http-page" "Pages that come in the clear may use a route",
    KEY_NOT_ALLOWED = Warning "key-not-allowed" "The policy allows no algorithm of a key",
    LONG_LEEWAY = Warning "long-leeway" "Expired tokens are taken for minutes",
    LOOPBACK_ORIGIN = Note "loopback-origin" "An origin that a deployed Worker does not reach",
    METHOD_OPENING = Warning "method-opening" "A less strict route takes methods that a stricter one leaves",
    NO_COOLDOWN = Warning "no-cooldown" "Each unknown key makes a fetch",
    NO_STALE_KEYS = Warning "no-stale-keys" "Tokens are refused as soon as the issuer is down",
    OPEN_PASSTHROUGH = Warning "open-passthrough" "Requests go to any host that the caller names",
    OPEN_SECRET = Warning "open-secret" "A secret that stands in the file",
    OPTIONAL_CHECKS = Warning "optional-checks" "Checks that callers avoid by sending no token",
    ORGANIZATION_ALTERNATIVE = Warning "organization-alternative" "Only some alternatives compare the organization in the path with the token's",
    ORGANIZATION_UNUSED = Warning "organization-unused" "The organization in the path is not compared with the token's",
    PUBLIC_ALONE = Note "public-alone" "A public route that shadows no other",
    PUBLIC_OPENING = Note "public-opening" "An open pattern or root within a route that takes tokens",
    QUERY_IN_PATH = Warning "query-in-path" "A path that no request has",
    ROOT_OPENING = Note "root-opening" "The root of a tree asks for less than the tree",
    SHARED_SUBJECTS = Note "shared-subjects" "Subjects of several issuers reach one origin",
    SIMILAR_AUDIENCE = Warning "similar-audience" "Audiences that differ by case or a slash only",
    SIMILAR_PATH = Warning "similar-path" "Paths that differ by case only",
    SIMILAR_SCOPE = Warning "similar-scope" "Scopes that differ by one letter or case only",
    TOO_LARGE = Warning "too-large" "Too large for a variable of a Worker",
    UNBOUND_SERVICE = Warning "unbound-service" "An origin is a service that is not bound",
    UNBOUND_STORE = Warning "unbound-store" "No KV namespace keeps the issuers' keys",
    UNKNOWN_METHOD = Warning "unknown-method" "A method that the registry of HTTP does not have",
    UNREACHABLE = Warning "unreachable" "A route that no request reaches",
    UNREACHABLE_ORIGIN = Warning "unreachable-origin" "An origin that Workers cannot reach",
    UNUSED_ISSUER = Warning "unused-issuer" "No route takes the issuer's tokens",
    WORKER_CACHE = Warning "worker-cache" "Cached answers come without the gate",
}

/// A policy, and what is noted of it.
pub(crate) struct Lint<'p> {
    policy: &'p Policy,
    value: &'p Value,
    findings: Vec<Finding>,
}

/// What is suspicious about a policy that is right. `value` is what it was read from.
pub(crate) fn policy(policy: &Policy, value: &Value) -> Vec<Finding> {
    let mut lint = Lint { policy, value, findings: Vec::new() };
    let locations: Vec<Option<Location>> = lint.routes().iter().map(Location::read).collect();
    issuers::lint(&mut lint);
    origins::lint(&mut lint);
    routes::lint(&mut lint);
    organizations::lint(&mut lint);
    paths::lint(&mut lint, &locations);
    roots::lint(&mut lint, &locations);
    methods::lint(&mut lint, &locations);
    own::lint(&mut lint);
    pages::lint(&mut lint);
    passthrough::lint(&mut lint);
    openings::lint(&mut lint, &locations);
    names::lint(&mut lint);
    lint.findings
}

impl<'p> Lint<'p> {
    fn note(&mut self, rule: &Rule, steps: &[Step<&str>], message: impl Into<String>) -> &mut Finding {
        let place = Place::at(steps);
        let span = Subject::Value.span(self.value, &place);
        self.findings.push(Finding { place, ..Finding::new(rule, span, message) });
        // It was pushed just now.
        let last = self.findings.len() - 1;
        #[expect(clippy::indexing_slicing, reason = "the list is not empty")]
        &mut self.findings[last]
    }

    /// The places of which this was said.
    fn said(&self, rule: &Rule) -> HashSet<String> {
        let said = self.findings.iter().filter(|finding| finding.rule == rule.name);
        said.map(|finding| finding.place.to_string()).collect()
    }

    /// The routes as they are written, in the order of the policy's.
    fn routes(&self) -> &'p [Value] {
        self.value.list("routes")
    }
}

/// The place of a route.
fn route(index: usize) -> [Step<&'static str>; 2] {
    [Step::Key("routes"), Step::Index(index)]
}

/// The place of a key of a route.
fn route_key(index: usize, key: &str) -> [Step<&str>; 3] {
    [Step::Key("routes"), Step::Index(index), Step::Key(key)]
}
