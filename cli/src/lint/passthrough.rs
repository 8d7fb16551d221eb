//! Requests that go to any host that the caller names.

use portcullis::policy::url::Origin;
use portcullis::policy::{PlaceStep, Route};

use super::linter::{Linter, route_key};
use crate::document::SourceValue;
use crate::finding::rule::OPEN_PASSTHROUGH;

/// With `identity.secret` such a policy is invalid; without it, this is a warning.
pub(super) fn lint(lint: &mut Linter<'_>) {
    let policy = lint.policy;
    let open = |(_, (route, written)): &(usize, (&Route, &SourceValue))| is_open(route, written);
    let open: Vec<_> = policy.routes.iter().zip(lint.routes()).enumerate().filter(open).collect();
    let (own, inherit): (Vec<_>, Vec<_>) =
        open.into_iter().partition(|(_, (_, written))| written.get("origin").is_some());
    let indices = |open: Vec<(usize, _)>| open.into_iter().map(|(index, _)| index).collect::<Vec<_>>();
    for index in indices(own) {
        note(lint, &route_key(index, "origin"), "the route");
    }
    if let [index, others @ ..] = indices(inherit).as_slice() {
        let others = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
        note(lint, &[PlaceStep::Key("origin")], &format!("routes[{index}]{others}"));
    }
}

/// Whether the route takes requests for any host and forwards them there.
fn is_open(route: &Route, written: &SourceValue) -> bool {
    let origin = route.forwarding().map(|forwarding| &forwarding.origin);
    origin == Some(&Origin::Passthrough) && written.get("hosts").is_none()
}

fn note(lint: &mut Linter<'_>, place: &[PlaceStep<&str>], which: &str) {
    let with = if lint.policy.identity.forward_token { "the token" } else { "the identity" };
    let message = format!("the request goes to any host that the caller names, and {with} with it");
    lint.note(&OPEN_PASSTHROUGH, place, message).help(format!("set `hosts` on {which}"));
}
