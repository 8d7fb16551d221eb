//! The request as the gate sees it.

use std::borrow::Cow;

use crate::policy::Route;
use crate::policy::template::RequestValues;
use crate::route::host::is_host;
use crate::route::table::Captures;

/// A request, without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request<'r> {
    /// The method, as received.
    pub method: &'r str,
    /// The target.
    pub url: Url<'r>,
    /// Names in lower case and values; several of one name are one value, joined by commas. The value of a header that
    /// [`Gateway::asks_for`](crate::gateway::Gateway::asks_for) does not name may be left empty.
    pub headers: Vec<(&'r str, &'r str)>,
}

/// The parts of a request's absolute URL, as received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Url<'r> {
    /// `http` or `https`
    pub scheme: &'r str,
    /// Host and, if the request names one, port.
    pub authority: &'r str,
    /// From the first slash on.
    pub path: &'r str,
    /// Behind the question mark.
    pub query: Option<&'r str>,
}

impl<'r> Url<'r> {
    /// Splits an absolute URL. A fragment, which no request has, stays in the path or the query.
    #[must_use]
    pub fn split(url: &'r str) -> Self {
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        let (authority, target) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        let path = if path.is_empty() { "/" } else { path };
        Self { scheme, authority, path, query }
    }

    /// Whether the authority is a host and perhaps a port, and nothing that only looks like it: a `Host` header can hold
    /// anything, and what is in it decides the route.
    #[must_use]
    pub fn has_plain_authority(&self) -> bool {
        let is_port = |port: &str| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok();
        is_host(self.host()) && self.port().is_none_or(is_port)
    }

    /// The host without port and trailing dot, in the case that the request has it in.
    #[must_use]
    pub fn host(&self) -> &'r str {
        let without_port = match self.port() {
            Some(port) => self.authority.strip_suffix(port).and_then(|rest| rest.strip_suffix(':')).unwrap_or_default(),
            None => self.authority,
        };
        // A name may end in a dot, an address may not.
        without_port.strip_suffix('.').filter(|host| !host.ends_with(']')).unwrap_or(without_port)
    }

    fn port(&self) -> Option<&'r str> {
        // The colons of an IPv6 address are within brackets.
        let (_, port) = self.authority.rsplit_once(':')?;
        (!port.contains(']')).then_some(port)
    }
}

impl Request<'_> {
    /// The value of the header of this lower-case name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }
}

/// A request on its route: what the route's templates read.
#[derive(Debug)]
pub struct Routed<'r> {
    request: &'r Request<'r>,
    captures: &'r Captures,
    host_label_name: Option<&'r str>,
}

impl<'r> Routed<'r> {
    /// Joins a request and its route. `host` is the host that the route was found by.
    #[must_use]
    pub fn new(request: &'r Request<'r>, route: &'r Route, captures: &'r Captures, host: &str) -> Self {
        Self { request, captures, host_label_name: route.host_label_name(host) }
    }
}

impl RequestValues for Routed<'_> {
    fn captures(&self) -> &Captures {
        self.captures
    }

    fn host_label_name(&self) -> Option<&str> {
        self.host_label_name
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.request.headers.iter().filter(|(known, _)| *known == name).map(|(_, value)| *value);
        let value = values.next()?;
        values.next().is_none().then_some(value)
    }

    fn query(&self, name: &str) -> Option<Cow<'_, str>> {
        let mut values = form_urlencoded::parse(self.request.url.query?.as_bytes()).filter(|(known, _)| known == name);
        let (_, value) = values.next()?;
        values.next().is_none().then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_a_url_without_changing_it() {
        let url = Url::split("https://API.example.com.:8443/a/%61?x=/y?z");
        assert_eq!((url.scheme, url.authority), ("https", "API.example.com.:8443"));
        assert_eq!((url.path, url.query), ("/a/%61", Some("x=/y?z")));
        assert_eq!(url.host(), "API.example.com");
        assert_eq!(Url::split("http://h").path, "/");
        assert_eq!(Url::split("http://h?q"), Url { scheme: "http", authority: "h", path: "/", query: Some("q") });
        assert_eq!(Url::split("http://h/?").query, Some(""));
        assert_eq!(Url::split("http://h/a#b?c").path, "/a#b", "a fragment is for the path check to refuse");
        assert_eq!(Url::split("http://[::1]:80/").host(), "[::1]");
        assert_eq!(Url::split("http://[::1]/").host(), "[::1]");
        assert_eq!(Url::split("http://h*").authority, "h*", "the target of OPTIONS * stands right behind the host");
    }

    #[test]
    fn a_query_parameter_counts_if_it_is_there_once() {
        let captures = Captures::default();
        let query = |query: &'static str, name: &str| {
            let request = Request {
                method: "GET",
                url: Url { scheme: "", authority: "", path: "/", query: Some(query) },
                headers: vec![],
            };
            let routed = Routed { request: &request, captures: &captures, host_label_name: None };
            routed.query(name).map(Cow::into_owned)
        };
        assert_eq!(query("a=1&org=x%2By+z", "org").as_deref(), Some("x+y z"));
        assert_eq!(query("org=x&%6Frg=x", "org"), None, "twice, in two spellings");
        assert_eq!(query("a=1", "org"), None);
        assert_eq!(query("org", "org").as_deref(), Some(""));
    }
}
