//! Routes that are only tried.

use super::linter::{Linter, route_key};
use crate::finding::rule::NOT_ENFORCED;

pub(super) fn lint(lint: &mut Linter<'_>) {
    for (index, route) in lint.policy.routes.iter().enumerate().filter(|(_, route)| !route.is_enforced) {
        let message = format!("{} forwards every request, also those that it would refuse", route.name);
        lint.note(&NOT_ENFORCED, &route_key(index, "enforce"), message)
            .help("remove `enforce = false` once the log of decisions shows no refusal that you did not mean");
    }
}
