//! The request head as the gate sees it.

use std::borrow::Cow;

use crate::policy::Route;
use crate::policy::template::{NoValue, RequestValues};
use crate::route::table::Captures;
use crate::route::url::{Url, is_authority};
use crate::route::{header, parameter};

/// A request head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request<'r> {
    /// The method, as received.
    pub method: &'r str,
    /// The URL as the platform joined it: scheme, authority, path and query.
    pub url: Url<'r>,
    /// Names in lower case, and values; those of several headers with one name are joined by commas. The value of a
    /// header that [`Gateway::needed_headers`](crate::gateway::Gateway::needed_headers) does not name may be left
    /// empty.
    pub headers: Vec<(&'r str, &'r str)>,
}

impl Request<'_> {
    /// Whether the host is unambiguous. The platform joins the URL from scheme, `Host` and target, so a `Host` that
    /// contains more than an authority would shift the path or the query that is checked.
    ///
    /// Some platforms take the URL from elsewhere (service bindings, Miniflare). There `Host` is an independent
    /// authority or absent, and no decision depends on it.
    #[must_use]
    pub fn has_unambiguous_host(&self) -> bool {
        let is_plain = |host| host == self.url.authority || is_authority(host);
        is_authority(self.url.authority) && self.header("host").is_none_or(is_plain)
    }

    /// The value of the header with this lower-case name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }
}

/// A request with its route: the values that the route's templates read.
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
        Self { request, captures, host_label_name: route.pattern.host_label_name(host) }
    }

    /// A request for one of the gate's own paths, which captures nothing.
    #[must_use]
    pub fn without_route(request: &'r Request<'r>, captures: &'r Captures) -> Self {
        Self { request, captures, host_label_name: None }
    }
}

impl RequestValues for Routed<'_> {
    fn captures(&self) -> &Captures {
        self.captures
    }

    fn host_label_name(&self) -> Option<&str> {
        self.host_label_name
    }

    fn header(&self, name: &str) -> Result<&str, NoValue> {
        let headers = self.request.headers.iter().copied();
        let value = only(name, headers.filter(|(known, _)| header::is_alike(known, name)))?;
        let is_hop_by_hop =
            self.request.header("connection").is_some_and(|connection| header::is_connection_option(connection, name));
        if is_hop_by_hop { Err(NoValue::HopByHop) } else { Ok(value) }
    }

    fn query(&self, name: &str) -> Result<Cow<'_, str>, NoValue> {
        let query = self.request.url.query.ok_or(NoValue::Absent)?;
        if query.split(['&', ';']).nth(parameter::MOST).is_some() {
            return Err(NoValue::TooMany);
        }
        let value = only(name, parameters_like(name, query))?;
        for pair in query.split('&') {
            // Rack 2 and older parsers of Python split at `;` too, so there a value ends and another name begins.
            if pair.contains(';')
                && let Some((other, _)) = pair.split(';').find_map(|part| parameters_like(name, part).next())
            {
                return Err(NoValue::Repeated(other.into_owned()));
            }
            let (encoded, _) = pair.split_once('=').unwrap_or((pair, ""));
            if parameter::has_foreign_escape(encoded) {
                return Err(NoValue::Repeated(encoded.to_owned()));
            }
        }
        // Invalid UTF-8 is decoded to this character.
        if value.contains(char::REPLACEMENT_CHARACTER) { Err(NoValue::Characters) } else { Ok(value) }
    }
}

fn parameters_like<'q>(name: &str, query: &'q str) -> impl Iterator<Item = (Cow<'q, str>, Cow<'q, str>)> {
    form_urlencoded::parse(query.as_bytes()).filter(move |(known, _)| parameter::is_alike(known, name))
}

