//! What is legal in a policy, but likely not meant.

mod issuers;
mod linter;
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

use portcullis::policy::Policy;

use crate::document::Value;
use crate::finding::Finding;
use linter::Lint;
use location::Location;

pub(crate) use worker::worker;

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
