//! Routes at the root of a `{*rest}` that require less than the tree. Open routes are covered by `openings`.

use std::collections::{BTreeSet, HashMap};

use portcullis::route::pattern::{PathPattern, RoutePattern};

use super::linter::{Linter, route};
use super::matcher::RouteMatcher;
use super::strictness::is_less_strict;
use crate::finding::rule::ROOT_OPENING;

pub(super) fn lint(lint: &mut Linter<'_>, matchers: &[RouteMatcher]) {
    let mut trees: HashMap<String, Vec<usize>> = HashMap::new();
    for (index, matcher) in matchers.iter().enumerate().filter(|(_, matcher)| matcher.path.rest.is_some()) {
        for place in root_of(matcher).places() {
            trees.entry(place).or_default().push(index);
        }
    }
    let route_at = |index: usize| lint.policy.routes.get(index);
    let mut found = BTreeSet::new();
    for (index, matcher) in matchers.iter().enumerate().filter(|(_, matcher)| matcher.path.rest.is_none()) {
        let Some(own) = route_at(index).filter(|route| !route.access().is_open()) else { continue };
        let places = matcher.places();
        let below = places.iter().filter_map(|place| trees.get(place)).flatten().copied();
        let is_stricter = |other: &usize| {
            let shares_method = matchers.get(*other).is_some_and(|tree| tree.shares_method(matcher));
            shares_method && route_at(*other).is_some_and(|other| is_less_strict(own, other))
        };
        found.extend(below.filter(is_stricter).min().map(|other| (index, other)));
    }
    for (index, other) in found {
        let message = format!("requires less than routes[{other}], whose root it is");
        lint.note_beside(&ROOT_OPENING, &route(index), message, &route(other));
    }
}

/// The path before a `{*rest}`.
fn root_of(tree: &RouteMatcher) -> RouteMatcher {
    let path = PathPattern { segments: tree.path.segments.clone(), rest: None };
    RouteMatcher(RoutePattern { path, hosts: tree.hosts.clone(), methods: tree.methods.clone() })
}