/// The value of a name, which must be present as written, and be the only one that some origin takes for it.
fn only<N: AsRef<str>, V>(name: &str, alike: impl Iterator<Item = (N, V)>) -> Result<V, NoValue> {
    let (mut value, mut other) = (None, None);
    for (known, found) in alike {
        if known.as_ref() == name && value.is_none() {
            value = Some(found);
        } else {
            other = Some(known);
        }
    }
    match (value, other) {
        (None, _) => Err(NoValue::Absent),
        (Some(_), Some(other)) => Err(NoValue::Repeated(other.as_ref().to_owned())),
        (Some(value), None) => Ok(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_an_authority_and_no_more() {
        let has_unambiguous_host = |host: &'static str, url: &'static str| {
            Request { method: "GET", url: Url::split(url), headers: vec![("host", host)] }.has_unambiguous_host()
        };
        assert!(has_unambiguous_host("h", "http://h/"));
        assert!(has_unambiguous_host("API.example.com.:8443", "https://api.example.com:8443/a"));
        assert!(has_unambiguous_host("127.0.0.1:8787", "https://gate.test/a"), "the URL comes from elsewhere");
        for (host, url) in [
            ("h/q?x=", "http://h/q?x=/a"),
            ("h/", "http://h//a"),
            ("h?", "http://h?/a"),
            ("h#", "http://h#/a"),
            ("h\\", "http://h\\/a"),
            ("", "http://h/"),
            ("u@h", "http://u@h/"),
            ("h, h", "http://h/"),
            ("h:", "http://h:/"),
            ("h", "http://u@h/"),
        ] {
            assert!(!has_unambiguous_host(host, url), "{host}");
        }
        assert!(Request { method: "GET", url: Url::split("http://h/"), headers: vec![] }.has_unambiguous_host());
    }

    #[test]
    fn a_query_that_parsers_read_differently_is_not_plain() {
        for (url, expected) in [
            ("http://h/", true),
            ("http://h/?", true),
            ("http://h/?a=%00&b=%23\u{e9}", true),
            ("http://h/?a\tb", false),
            ("http://h/?a\u{0}", false),
            ("http://h/?a\u{7f}", false),
            ("http://h/?a\u{85}", false),
            ("http://h/?a#b", false),
        ] {
            assert_eq!(Url::split(url).has_unambiguous_query(), expected, "{url:?}");
        }
    }

    /// What templates read from a request with this query and these headers.
    fn read<T>(query: &str, headers: &[(&str, &str)], read: impl Fn(&Routed<'_>) -> T) -> T {
        let url = Url { scheme: "", authority: "", path: "/", query: Some(query) };
        let request = Request { method: "GET", url, headers: headers.to_vec() };
        read(&Routed { request: &request, captures: &Captures::default(), host_label_name: None })
    }

    #[test]
    fn a_query_parameter_counts_if_it_is_there_once() {
        let query = |query: &str, name: &str| read(query, &[], |request| request.query(name).map(Cow::into_owned));
        assert_eq!(query("a=1&org=x%2By+z", "org").as_deref(), Ok("x+y z"));
        assert_eq!(query("a=1", "org"), Err(NoValue::Absent));
        assert_eq!(query("org", "org").as_deref(), Ok(""));
        for (text, other) in [
            ("org=x&%6Frg=x", "org"),
            ("org=mine&+org=victim", " org"),
            ("+org=victim&org=mine", " org"),
            ("org=mine&org%00x=victim", "org\0x"),
            ("org=mine&org[]=victim", "org[]"),
            ("org=mine&[org]=victim", "[org]"),
            ("org=mine&%5Borg%5D=victim", "[org]"),
            ("Org=victim&org=mine", "Org"),
            ("org=mine&a=1;org=victim", "org"),
            ("org=mine&a=1;b;+Org=victim", " Org"),
            ("org=mine;x", "org"),
            ("?org=victim&org=mine", "?org"),
            ("org=mine&%u006Frg=victim", "%u006Frg"),
        ] {
            assert_eq!(query(text, "org"), Err(NoValue::Repeated(other.to_owned())), "{text}");
        }
        for text in ["org_id=mine&org.id=victim", "org[id=victim&org_id=mine"] {
            assert!(matches!(query(text, "org_id"), Err(NoValue::Repeated(_))), "{text}");
        }
        for text in ["Org=mine", "org[]=mine", "+org=mine", "a=1;org=mine", "[org]=mine"] {
            assert_eq!(query(text, "org"), Err(NoValue::Absent), "a loose spelling alone is no value: {text}");
        }
        for text in ["org=%e9%e8", "org=%EF%BF%BD"] {
            assert_eq!(query(text, "org"), Err(NoValue::Characters), "{text}");
        }
        assert_eq!(query("org=%C3%A9&a=%e9", "org").as_deref(), Ok("\u{e9}"));
        let many = |others: usize| format!("{}org=mine", "a&".repeat(others));
        assert_eq!(query(&many(999), "org").as_deref(), Ok("mine"));
        assert_eq!(query(&many(1000), "org"), Err(NoValue::TooMany), "PHP and Express read no more than a thousand");
        assert_eq!(query("org=mine&organization=x&xorg=1&or=2", "org").as_deref(), Ok("mine"));
    }

    #[test]
    fn a_header_counts_if_the_origin_reads_this_one() {
        let header = |headers: &[(&str, &str)]| read("", headers, |request| request.header("x-org").map(str::to_owned));
        assert_eq!(header(&[("x-org", "mine"), ("x-organ", "other")]).as_deref(), Ok("mine"));
        assert_eq!(header(&[("x_org", "mine")]), Err(NoValue::Absent), "a loose spelling alone is no value");
        for other in ["x_org", "x.org", "x!org", "x-org"] {
            let repeated = Err(NoValue::Repeated(other.to_owned()));
            assert_eq!(header(&[("x-org", "mine"), (other, "victim")]), repeated);
            if other != "x-org" {
                assert_eq!(header(&[(other, "victim"), ("x-org", "mine")]), repeated);
            }
        }
        assert_eq!(header(&[("x-org", "mine"), ("connection", "close, X-Org")]), Err(NoValue::HopByHop));
        assert_eq!(header(&[("x-org", "mine"), ("connection", "close")]).as_deref(), Ok("mine"));
    }
}
