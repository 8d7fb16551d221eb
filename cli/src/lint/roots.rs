//! Routes at the root of a `{*rest}` that ask for less than what is below it. What open routes open is `openings`' matter.

use std::collections::{BTreeSet, HashMap};

use portcullis::policy::Place;
use portcullis::route::pattern::PathPattern;

use super::linter::{Lint, route};
use super::location::Location;
use super::strictness::{Strictness, asks_for_less};
use crate::finding::Subject;
use crate::finding::rule::ROOT_OPENING;

pub(super) fn lint(lint: &mut Lint<'_>, locations: &[Option<Location>]) {
    let mut trees: HashMap<String, Vec<usize>> = HashMap::new();
    for (index, location) in indexed(locations).filter(|(_, location)| location.path.rest.is_some()) {
        for place in root_of(location).places() {
            trees.entry(place).or_default().push(index);
        }
    }
    let access = |index: usize| lint.policy.routes.get(index).map(|route| &route.access);
    let mut found = BTreeSet::new();
    for (index, location) in indexed(locations).filter(|(_, location)| location.path.rest.is_none()) {
        let Some(own) = access(index).filter(|access| !Strictness::of(access).is_open()) else { continue };
        let places = location.places();
        let below = places.iter().filter_map(|place| trees.get(place)).flatten().copied();
        let is_stricter = |other: &usize| {
            let shares_method =
                locations.get(*other).and_then(Option::as_ref).is_some_and(|tree| tree.shares_method(location));
            shares_method && access(*other).is_some_and(|other| asks_for_less(own, other))
        };
        found.extend(below.filter(is_stricter).min().map(|other| (index, other)));
    }
    for (index, other) in found {
        let message = format!("asks for less than routes[{other}], whose path it is the root of");
        let related = Subject::Value.span(lint.value, &Place::at(&route(other)));
        lint.note(&ROOT_OPENING, &route(index), message).related = Some((related, format!("routes[{other}]")));
    }
}

fn indexed(locations: &[Option<Location>]) -> impl Iterator<Item = (usize, &Location)> {
    locations.iter().enumerate().filter_map(|(index, location)| Some((index, location.as_ref()?)))
}

/// What stands in front of a `{*rest}`.
fn root_of(tree: &Location) -> Location {
    let path = PathPattern { segments: tree.path.segments.clone(), rest: None };
    Location { path, hosts: tree.hosts.clone(), methods: tree.methods.clone() }
}
