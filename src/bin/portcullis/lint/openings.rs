//! What public routes open: that which another route would protect, or that which none would let through.

use std::collections::BTreeSet;

use portcullis::policy::{Access, Place};
use portcullis::route::path::RequestPath;
use portcullis::route::table::RouteTable;

use super::location::Location;
use super::methods::USUAL;
use super::{DENY_OPENED, Lint, PUBLIC_ALONE, PUBLIC_OPENING, route, route_key};
use crate::finding::Subject;

/// What would become of a public route's requests if it were not there.
enum Otherwise {
    /// These routes of other places would take some of them.
    Taken(BTreeSet<usize>),
    /// Only routes of the same place would: its methods are told apart on purpose.
    AsMeant,
    /// No route would.
    Refused,
}

pub(super) fn lint(lint: &mut Lint<'_>) {
    let locations: Vec<Option<Location>> = lint.routes().iter().map(Location::read).collect();
    let named = locations.iter().flatten().flat_map(|location| location.methods.iter().map(String::as_str));
    let methods: BTreeSet<&str> = named.chain(USUAL).collect();
    let (mut others, mut protected) = (RouteTable::default(), Vec::new());
    for (index, (route, location)) in lint.policy.routes.iter().zip(&locations).enumerate() {
        if let (false, Some(location)) = (matches!(route.access, Access::Public), location) {
            others.insert(index, &location.hosts, &location.path, &location.methods);
            protected.push(location);
        }
    }
    let openings = Openings { locations: &locations, methods, table: &lint.policy.table, others, protected };
    let unreachable = lint.unreachable();
    for (index, (route, location)) in lint.policy.routes.iter().zip(&locations).enumerate() {
        let is_reached = || !unreachable.contains(&Place::at(&route_key(index, "path")).to_string());
        if let (Access::Public, Some(location)) = (&route.access, location)
            && is_reached()
        {
            tell(lint, index, location, &openings.without(index, location));
        }
    }
}

/// Says the gravest of what would become of the route's requests if it were not there.
fn tell(lint: &mut Lint<'_>, index: usize, location: &Location, otherwise: &Otherwise) {
    let taken = match otherwise {
        Otherwise::Taken(taken) => taken,
        Otherwise::AsMeant => return,
        Otherwise::Refused => {
            let message = "is public and shadows no other route: without it these requests would be refused";
            lint.note(&PUBLIC_ALONE, &route(index), message);
            return;
        }
    };
    let routes = &lint.policy.routes;
    let denies = |other: &usize| routes.get(*other).is_some_and(|route| matches!(route.access, Access::Deny));
    let denying = taken.iter().copied().find(denies);
    let Some(other) = denying.or_else(|| taken.first().copied()) else { return };
    let related = Subject::Value.span(lint.value, &Place::at(&route(other)));
    let finding = if denying.is_some() {
        lint.note(&DENY_OPENED, &route(index), format!("lets everyone through where routes[{other}] denies"))
    } else if location.is_literal() {
        // An exception for one path is meant.
        return;
    } else {
        let message = format!("lets everyone through where routes[{other}] asks for a token");
        lint.note(&PUBLIC_OPENING, &route(index), message)
    };
    finding.related = Some((related, format!("routes[{other}]")));
}

/// What public routes are compared with.
struct Openings<'p> {
    locations: &'p [Option<Location>],
    /// The usual methods, and all that some route names.
    methods: BTreeSet<&'p str>,
    table: &'p RouteTable,
    /// All routes that are not public.
    others: RouteTable,
    /// Where they are.
    protected: Vec<&'p Location>,
}

impl Openings<'_> {
    /// Tries examples of the requests that this route takes, at all its hosts and with all its methods.
    fn without(&self, index: usize, location: &Location) -> Otherwise {
        let (mut taken, mut is_meant) = (BTreeSet::new(), false);
        let mut paths: BTreeSet<String> = location.example_paths().into_iter().collect();
        if !location.is_literal() {
            // What another route takes of its paths may have more literals.
            paths.extend(self.protected.iter().filter_map(|other| location.common_path(other)));
        }
        let paths: Vec<RequestPath<'_>> = paths.iter().filter_map(|path| RequestPath::parse(path).ok()).collect();
        for (pattern, host) in location.example_hosts() {
            for other in paths.iter().flat_map(|path| self.taken(index, &host, path)) {
                let other_location = self.locations.get(other).and_then(Option::as_ref);
                if other_location.is_some_and(|other| location.shares_place(other, pattern)) {
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

    /// The other routes that would take the route's own requests at this place.
    fn taken(&self, index: usize, host: &str, path: &RequestPath<'_>) -> BTreeSet<usize> {
        let (Some((here, _)), Some((others, _))) = (self.table.place(host, path), self.others.place(host, path)) else {
            return BTreeSet::new();
        };
        let own = self.methods.iter().filter(|method| here.find(method) == Some(index));
        own.filter_map(|method| others.find(method)).collect()
    }
}
