//! The routes of one place of the table, by method.

use crate::route::method;

/// The index of a route in the policy's list.
pub type RouteIndex = usize;

/// The routes of one place, by method.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Methods {
    pub(super) named: Vec<(String, RouteIndex)>,
    pub(super) all: Option<RouteIndex>,
}

/// Another route already claims this (host, path, method).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The route that claimed it first.
    pub with: RouteIndex,
}

impl Methods {
    /// Claims these methods for a route, or all methods if the list is empty. Returns the routes that have them already.
    pub(super) fn claim(&mut self, route: RouteIndex, methods: &[String]) -> Vec<RouteIndex> {
        if methods.is_empty() {
            let owner = *self.all.get_or_insert(route);
            return if owner == route { Vec::new() } else { vec![owner] };
        }
        methods.iter().map(|method| self.claim_one(route, method)).filter(|owner| *owner != route).collect()
    }

    /// Claims a method for a route. Returns the route that has it.
    fn claim_one(&mut self, route: RouteIndex, method: &str) -> RouteIndex {
        if let Some((_, owner)) = self.named.iter().find(|(named, _)| named == method) {
            return *owner;
        }
        self.named.push((method.to_owned(), route));
        route
    }

    /// The route for this method; `None` if no route has it, or if the gate refuses it everywhere.
    #[must_use]
    pub fn find(&self, method: &str) -> Option<RouteIndex> {
        if method::is_refused(method) {
            return None;
        }
        let named = |method: &str| self.named.iter().find(|(named, _)| named == method).map(|(_, route)| *route);
        // RFC 9110 §9.3.2: HEAD is GET without the content, so a route for GET covers it unless one names HEAD.
        named(method).or_else(|| if method == "HEAD" { named("GET") } else { None }).or(self.all)
    }

    /// The routes.
    pub fn routes(&self) -> impl Iterator<Item = RouteIndex> {
        self.named.iter().map(|(_, route)| *route).chain(self.all)
    }

    /// The methods that routes name here, sorted, including `HEAD` if `GET` is named.
    #[must_use]
    pub fn named(&self) -> Vec<&str> {
        let mut methods: Vec<&str> = self.named.iter().map(|(method, _)| method.as_str()).collect();
        if methods.contains(&"GET") {
            methods.push("HEAD");
        }
        methods.sort_unstable();
        methods.dedup();
        methods
    }

    /// The methods for an `Allow` header (RFC 9110 §10.2.1), sorted: the named ones, and the common ones if a route
    /// accepts all.
    #[must_use]
    pub fn allow(&self) -> Vec<&str> {
        let mut methods = self.named();
        if self.all.is_some() {
            methods.extend(method::USUAL);
            methods.sort_unstable();
            methods.dedup();
        }
        methods
    }
}
