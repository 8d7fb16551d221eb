//! The route table as a list, in order of precedence, for people and tools.

use super::methods::{Methods, RouteIndex};
use super::node::Node;
use super::routes::RouteTable;

/// One place of the table, and a route for some or all methods there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<'t> {
    /// The hosts of the place; `None` for all other hosts.
    pub host: Option<ListedHost<'t>>,
    /// The route, as an index into those of the policy.
    pub route: RouteIndex,
    /// The methods of the route there, including `HEAD` if `GET` covers it; `None` for all methods without a route
    /// of their own.
    pub methods: Option<Vec<&'t str>>,
    /// All methods that routes name at this place, including `HEAD` if `GET` covers it.
    pub named_here: Vec<&'t str>,
}

/// The host pattern of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ListedHost<'t> {
    /// This host.
    Exact(&'t str),
    /// Any single label before `.suffix`.
    Label {
        /// What follows the label and its dot.
        suffix: &'t str,
    },
}

impl RouteTable {
    /// All places in order of precedence: a request is compared with them from first to last.
    #[must_use]
    pub fn list(&self) -> Vec<Listed<'_>> {
        let exact = self.exact.iter().map(|(host, root)| (ListedHost::Exact(host), root));
        let label = self.label.iter().map(|(suffix, root)| (ListedHost::Label { suffix }, root));
        let mut hosts: Vec<_> = exact.chain(label).collect();
        hosts.sort_unstable_by_key(|(host, _)| *host);
        let mut listed = Vec::new();
        for (host, root) in hosts {
            root.list(Some(host), &mut listed);
        }
        self.any.list(None, &mut listed);
        listed
    }
}

impl Node {
    fn list<'t>(&'t self, host: Option<ListedHost<'t>>, listed: &mut Vec<Listed<'t>>) {
        let mut literals: Vec<_> = self.literals.iter().collect();
        literals.sort_unstable_by_key(|(text, _)| *text);
        self.here.iter().for_each(|methods| methods.list(host, listed));
        literals.into_iter().for_each(|(_, node)| node.list(host, listed));
        self.capture.iter().for_each(|node| node.list(host, listed));
        self.rest.iter().for_each(|methods| methods.list(host, listed));
    }
}

impl Methods {
    fn list<'t>(&'t self, host: Option<ListedHost<'t>>, listed: &mut Vec<Listed<'t>>) {
        let named_here = self.named();
        let mut routes: Vec<RouteIndex> = self.named.iter().map(|(_, route)| *route).collect();
        routes.dedup();
        for route in routes {
            let methods = named_here.iter().copied().filter(|method| self.find(method) == Some(route)).collect();
            listed.push(Listed { host, route, methods: Some(methods), named_here: named_here.clone() });
        }
        if let Some(route) = self.all {
            listed.push(Listed { host, route, methods: None, named_here });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::pattern::{HostPattern, PathPattern, RoutePattern};

    #[test]
    fn lists_places_as_requests_are_tried() {
        let routes: &[(&[&str], &str, &[&str])] = &[
            (&[], "/{*rest}", &[]),
            (&[], "/a/{x}", &[]),
            (&[], "/a/b", &["POST", "GET"]),
            (&[], "/a/b", &[]),
            (&["{t}.x.com", "x.com"], "/a", &[]),
            (&[], "/a", &["HEAD"]),
            (&[], "/a", &["GET"]),
        ];
        let mut table = RouteTable::default();
        for (index, (hosts, path, methods)) in routes.iter().enumerate() {
            let hosts = hosts.iter().map(|host| HostPattern::parse(host).unwrap()).collect();
            let methods = methods.iter().map(|&method| method.to_owned()).collect();
            assert_eq!(
                table.insert(index, &RoutePattern { hosts, path: PathPattern::parse(path).unwrap(), methods }),
                []
            );
        }
        let listed: Vec<_> = table.list().into_iter().map(|row| (row.host, row.route, row.methods)).collect();
        let [exact, label] = [ListedHost::Exact("x.com"), ListedHost::Label { suffix: "x.com" }];
        let expected = [
            (Some(exact), 4, None),
            (Some(label), 4, None),
            (None, 5, Some(vec!["HEAD"])),
            (None, 6, Some(vec!["GET"])),
            (None, 2, Some(vec!["GET", "HEAD", "POST"])),
            (None, 3, None),
            (None, 1, None),
            (None, 0, None),
        ];
        assert_eq!(listed, expected);
    }
}
