//! The table itself: a tree of paths for each host.

use hashbrown::HashMap;

use super::case;
use super::methods::{Conflict, Methods, RouteIndex};
use super::node::{Captor, Node, has_upper_case};
use crate::route::path::RequestPath;
use crate::route::pattern::{HostPattern, RoutePattern};

/// All routes, arranged for matching.
#[derive(Debug, Default)]
pub struct RouteTable {
    pub(super) exact: HashMap<String, Node>,
    pub(super) label: HashMap<String, Node>,
    pub(super) any: Node,
    /// Whether any literal has an upper-case letter.
    has_upper_case: bool,
}

/// What a host, a path and a method match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteMatch<'t> {
    /// The request matches this route.
    Route(RouteIndex, Captures),
    /// The path has routes, but none for this method.
    MethodNotAllowed(&'t Methods),
    /// No route has this path.
    NoRoute,
}

/// The decoded values that a matched pattern captured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captures {
    /// The captures of the path, in the order of [`PathPattern::names`].
    pub path: Vec<String>,
    /// The label that a `{name}.host` pattern captured.
    pub host_label: Option<String>,
}

impl RouteTable {
    /// Inserts a route at each of its places.
    ///
    /// Returns the conflicts with routes that were inserted before. The route still gets all its other places.
    pub fn insert(&mut self, route: RouteIndex, pattern: &RoutePattern) -> Vec<Conflict> {
        let RoutePattern { hosts, path, methods } = pattern;
        self.has_upper_case |= path.literals().any(has_upper_case);
        let mut owners = if hosts.is_empty() { self.any.place(path).claim(route, methods) } else { Vec::new() };
        for host in hosts {
            let root = match host {
                HostPattern::Exact(host) => self.exact.entry(host.clone()).or_default(),
                HostPattern::Label { suffix, .. } => self.label.entry(suffix.clone()).or_default(),
            };
            owners.extend(root.place(path).claim(route, methods));
        }
        owners.sort_unstable();
        owners.dedup();
        owners.into_iter().map(|with| Conflict { with }).collect()
    }

    /// Finds the route of a request. `host` is in lower case, without port and trailing dot.
    #[must_use]
    pub fn find(&self, host: &str, path: &RequestPath<'_>, method: &str) -> RouteMatch<'_> {
        let Some((methods, captures)) = self.place(host, path) else { return RouteMatch::NoRoute };
        match methods.find(method) {
            Some(route) => RouteMatch::Route(route, captures),
            None => RouteMatch::MethodNotAllowed(methods),
        }
    }

    /// What the request of the route `found` would match if the case of ASCII letters in its path were ignored, as some
    /// origins do; `None` if that is the same route.
    #[must_use]
    pub fn find_ignoring_case(
        &self,
        host: &str,
        path: &RequestPath<'_>,
        method: &str,
        found: RouteIndex,
    ) -> Option<RouteMatch<'_>> {
        // Without upper-case letters on either side, case makes no difference.
        if !self.has_upper_case && !path.segments().any(has_upper_case) {
            return None;
        }
        let (methods, label, captured) = self.search(host, |root, captor| case::find(&[root], path, 0, captor))?;
        match methods.find(method) {
            Some(route) if route == found => None,
            Some(route) => Some(RouteMatch::Route(route, captures(label, captured))),
            None => Some(RouteMatch::MethodNotAllowed(methods)),
        }
    }

    /// The route that [`RouteTable::find`] would find, without what it captures.
    #[must_use]
    pub fn find_route(&self, host: &str, path: &RequestPath<'_>, method: &str) -> Option<RouteIndex> {
        let (methods, ..) = self.search::<()>(host, |root, captor| root.find(path, 0, captor))?;
        methods.find(method)
    }

    /// Finds the place of a request, whatever its method.
    #[must_use]
    pub fn place(&self, host: &str, path: &RequestPath<'_>) -> Option<(&Methods, Captures)> {
        let (methods, label, captured) = self.search(host, |root, captor| root.find(path, 0, captor))?;
        Some((methods, captures(label, captured)))
    }

