//! Unknown methods, routes that no method reaches, and methods that a stricter route leaves to a less strict one.

use std::collections::{BTreeMap, HashMap};

use portcullis::policy::PlaceStep;
use portcullis::route::method::USUAL;

use super::linter::{Linter, route, route_key};
use super::matcher::RouteMatcher;
use super::strictness::is_less_strict;
use crate::finding::rule::{METHOD_OPENING, UNKNOWN_METHOD, UNREACHABLE};
use crate::spelling::nearest;

/// The other registered methods (RFC 9110 §16.1), and `PURGE`, which caches accept.
const OTHERS: [&str; 31] = [
    "ACL",
    "BASELINE-CONTROL",
    "BIND",
    "CHECKIN",
    "CHECKOUT",
    "COPY",
    "LABEL",
    "LINK",
    "LOCK",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MKREDIRECTREF",
    "MKWORKSPACE",
    "MOVE",
    "ORDERPATCH",
    "PROPFIND",
    "PROPPATCH",
    "PURGE",
    "QUERY",
    "REBIND",
    "REPORT",
    "SEARCH",
    "UNBIND",
    "UNCHECKOUT",
    "UNLINK",
    "UNLOCK",
    "UPDATE",
    "UPDATEREDIRECTREF",
    "VERSION-CONTROL",
];

/// The unsafe methods among the usual ones (RFC 9110 §9.2.1).
const UNSAFE: [&str; 4] = ["POST", "PUT", "PATCH", "DELETE"];

pub(super) fn lint(lint: &mut Linter<'_>, matchers: &[RouteMatcher]) {
    for (index, written) in lint.routes().iter().enumerate() {
        for (position, method) in written.texts("methods").into_iter().enumerate() {
            if !USUAL.contains(&method) && !OTHERS.contains(&method) {
                let [list, at, key] = route_key(index, "methods");
                let message = format!("{method} is not a registered HTTP method");
                let finding = lint.note(&UNKNOWN_METHOD, &[list, at, key, PlaceStep::Index(position)], message);
                if let Some(meant) = nearest(method, USUAL) {
                    finding.suggest(meant);
                }
            }
        }
    }
    left_without_methods(lint);
    left_open(lint, matchers);
}

/// Routes for all methods whose places have other routes for each usual method, so that nothing is left for them.
fn left_without_methods(lint: &mut Linter<'_>) {
    let mut is_left: HashMap<usize, bool> = HashMap::new();
    for row in lint.policy.table.list() {
        if row.methods.is_none() {
            let has_none = USUAL.iter().all(|method| row.named_here.contains(method));
            is_left.entry(row.route).and_modify(|left| *left &= has_none).or_insert(has_none);
        }
    }
    let mut routes: Vec<usize> = is_left.into_iter().filter_map(|(index, left)| left.then_some(index)).collect();
    routes.sort_unstable();
    for index in routes {
        lint.note(
            &UNREACHABLE,
            &route(index),
            "no method is left for this route: other routes for this path list them all",
        );
    }
}

/// A route that takes the methods that a stricter one with the same place does not list.
struct MethodOpening<'m> {
    route: usize,
    stricter: usize,
    /// The methods that it takes.
    left: Vec<&'m str>,
    /// The methods of the stricter route.
    guarded: Vec<&'m str>,
}

/// Routes for methods that a stricter one with the same place does not list, or for HEAD, which is GET without the
/// content (RFC 9110 §9.3.2). Other methods that a route lists are intended, such as OPTIONS for preflights.
fn left_open(lint: &mut Linter<'_>, matchers: &[RouteMatcher]) {
    let mut by_place: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, matcher) in matchers.iter().enumerate() {
        for place in matcher.places() {
            by_place.entry(place).or_default().push(index);
        }
    }
    let mut openings: BTreeMap<usize, MethodOpening<'_>> = BTreeMap::new();
    for routes in by_place.values().filter(|routes| routes.len() > 1) {
        let methods: Vec<(usize, Vec<&str>)> = routes.iter().map(|index| (*index, methods(matchers, *index))).collect();
        for opening in
            methods.iter().flat_map(|own| methods.iter().filter_map(|other| opening(lint, own, other, &methods)))
        {
            openings.entry(opening.route).or_insert(opening);
        }
    }
    for MethodOpening { route: index, stricter, left, guarded } in openings.into_values() {
        let [left, guarded] = [left, guarded].map(|methods| methods.join(", "));
        let message = format!("takes {left}, and requires less than routes[{stricter}] requires for {guarded}");
        let finding = lint.note_beside(&METHOD_OPENING, &route(index), message, &route(stricter));
        finding.help(if left == "HEAD" {
            "origins answer HEAD like GET, without the content"
        } else {
            "list its methods: one that no route for the path takes is refused"
        });
    }
}

fn methods(matchers: &[RouteMatcher], index: usize) -> Vec<&str> {
    let matcher = matchers.get(index);
    matcher.into_iter().flat_map(|matcher| &matcher.methods).map(String::as_str).collect()
}

/// What one of the routes with a place leaves to another. `all` are these routes; a route without methods takes those
/// that no other lists.
fn opening<'m>(
    lint: &Linter<'_>,
    (route, own): &(usize, Vec<&'m str>),
    (stricter, others): &(usize, Vec<&'m str>),
    all: &[(usize, Vec<&'m str>)],
) -> Option<MethodOpening<'m>> {
    let [one, other] = [route, stricter].map(|index| lint.policy.routes.get(*index));
    let (one, other) = (one?, other?);
    if !is_less_strict(one, other) {
        return None;
    }
    let found = |left, guarded| Some(MethodOpening { route: *route, stricter: *stricter, left, guarded });
    let is_open = one.access().is_open();
    let is_named = |method| all.iter().any(|(_, methods)| methods.contains(&method));
    if is_open && own.contains(&"HEAD") && (others.contains(&"GET") || (others.is_empty() && !is_named("GET"))) {
        return found(vec!["HEAD"], vec!["GET"]);
    }
    // Denying one method and requiring a token for all others is intended. Protecting GET or one unsafe method, and
    // requiring less for other unsafe methods, is not.
    let guards = others.contains(&"GET") || others.iter().any(|method| UNSAFE.contains(method));
    let is_odd = guards && (is_open || other.forwarding().is_some());
    let left: Vec<&str> = UNSAFE.into_iter().filter(|method| !is_named(method)).collect();
    (own.is_empty() && is_odd && !left.is_empty()).then(|| found(left, others.clone()))?
}
