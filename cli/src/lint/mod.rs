//! Finds what is valid in a policy, but probably a mistake.

mod configuration;
mod issuers;
mod linter;
mod matcher;
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
mod shadow;
mod strictness;
mod worker;

use portcullis::policy::Policy;

use crate::document::{ParsedSource, SourceValue};
use crate::finding::Finding;
use crate::policy::ExaminedPolicy;
use linter::Linter;
use matcher::RouteMatcher;

pub(crate) use issuers::logto_issuer;

/// The findings about a valid policy. `value` is what it was read from.
pub(crate) fn policy(policy: &Policy, value: &SourceValue) -> Vec<Finding> {
    let mut lint = Linter { policy, value, findings: Vec::new() };
    let matchers: Vec<RouteMatcher> = lint.policy.routes.iter().map(RouteMatcher::of).collect();
    issuers::lint(&mut lint);
    origins::lint(&mut lint);
    routes::lint(&mut lint);
    shadow::lint(&mut lint);
    organizations::lint(&mut lint);
    paths::lint(&mut lint, &matchers);
    roots::lint(&mut lint, &matchers);
    methods::lint(&mut lint, &matchers);
    own::lint(&mut lint, &matchers);
    pages::lint(&mut lint);
    passthrough::lint(&mut lint);
    openings::lint(&mut lint, &matchers);
    names::lint(&mut lint);
    lint.findings
}

/// The findings about the configuration of a Worker, if the document is one.
pub(crate) fn worker(document: &ParsedSource, examined: &[ExaminedPolicy<'_>]) -> Vec<Finding> {
    [worker::lint(document, examined), configuration::lint(document, examined)].concat()
}
