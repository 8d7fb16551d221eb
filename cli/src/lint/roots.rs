//! Routes at the root of a `{*rest}` that require less than the tree. Open routes are covered by `openings`.

use std::collections::{BTreeSet, HashMap};

use portcullis::policy::Place;
use portcullis::route::pattern::PathPattern;

use super::linter::{Linter, route};
use super::matcher::RouteMatcher;
use super::strictness::{Strictness, asks_for_less};
use crate::finding::Highlight;
use crate::finding::rule::ROOT_OPENING;

pub(super) fn lint(lint: &mut Linter<'_>, matchers: &[Option<RouteMatcher>]) {
    let mut trees: HashMap<String, Vec<usize>> = HashMap::new();
    for (index, matcher) in indexed(matchers).filter(|(_, matcher)| matcher.path.rest.is_some()) {
        for place in root_of(matcher).places() {
            trees.entry(place).or_default().push(index);
        }
    }
    let access = |index: usize| lint.policy.routes.get(index).map(|route| &route.access);
    let mut found = BTreeSet::new();
    for (index, matcher) in indexed(matchers).filter(|(_, matcher)| matcher.path.rest.is_none()) {
        let Some(own) = access(index).filter(|access| !Strictness::of(access).is_open()) else { continue };
        let places = matcher.places();
        let below = places.iter().filter_map(|place| trees.get(place)).flatten().copied();
        let is_stricter = |other: &usize| {
            let shares_method =
                matchers.get(*other).and_then(Option::as_ref).is_some_and(|tree| tree.shares_method(matcher));
            shares_method && access(*other).is_some_and(|other| asks_for_less(own, other))
        };
        found.extend(below.filter(is_stricter).min().map(|other| (index, other)));
    }
    for (index, other) in found {
        let message = format!("requires less than routes[{other}], whose root it is");
        let related = Highlight::Value.span(lint.value, &Place::at(&route(other)));
        lint.note(&ROOT_OPENING, &route(index), message).related = Some((related, format!("routes[{other}]")));
    }
}

fn indexed(matchers: &[Option<RouteMatcher>]) -> impl Iterator<Item = (usize, &RouteMatcher)> {
    matchers.iter().enumerate().filter_map(|(index, matcher)| Some((index, matcher.as_ref()?)))
}

/// The path before a `{*rest}`.
fn root_of(tree: &RouteMatcher) -> RouteMatcher {
    let path = PathPattern { segments: tree.path.segments.clone(), rest: None };
    RouteMatcher { path, hosts: tree.hosts.clone(), methods: tree.methods.clone() }
}
