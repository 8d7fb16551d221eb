//! Token checks that restrict less than they seem to.

use portcullis::policy::{Access, Audience, PlaceStep, Requirement};

use super::linter::{Linter, route_key};
use crate::document::SourceValue;
use crate::finding::rule::{AUDIENCE_UNCHECKED, CALLER_AUDIENCE, OPTIONAL_CHECKS};

pub(super) fn lint(lint: &mut Linter<'_>) {
    for (index, (route, written)) in lint.policy.routes.iter().zip(lint.routes()).enumerate() {
        if let Some(requirement) = route.requirement() {
            audience(lint, index, requirement, written);
        }
        if let Some(Access::Optional(requirement)) = route.forwarding().map(|forwarding| &forwarding.access) {
            optional(lint, index, requirement);
        }
    }
}

fn audience(lint: &mut Linter<'_>, index: usize, requirement: &Requirement, written: &SourceValue) {
    let place = route_key(index, "audience");
    let templates = match &requirement.audience {
        Audience::Unchecked => {
            let message = "every token of these issuers is accepted, even if it was issued for another service";
            lint.note(&AUDIENCE_UNCHECKED, &place, message);
            return;
        }
        Audience::OneOf(templates) => templates,
    };
    let is_list = written.get("audience").is_some_and(|audience| !audience.items().is_empty());
    for (position, template) in templates.iter().enumerate() {
        if is_callers(template.leading_literal(), &template.to_string()) {
            let message = "the caller chooses the audience, so tokens that were issued for other services are accepted";
            let place: Vec<PlaceStep<&str>> =
                place.into_iter().chain(is_list.then_some(PlaceStep::Index(position))).collect();
            lint.note(&CALLER_AUDIENCE, &place, message)
                .help("begin with a literal, as in `urn:logto:organization:{header.x-org}`");
        }
    }
}

/// Whether a template begins with a value that the caller can choose freely. A scheme before it does not restrict the
/// value.
fn is_callers(leading: &str, template: &str) -> bool {
    let value = template.strip_prefix(leading).unwrap_or(template);
    let is_free = leading.is_empty() || leading.ends_with("://");
    is_free && ["{header.", "{query."].iter().any(|kind| value.starts_with(kind))
}

fn optional(lint: &mut Linter<'_>, index: usize, requirement: &Requirement) {
    let scopes = &requirement.scopes;
    let key = match (scopes.all.is_empty() && scopes.any.is_empty(), requirement.claims.is_empty()) {
        (false, _) => "scopes",
        (true, false) => "claims",
        (true, true) => return,
    };
    let message = "callers without a token pass, so this restricts only those who send one";
    lint.note(&OPTIONAL_CHECKS, &route_key(index, key), message)
        .help("`access = \"token\"` requires a token of everyone");
}
