//! Splitting of a request's URL (RFC 3986 §3). Nothing is decoded here.

use super::host::is_host;

/// The parts of a request's absolute URL, as received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Url<'r> {
    /// `http` or `https`
    pub scheme: &'r str,
    /// The host and, if present, the port.
    pub authority: &'r str,
    /// The path with its leading slash; `/` if the URL has none.
    pub path: &'r str,
    /// What follows the question mark; `None` without one.
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

    /// Whether URL parsers agree on where the query ends and what it contains: they drop tabs and line breaks (WHATWG
    /// URL §4.4), and what follows a `#`.
    #[must_use]
    pub fn has_unambiguous_query(&self) -> bool {
        self.query.is_none_or(|query| !query.contains(|c: char| c == '#' || c.is_control()))
    }

    /// The host as received, without port and trailing dot.
    #[must_use]
    pub fn host(&self) -> &'r str {
        let (host, _) = split_authority(self.authority);
        host
    }
}

/// Whether a text is a host with an optional port (RFC 3986 §3.2, without user information).
#[must_use]
pub fn is_authority(text: &str) -> bool {
    let is_port = |port: &str| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok();
    let (host, port) = split_authority(text);
    is_host(host) && port.is_none_or(is_port)
}

/// The host, without a trailing dot, and the port.
fn split_authority(authority: &str) -> (&str, Option<&str>) {
    // The colons of an IPv6 address are inside brackets.
    let port = authority.rsplit_once(':').filter(|(_, port)| !port.contains(']'));
    let (host, port) = port.map_or((authority, None), |(host, port)| (host, Some(port)));
    // A name may end in a dot, an address may not.
    (host.strip_suffix('.').filter(|host| !host.ends_with(']')).unwrap_or(host), port)
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
}
