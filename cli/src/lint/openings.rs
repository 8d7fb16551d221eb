//! Open routes (public or optional) that let requests through which a stricter route would otherwise take, or no route
//! would. Paths are compared as a case-insensitive origin compares them.

use std::collections::{BTreeSet, HashSet};

use portcullis::policy::{AccessKind, Place};
use portcullis::route::method::USUAL;
use portcullis::route::path::RequestPath;
use portcullis::route::pattern::PatternSegment;
use portcullis::route::table::RouteTable;

use super::linter::{Linter, route, route_key};
use super::matcher::RouteMatcher;
use crate::finding::rule::{DENY_OPENED, METHOD_OPENING, PUBLIC_ALONE, PUBLIC_OPENING, SIMILAR_PATH, UNREACHABLE};

/// Names of health checks, of Kubernetes, load balancers and frameworks.
const HEALTH_CHECKS: [&str; 16] = [
    "_health",
    "alive",
    "health",
    "health-check",
    "healthcheck",
    "healthy",
    "healthz",
    "heartbeat",
    "live",
    "liveness",
    "livez",
    "ping",
    "ready",
    "readiness",
    "readyz",
    "status",
];

/// What would happen to an open route's requests without it.
enum Otherwise {
    /// These stricter routes with other places would take some of them.
    Taken(BTreeSet<usize>),
    /// Only stricter routes with the same place would: the methods are separated on purpose.
    AsMeant,
    /// No stricter route would.
    Refused,
}

pub(super) fn lint(lint: &mut Linter<'_>, matchers: &[RouteMatcher]) {
    let has = |kind: &AccessKind| lint.policy.routes.iter().any(|route| route.access() == *kind);
    let kinds: Vec<AccessKind> = [AccessKind::Public, AccessKind::Optional].into_iter().filter(has).collect();
    if kinds.is_empty() {
        return;
    }
    let matchers: Vec<RouteMatcher> = matchers.iter().map(RouteMatcher::folded).collect();
    let named = matchers.iter().flat_map(|matcher| matcher.methods.iter().map(String::as_str));
    let methods: BTreeSet<&str> = named.chain(USUAL).collect();
    let unreachable = lint.places_of(&UNREACHABLE);
    let reported = &lint.places_of(&METHOD_OPENING) | &lint.places_of(&SIMILAR_PATH);
    let is_reached = |index| !unreachable.contains(&Place::at(&route_key(index, "path")).to_string());
    for kind in kinds {
        let openings = Openings::of(kind, lint, &matchers, &methods, &reported);
        let routes = lint.policy.routes.iter().zip(&matchers).enumerate();
        for (index, (route, matcher)) in routes.filter(|(index, _)| is_reached(*index)) {
            if route.access() == kind {
                openings.tell(lint, index, matcher);
            }
        }
    }
}

/// What open routes of a kind of access are compared with.
struct Openings<'l> {
    kind: AccessKind,
    matchers: &'l [RouteMatcher],
    /// The usual methods, and all that a route lists.
    methods: &'l BTreeSet<&'l str>,
    all: RouteTable,
    /// The routes with stricter access.
    stricter: RouteTable,
    /// What these match.
    protected: Vec<&'l RouteMatcher>,
    /// The places of routes with a finding about their own path already.
    reported: &'l HashSet<String>,
}

impl<'l> Openings<'l> {
    fn of(
        kind: AccessKind,
        lint: &Linter<'_>,
        matchers: &'l [RouteMatcher],
        methods: &'l BTreeSet<&'l str>,
        reported: &'l HashSet<String>,
    ) -> Self {
        let (mut all, mut stricter, mut protected) = (RouteTable::default(), RouteTable::default(), Vec::new());
        for (index, (route, matcher)) in lint.policy.routes.iter().zip(matchers).enumerate() {
            all.insert(index, matcher);
            if route.access() > kind {
                stricter.insert(index, matcher);
                protected.push(matcher);
            }
        }
        Self { kind, matchers, methods, all, stricter, protected, reported }
    }

