//! Paths that do not match what they seem to.

use std::collections::BTreeMap;

use portcullis::policy::template::Template;
use portcullis::policy::{PlaceStep, Route};
use portcullis::route::method::USUAL;
use portcullis::route::path::RequestPath;
use portcullis::route::pattern::PatternSegment;
use portcullis::route::table::RouteMatch;

use super::linter::{Linter, route, route_key};
use super::matcher::{ANY, RouteMatcher};
use super::notation;
use super::strictness::is_less_strict;
use crate::document::SourceValue;
use crate::finding::rule::{CAPTURED_SLASH, CASE_OPENING, FOREIGN_PATTERN, QUERY_IN_PATH, SIMILAR_PATH};

pub(super) fn lint(lint: &mut Linter<'_>, matchers: &[RouteMatcher]) {
    for (index, written) in lint.routes().iter().enumerate() {
        written_otherwise(lint, index, written.get("path").and_then(SourceValue::as_str).unwrap_or_default());
        captured_slash(lint, index);
    }
    similar(lint, matchers);
    if !lint.policy.refuses_case_variants {
        opened(lint, matchers);
    }
}

/// The notation of other routers, and parts of a URL that are not part of its path.
fn written_otherwise(lint: &mut Linter<'_>, index: usize, path: &str) {
    let place = route_key(index, "path");
    if let Some(notation::ForeignPattern { segment, meant }) = notation::foreign(path) {
        let message = format!("{segment:?} is a literal, and matches only itself");
        lint.note(&FOREIGN_PATTERN, &place, message).help(meant.unwrap_or_else(|| {
            "captures are whole segments: `{name}` for one of them, `{*name}` at the end for the rest".to_owned()
        }));
    } else if path.contains(['?', '#']) {
        let message = "a path has no query and no fragment: only an encoded \"?\" or \"#\" would match";
        lint.note(&QUERY_IN_PATH, &place, message).help("templates read the query: `{query.name}`");
    }
}

/// A route that keeps encoded slashes and checks captures in front of a rest: an origin that decodes the slash before it
/// routes finds the same route, with other captures.
fn captured_slash(lint: &mut Linter<'_>, index: usize) {
    let Some(route) = lint.policy.routes.get(index) else { return };
    let path = &route.pattern.path;
    let has_capture = path.segments.iter().any(|segment| matches!(segment, PatternSegment::Capture(_)));
    let is_checked = route.requirement().is_some_and(|requirement| requirement.templates().any(Template::reads_path));
    if route.keeps_encoded_slashes && path.rest.is_some() && has_capture && is_checked {
        let message = "the token is compared with what stands between the slashes as sent: an origin that decodes `%2F` \
                       before it routes reads `/a%2Fb/c` as `/a/b/c`, with other values";
        lint.note(&CAPTURED_SLASH, &route_key(index, "encoded_slashes"), message)
            .help("check captures on routes that do not keep encoded slashes, or be sure of how the origin routes");
    }
}

/// Routes whose paths differ only by case, where one requires less: the gate distinguishes them.
fn similar(lint: &mut Linter<'_>, matchers: &[RouteMatcher]) {
    let mut alike: BTreeMap<String, Vec<(String, usize, &RouteMatcher)>> = BTreeMap::new();
    for (index, matcher) in matchers.iter().enumerate() {
        for place in matcher.places() {
            alike.entry(place.to_ascii_lowercase()).or_default().push((place, index, matcher));
        }
    }
    let mut found: BTreeMap<usize, usize> = BTreeMap::new();
    for routes in alike.values().filter(|routes| routes.len() > 1) {
        for (place, index, matcher) in routes {
            let stricter = routes.iter().find(|(other_place, other, other_matcher)| {
                place != other_place && matcher.shares_method(other_matcher) && is_less(lint, *index, *other)
            });
            found.extend(stricter.map(|(_, other, _)| (*index, *other)));
        }
    }
    for (index, stricter) in found {
        let message = format!(
            "differs from the path of routes[{stricter}] only by case, and requires less: a case-insensitive origin treats both as one"
        );
        lint.note_beside(&SIMILAR_PATH, &route(index), message, &route(stricter));
    }
}

fn is_less(lint: &Linter<'_>, one: usize, other: usize) -> bool {
    let [one, other] = [one, other].map(|index| lint.policy.routes.get(index));
    one.zip(other).is_some_and(|(one, other)| is_less_strict(one, other))
}

/// A path, its route, and the stricter route that it would have if case were ignored.
struct CaseOpening {
    path: String,
    route: usize,
    stricter: usize,
}

/// Reports once that paths in different case match less strict routes, for the strictest route that is bypassed.
fn opened(lint: &mut Linter<'_>, matchers: &[RouteMatcher]) {
    let openings = matchers.iter().filter_map(|own| opening(lint, own));
    let strictness = |index: usize| lint.policy.routes.get(index).map(Route::access);
    let strictest =
        openings.reduce(|best, next| if strictness(next.stricter) > strictness(best.stricter) { next } else { best });
    let Some(CaseOpening { path, route: less, stricter }) = strictest else { return };
    let path = path.replace(ANY, "…");
    let message = format!(
        "{path} takes routes[{less}], which requires less than routes[{stricter}]: a case-insensitive origin treats it as a path of the latter"
    );
    let setting = [PlaceStep::Key("paths"), PlaceStep::Key("case")];
    let finding = lint.note_beside(&CASE_OPENING, &setting, message, &route(stricter));
    finding.help("remove it, unless every origin is case-sensitive");
}

/// An example path in different case that has a less strict route. All hosts and methods are tried.
fn opening(lint: &Linter<'_>, matcher: &RouteMatcher) -> Option<CaseOpening> {
    let table = &lint.policy.table;
    let methods: Vec<&str> = match matcher.methods.as_slice() {
        [] => USUAL.to_vec(),
        methods => methods.iter().map(String::as_str).collect(),
    };
    let hosts = matcher.example_hosts();
    let less = |text: &str| {
        let path = RequestPath::parse(text).ok()?;
        let mut requests = hosts.iter().flat_map(|(_, host)| methods.iter().map(move |method| (host, method)));
        requests.find_map(|(host, method)| {
            let RouteMatch::Route(route, _) = table.find(host, &path, method) else { return None };
            let RouteMatch::Route(stricter, _) = table.find_ignoring_case(host, &path, method, route)? else {
                return None;
            };
            is_less(lint, route, stricter).then(|| CaseOpening { path: text.to_owned(), route, stricter })
        })
    };
    matcher.paths_in_other_case().iter().find_map(|path| less(path))
}