    /// Searches the host groups, one after the other; gives the label that the host's pattern captured, too.
    fn search<'t, 'h, C: Captor + Default>(
        &'t self,
        host: &'h str,
        find: impl Fn(&'t Node, &mut C) -> Option<&'t Methods>,
    ) -> Option<(&'t Methods, Option<&'h str>, C)> {
        let (label, suffix) = if self.label.is_empty() {
            (None, None)
        } else {
            host.split_once('.').filter(|(label, _)| !label.is_empty()).unzip()
        };
        let groups = [
            (self.exact.get(host), None),
            (suffix.and_then(|suffix| self.label.get(suffix)), label),
            (Some(&self.any), None),
        ];
        groups.into_iter().find_map(|(root, label)| {
            let mut captor = C::default();
            let methods = find(root?, &mut captor)?;
            Some((methods, label, captor))
        })
    }
}

fn captures(label: Option<&str>, path: Vec<String>) -> Captures {
    Captures { path, host_label: label.map(str::to_owned) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::pattern::PathPattern;

    /// Hosts, path and methods of a route.
    type Claim<'c> = (&'c [&'c str], &'c str, &'c [&'c str]);

    /// A table of routes, by index.
    fn table(routes: &[Claim<'_>]) -> RouteTable {
        let mut table = RouteTable::default();
        for (index, route) in routes.iter().enumerate() {
            assert_eq!(insert(&mut table, index, *route), []);
        }
        table
    }

    fn insert(table: &mut RouteTable, index: usize, (hosts, path, methods): Claim<'_>) -> Vec<Conflict> {
        let hosts = hosts.iter().map(|host| HostPattern::parse(host).unwrap()).collect();
        let methods = methods.iter().map(|&method| method.to_owned()).collect();
        table.insert(index, &RoutePattern { hosts, path: PathPattern::parse(path).unwrap(), methods })
    }

    fn find(table: &RouteTable, request: &str) -> Option<(usize, Vec<String>)> {
        let mut words = request.split(' ');
        let (method, host, path) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
        match table.find(host, &RequestPath::parse(path).unwrap(), method) {
            RouteMatch::Route(route, captures) => {
                Some((route, captures.host_label.into_iter().chain(captures.path).collect()))
            }
            RouteMatch::MethodNotAllowed(methods) => {
                Some((usize::MAX, methods.allow().into_iter().map(str::to_owned).collect()))
            }
            RouteMatch::NoRoute => None,
        }
    }

    fn hit(route: usize, captures: &[&str]) -> Option<(usize, Vec<String>)> {
        Some((route, captures.iter().map(|&capture| capture.to_owned()).collect()))
    }

    #[test]
    fn literal_before_capture_before_rest_segment_by_segment() {
        let table = table(&[
            (&[], "/a/{*rest}", &[]),
            (&[], "/a/{x}", &[]),
            (&[], "/a/b", &[]),
            (&[], "/a/{x}/c", &[]),
            (&[], "/a/b/{*rest}", &[]),
            (&[], "/", &[]),
        ]);
        assert_eq!(find(&table, "GET h /a/b"), hit(2, &[]));
        assert_eq!(find(&table, "GET h /a/x"), hit(1, &["x"]));
        assert_eq!(find(&table, "GET h /a/b/c"), hit(4, &["c"]), "the second segment decides before the third");
        assert_eq!(find(&table, "GET h /a/x/c"), hit(3, &["x"]));
        assert_eq!(
            find(&table, "GET h /a/x/d/e"),
            hit(0, &["x/d/e"]),
            "back to the less specific where the more specific ends"
        );
        assert_eq!(find(&table, "GET h /"), hit(5, &[]));
        assert_eq!(find(&table, "GET h /a"), hit(0, &[""]), "the rest covers its root");
        assert_eq!(find(&table, "GET h /a/"), hit(0, &[""]));
        assert_eq!(find(&table, "GET h /A/b"), None, "case counts");
    }

    #[test]
    fn a_rest_covers_its_root_unless_a_more_specific_path_does() {
        let table = table(&[(&[], "/{*rest}", &[]), (&[], "/a/{*rest}", &[]), (&[], "/{x}", &[]), (&[], "/b", &[])]);
        assert_eq!(find(&table, "GET h /"), hit(0, &[""]));
        assert_eq!(find(&table, "GET h /a"), hit(1, &[""]), "a literal before a capture");
        assert_eq!(find(&table, "GET h /b"), hit(3, &[]));
        assert_eq!(find(&table, "GET h /c"), hit(2, &["c"]));
        let table = self::table(&[(&[], "/a/{*rest}", &[]), (&[], "/a", &["GET"])]);
        assert_eq!(find(&table, "GET h /a"), hit(1, &[]));
        assert_eq!(find(&table, "POST h /a"), hit(usize::MAX, &["GET", "HEAD"]), "whatever the rest would take");
    }

    /// What a request would match if case were ignored, unless that is its own route: the inner `None` stands for a
    /// method that is not allowed.
    fn otherwise(table: &RouteTable, request: &str) -> Option<Option<usize>> {
        let words: Vec<&str> = request.split(' ').collect();
        let (method, host, path) = (words[0], words[1], RequestPath::parse(words[2]).unwrap());
        let RouteMatch::Route(found, _) = table.find(host, &path, method) else { panic!("no route: {request}") };
        table.find_ignoring_case(host, &path, method, found).map(|other| match other {
            RouteMatch::Route(route, _) => Some(route),
            _ => None,
        })
    }

    #[test]
    fn what_an_origin_that_ignores_case_would_read() {
        let table = table(&[
            (&[], "/{*rest}", &[]),
            (&[], "/admin/{*rest}", &[]),
            (&[], "/docs", &["GET"]),
            (&["h2"], "/Inner/x", &[]),
            (&[], "/Mixed/{id}", &[]),
            (&[], "/mixed/new", &[]),
        ]);
        for request in ["GET h /ADMIN/users", "GET h /Admin", "GET h /aDMIN/", "GET h /%41dmin/x"] {
            assert_eq!(otherwise(&table, request), Some(Some(1)), "{request}");
        }
        assert_eq!(otherwise(&table, "GET h /DOCS"), Some(Some(2)));
        assert_eq!(otherwise(&table, "POST h /DOCS"), Some(None), "the origin would read a path that takes no POST");
        assert_eq!(otherwise(&table, "GET h2 /inner/X"), Some(Some(3)), "a group of hosts that case leads to");
        assert_eq!(otherwise(&table, "GET h /mixed/7"), Some(Some(4)), "a capital in the policy");
        assert_eq!(otherwise(&table, "GET h /Mixed/new"), Some(Some(5)), "literals that are alike are one");
        for request in ["GET h /admin/USERS", "GET h /OTHER", "GET h /docs", "GET h2 /Inner/x", "GET h /mixed/new"] {
            assert_eq!(otherwise(&table, request), None, "{request}");
        }
    }

    #[test]
    fn no_route_takes_a_method_that_shows_or_tunnels() {
        let table = table(&[(&[], "/a", &[]), (&[], "/b", &["GET"])]);
        for method in ["TRACE", "TRACK", "CONNECT"] {
            let usual = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];
            assert_eq!(find(&table, &format!("{method} h /a")), hit(usize::MAX, &usual));
            assert_eq!(find(&table, &format!("{method} h /b")), hit(usize::MAX, &["GET", "HEAD"]));
        }
    }

    #[test]
    fn a_failed_branch_leaves_no_captures() {
        let table = table(&[(&[], "/{a}/{b}/x", &[]), (&[], "/{a}/{*rest}", &[])]);
        assert_eq!(find(&table, "GET h /1/2/3"), hit(1, &["1", "2/3"]));
    }

    #[test]
    fn hosts_decide_first_where_their_path_matches() {
        let table = table(&[
            (&["api.x.com"], "/a", &[]),
            (&["{t}.x.com"], "/{p}", &[]),
            (&[], "/a", &[]),
            (&[], "/{*rest}", &[]),
        ]);
        assert_eq!(find(&table, "GET api.x.com /a"), hit(0, &[]));
        assert_eq!(find(&table, "GET api.x.com /b"), hit(1, &["api", "b"]));
        assert_eq!(
            find(&table, "GET t1.x.com /a"),
            hit(1, &["t1", "a"]),
            "a pattern's capture before another group's literal"
        );
        assert_eq!(find(&table, "GET a.b.x.com /a"), hit(2, &[]), "one label only");
        assert_eq!(find(&table, "GET x.com /a"), hit(2, &[]));
        assert_eq!(find(&table, "GET .x.com /a"), hit(2, &[]));
        assert_eq!(find(&table, "GET api.x.com /b/c"), hit(3, &["b/c"]));
    }

    #[test]
    fn the_method_is_looked_at_last() {
        let table = table(&[
            (&[], "/a", &["GET"]),
            (&[], "/{x}", &[]),
            (&[], "/b", &["GET", "POST"]),
            (&[], "/b/", &[]),
            (&[], "/c", &["GET"]),
            (&[], "/c", &["HEAD"]),
            (&["h2"], "/d", &["GET"]),
            (&[], "/d", &[]),
        ]);
        assert_eq!(
            find(&table, "POST h /a"),
            hit(usize::MAX, &["GET", "HEAD"]),
            "a less specific path does not step in"
        );
        assert_eq!(find(&table, "HEAD h /a"), hit(0, &[]), "GET covers HEAD");
        assert_eq!(find(&table, "POST h /b"), hit(2, &[]));
        assert_eq!(find(&table, "HEAD h /b"), hit(2, &[]), "covering wins over all methods");
        assert_eq!(find(&table, "PUT h /b"), hit(3, &[]));
        assert_eq!(find(&table, "HEAD h /c"), hit(5, &[]), "unless a route names HEAD");
        assert_eq!(find(&table, "get h /c"), hit(usize::MAX, &["GET", "HEAD"]), "methods are case-sensitive");
        assert_eq!(find(&table, "PUT h2 /d"), hit(usize::MAX, &["GET", "HEAD"]), "nor does a less specific host");
    }

    #[test]
    fn two_routes_that_claim_the_same_conflict() {
        let same: &[(Claim<'_>, Claim<'_>)] = &[
            ((&[], "/a/{x}", &[]), (&[], "/a/{y}/", &[])),
            ((&[], "/{*x}", &["GET"]), (&[], "/{*y}", &["POST", "GET"])),
            ((&["A.com", "b.com"], "/a", &["GET"]), (&["c.com", "a.COM"], "/a", &["GET"])),
            ((&["{t}.com"], "/a", &[]), (&["{u}.com"], "/a", &[])),
        ];
        for (one, other) in same {
            let mut table = table(&[*one]);
            assert_eq!(insert(&mut table, 1, *other), [Conflict { with: 0 }]);
        }
        table(&[
            (&[], "/a", &["GET"]),
            (&[], "/a", &["HEAD"]),
            (&[], "/a", &[]),
            (&["x"], "/a", &[]),
            (&[], "/{a}", &[]),
            (&[], "/{*a}", &[]),
        ]);
    }
}