    /// Reports the most serious effect of the route.
    fn tell(&self, lint: &mut Linter<'_>, index: usize, matcher: &RouteMatcher) {
        let taken = match self.without(index, matcher) {
            Otherwise::Taken(taken) => taken,
            Otherwise::AsMeant => return,
            Otherwise::Refused => return self.alone(lint, index),
        };
        let routes = &lint.policy.routes;
        let is = |other: &usize, kind| routes.get(*other).is_some_and(|route| route.access() == kind);
        let denying = taken.iter().find(|other| is(other, AccessKind::Deny));
        let asking = || taken.iter().find(|other| is(other, AccessKind::Token) && !self.is_exception(matcher, **other));
        let (rule, other, deed) = match (denying, asking()) {
            (Some(other), _) => (&DENY_OPENED, *other, "denies"),
            (None, Some(other)) => (&PUBLIC_OPENING, *other, "requires a token"),
            (None, None) => return,
        };
        let who = if self.kind == AccessKind::Public { "everyone" } else { "callers without a token" };
        let message = format!("lets {who} through where routes[{other}] {deed}");
        lint.note_beside(rule, &route(index), message, &route(other));
    }

    /// Whether it matches a single path within another route, which is an intended exception, unless that is the root
    /// of a `{*rest}`, which is easily overlooked.
    fn is_exception(&self, matcher: &RouteMatcher, other: usize) -> bool {
        let other = self.matchers.get(other);
        matcher.is_literal() && !other.is_some_and(|other| matcher.is_root_of(other))
    }

    fn alone(&self, lint: &mut Linter<'_>, index: usize) {
        let place = route(index);
        let is_probe = self.matchers.get(index).is_some_and(is_health_check);
        if self.kind == AccessKind::Public && !is_probe && !self.reported.contains(&Place::at(&place).to_string()) {
            let message = "is public and shadows no other route: without it these requests would be refused";
            lint.note(&PUBLIC_ALONE, &place, message);
        }
    }

    /// Tries example requests that this route takes, at all its hosts and with all its methods.
    fn without(&self, index: usize, matcher: &RouteMatcher) -> Otherwise {
        let (mut taken, mut is_meant) = (BTreeSet::new(), false);
        let mut paths: BTreeSet<String> = matcher.example_paths().into_iter().collect();
        if !matcher.is_literal() {
            // Another route may take only those of its paths that have certain literals.
            paths.extend(self.protected.iter().flat_map(|other| matcher.common_paths(other)));
        }
        let paths: Vec<RequestPath<'_>> = paths.iter().filter_map(|path| RequestPath::parse(path).ok()).collect();
        for (pattern, host) in matcher.example_hosts() {
            let place = matcher.place(pattern);
            for other in paths.iter().flat_map(|path| self.taken(index, &host, path)) {
                let other_matcher = self.matchers.get(other);
                if other_matcher.is_some_and(|other| other.places().contains(&place)) {
                    is_meant = true;
                } else {
                    taken.insert(other);
                }
            }
        }
        match (taken.is_empty(), is_meant) {
            (false, _) => Otherwise::Taken(taken),
            (true, true) => Otherwise::AsMeant,
            (true, false) => Otherwise::Refused,
        }
    }

    /// The stricter routes that would take the route's requests for this host and path.
    fn taken(&self, index: usize, host: &str, path: &RequestPath<'_>) -> BTreeSet<usize> {
        let (Some((here, _)), Some((others, _))) = (self.all.place(host, path), self.stricter.place(host, path)) else {
            return BTreeSet::new();
        };
        let own = self.methods.iter().filter(|method| here.find(method) == Some(index));
        own.filter_map(|method| others.find(method)).collect()
    }
}

/// Whether it only reads the usual path of a health check, or takes all methods of one at the root, such as `/healthz`
/// or `/-/healthy`: further down, the name may be that of something else.
fn is_health_check(matcher: &RouteMatcher) -> bool {
    let names = matcher.path.segments.iter().filter_map(|segment| match segment {
        PatternSegment::Literal(name) => Some(name.as_str()),
        PatternSegment::Capture(_) => None,
    });
    let names: Vec<&str> = names.collect();
    let is_usual = match names.as_slice() {
        [name] | ["-", name] => *name == "up" || HEALTH_CHECKS.contains(name),
        [.., name] => !matcher.methods.is_empty() && HEALTH_CHECKS.contains(name),
        [] => false,
    };
    is_usual && matcher.is_literal() && matcher.methods.iter().all(|method| method == "GET" || method == "HEAD")
}
