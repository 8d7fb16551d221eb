//! Paths that are not what they look like.

use std::collections::HashMap;

use portcullis::policy::{Place, Step};
use portcullis::route::path::RequestPath;

use super::location::{ANY, Location};
use super::methods::USUAL;
use super::strictness::{Strictness, asks_for_less};
use super::{CASE_OPENING, FOREIGN_PATTERN, Lint, QUERY_IN_PATH, SIMILAR_PATH, notation, route, route_key};
use crate::document::Value;
use crate::finding::Subject;

pub(super) fn lint(lint: &mut Lint<'_>, locations: &[Option<Location>]) {
    for (index, written) in lint.routes().iter().enumerate() {
        written_otherwise(lint, index, written.get("path").and_then(Value::as_str).unwrap_or_default());
    }
    let paths = lint.value.get("paths").and_then(|paths| paths.get("case"));
    let counts_case = paths.and_then(Value::as_str) == Some("exact");
    similar(lint, locations, counts_case);
    if counts_case {
        other_case(lint, locations);
    }
}

/// Notation of other routers, and parts of a URL that are no part of its path.
fn written_otherwise(lint: &mut Lint<'_>, index: usize, path: &str) {
    let place = route_key(index, "path");
    if let Some(notation::Foreign { segment, meant }) = notation::foreign(path) {
        let message = format!("{segment:?} is a literal, which only itself matches");
        lint.note(&FOREIGN_PATTERN, &place, message).help(meant.unwrap_or_else(|| {
            "captures are whole segments: `{name}` for one of them, `{*name}` at the end for the rest".to_owned()
        }));
    } else if path.contains(['?', '#']) {
        let message = "no query and no fragment is part of a path; only an encoded \"?\" or \"#\" would match";
        lint.note(&QUERY_IN_PATH, &place, message).help("templates read the query: `{query.name}`");
    }
}

/// Routes that spell a literal otherwise than a route of the same parent does.
fn similar(lint: &mut Lint<'_>, locations: &[Option<Location>], counts_case: bool) {
    let mut known: HashMap<String, (String, usize)> = HashMap::new();
    for (index, location) in locations.iter().enumerate() {
        let spellings = location.iter().flat_map(Location::literals_in_place);
        let other = spellings.fold(None, |found, spelling| {
            let (first, other) =
                known.entry(spelling.to_ascii_lowercase()).or_insert_with(|| (spelling.clone(), index)).clone();
            found.or_else(|| (first != spelling).then_some(other))
        });
        if let Some(other) = other {
            tell_similar(lint, index, other, counts_case);
        }
    }
}

fn tell_similar(lint: &mut Lint<'_>, index: usize, other: usize, counts_case: bool) {
    let [one, first] = [index, other].map(|index| lint.policy.routes.get(index));
    let (Some(one), Some(first)) = (one, first) else { return };
    let differ = asks_for_less(&one.access, &first.access) || asks_for_less(&first.access, &one.access);
    let consequence = match (counts_case, differ) {
        // A path that is to be taken in either case.
        (true, false) => return,
        (true, true) => "an origin that ignores case serves what one protects by the other",
        (false, _) => "requests that could be for both are refused",
    };
    let message = format!("differs from the path of routes[{other}] by case: {consequence}");
    let related = Subject::Value.span(lint.value, &Place::at(&route(other)));
    lint.note(&SIMILAR_PATH, &route_key(index, "path"), message).related = Some((related, format!("routes[{other}]")));
}

/// Says once that paths in another case have less strict routes, by the strictest route that is got around so.
fn other_case(lint: &mut Lint<'_>, locations: &[Option<Location>]) {
    let routes = lint.policy.routes.iter().zip(locations).enumerate();
    let around = routes.filter_map(|(index, (route, location))| {
        let (path, taken) = around(lint, index, location.as_ref()?)?;
        Some((index, Strictness::of(&route.access), path, taken))
    });
    let strictest = around.reduce(|best, next| if next.1 > best.1 { next } else { best });
    let Some((index, _, path, taken)) = strictest else { return };
    let path = path.replace(ANY, "…");
    let message = format!(
        "{path} takes routes[{taken}], which asks for less than routes[{index}]: an origin that ignores case reads it so"
    );
    let related = Subject::Value.span(lint.value, &Place::at(&route(index)));
    let finding = lint.note(&CASE_OPENING, &[Step::Key("paths"), Step::Key("case")], message);
    finding.related = Some((related, format!("routes[{index}]")));
    finding.help("leave it out, unless every origin tells paths apart by case");
}

/// A path of a route in another case that has a less strict route, and that route.
fn around(lint: &Lint<'_>, index: usize, location: &Location) -> Option<(String, usize)> {
    let own = lint.policy.routes.get(index)?;
    let methods: Vec<&str> = if location.methods.is_empty() {
        USUAL.to_vec()
    } else {
        location.methods.iter().map(String::as_str).collect()
    };
    let paths = location.paths_in_other_case();
    let less = |host: &str, path: &str| {
        let (here, _) = lint.policy.table.place(host, &RequestPath::parse(path).ok()?)?;
        let routes = methods.iter().filter_map(|method| here.find(method));
        let mut less = routes.filter(|other| {
            lint.policy.routes.get(*other).is_some_and(|other| asks_for_less(&other.access, &own.access))
        });
        less.next()
    };
    let hosts = location.example_hosts();
    let mut found = hosts.iter().flat_map(|(_, host)| paths.iter().map(move |path| (host, path)));
    found.find_map(|(host, path)| Some((path.clone(), less(host, path)?)))
}
