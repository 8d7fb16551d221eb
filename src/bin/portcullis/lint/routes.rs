//! Routes whose checks do less than they seem to.

use portcullis::policy::url::Origin;
use portcullis::policy::{Access, Audience, Organization, Requirement, Route, Step};
use portcullis::route::pattern::PathPattern;

use super::{AUDIENCE_UNCHECKED, HTTP_ORIGIN, Lint, OPTIONAL_CHECKS, ORGANIZATION_UNUSED, QUERY_IN_PATH, route_key};
use crate::document::Value;

/// Names of captures that say whose data a path is about.
const ORGANIZATION_NAMES: [&str; 6] = ["org", "org_id", "organization", "organization_id", "tenant", "tenant_id"];

pub(super) fn lint(lint: &mut Lint<'_>) {
    let (policy, written) = (lint.policy, lint.routes());
    let forwards = |route: &Route| !matches!(route.access, Access::Deny);
    let inherits = |(route, written): (&Route, &Value)| forwards(route) && written.get("origin").is_none();
    if is_clear(lint.value) && policy.routes.iter().zip(written).any(inherits) {
        http_origin(lint, &[Step::Key("origin")]);
    }
    for (index, (route, written)) in policy.routes.iter().zip(written).enumerate() {
        if is_clear(written) && forwards(route) {
            http_origin(lint, &route_key(index, "origin"));
        }
        path(lint, index, written);
        if let Some(requirement) = route.access.requirement() {
            audience(lint, index, requirement);
            organization(lint, index, requirement, written);
        }
        if let Access::Optional(requirement) = &route.access {
            optional(lint, index, requirement);
        }
    }
}

/// Whether requests leave the gate without TLS for the origin of this table, and not for the same machine.
fn is_clear(table: &Value) -> bool {
    let origin = table.get("origin").and_then(Value::as_str).map(Origin::parse);
    let Some(Ok(Origin::Url { root, .. })) = origin else { return false };
    root.starts_with("http://") && portcullis::policy::url::check_key_url(&root).is_err()
}

fn http_origin(lint: &mut Lint<'_>, place: &[Step<&str>]) {
    let message =
        "requests go to this origin without TLS: whoever is in between sees and changes tokens and identities";
    lint.note(&HTTP_ORIGIN, place, message);
}

fn path(lint: &mut Lint<'_>, index: usize, written: &Value) {
    let path = written.get("path").and_then(Value::as_str).unwrap_or_default();
    if path.contains(['?', '#']) {
        let message = "no query and no fragment is part of a path; only an encoded \"?\" or \"#\" would match";
        lint.note(&QUERY_IN_PATH, &route_key(index, "path"), message).help("templates read the query: `{query.name}`");
    }
}

fn audience(lint: &mut Lint<'_>, index: usize, requirement: &Requirement) {
    if requirement.audience == Audience::Unchecked {
        let message = "every token of these issuers is taken, also those that were made for other services";
        lint.note(&AUDIENCE_UNCHECKED, &route_key(index, "audience"), message);
    }
}

/// A path that names an organization, and no check that compares it with anything.
fn organization(lint: &mut Lint<'_>, index: usize, requirement: &Requirement, written: &Value) {
    let path = written.get("path").and_then(Value::as_str).unwrap_or_default();
    let Ok(pattern) = PathPattern::parse(path) else { return };
    let checks = ["audience", "organization", "claims"].map(|key| written.get(key));
    let checks = checks.map(|check| check.map(|check| serde_json::to_string(check).unwrap_or_default()));
    let is_used = |name: &str| checks.iter().flatten().any(|check| check.contains(&format!("{{{name}}}")));
    let unused = pattern.names().find(|name| ORGANIZATION_NAMES.contains(name) && !is_used(name));
    if let Some(name) = unused {
        let message = format!("{{{name}}} is compared with nothing: a token opens the data of every {name}");
        let finding = lint.note(&ORGANIZATION_UNUSED, &route_key(index, "path"), message);
        let help = match requirement.organization {
            Organization::Equals(_) => "compare it in `organization` or `audience`".to_owned(),
            _ => format!("`organization = \"{{{name}}}\"`, or `audience = \"urn:logto:organization:{{{name}}}\"`"),
        };
        finding.help(help);
    }
}

fn optional(lint: &mut Lint<'_>, index: usize, requirement: &Requirement) {
    let scopes = &requirement.scopes;
    let key = match (scopes.all.is_empty() && scopes.any.is_empty(), requirement.claims.is_empty()) {
        (false, _) => "scopes",
        (true, false) => "claims",
        (true, true) => return,
    };
    let message = "callers without a token pass, so this keeps out only those who send one";
    lint.note(&OPTIONAL_CHECKS, &route_key(index, key), message).help("`access = \"token\"` asks everyone");
}
