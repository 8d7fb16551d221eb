//! Splitting of a request's URL (RFC 3986 §3). Nothing is decoded here.

use memchr::{memchr, memchr3};

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
    ///
    /// Bytes are searched for, since every request has a URL: `str` searches take longer than all the rest.
    #[must_use]
    pub fn split(url: &'r str) -> Self {
        let colon = memchr(b':', url.as_bytes()).map(|colon| url.split_at(colon));
        let (scheme, rest) =
            colon.and_then(|(scheme, rest)| Some((scheme, rest.strip_prefix("://")?))).unwrap_or(("", url));
        let (authority, target) = rest.split_at(memchr3(b'/', b'?', b'#', rest.as_bytes()).unwrap_or(rest.len()));
        let (path, query) = target.split_at(memchr(b'?', target.as_bytes()).unwrap_or(target.len()));
        let (path, query) = (if path.is_empty() { "/" } else { path }, query.get(1..));
        Self { scheme, authority, path, query }
    }

    /// Whether URL parsers agree on where the query ends and what it contains: they drop tabs and line breaks (WHATWG
    /// URL §4.4), and what follows a `#`.
    #[must_use]
    pub fn has_unambiguous_query(&self) -> bool {
        let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'#';
        self.query
            .is_none_or(|query| query.bytes().all(is_plain) || !query.contains(|c: char| c == '#' || c.is_control()))
    }

    /// The host as received, without port and trailing dot.
    #[must_use]
    pub fn host(&self) -> &'r str {
        host_of(self.authority)
    }
}

/// Whether a text is a host with an optional port (RFC 3986 §3.2, without user information).
#[must_use]
pub fn is_authority(text: &str) -> bool {
    let is_port = |port: &str| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok();
    let (host, port) = split_authority(text);
    is_host(host) && port.is_none_or(is_port)
}

/// The host of an authority as received, without port and trailing dot.
#[must_use]
pub fn host_of(authority: &str) -> &str {
    let (host, _) = split_authority(authority);
    host
}

/// The host, without a trailing dot, and the port.
fn split_authority(authority: &str) -> (&str, Option<&str>) {
    // The colons of an IPv6 address are inside brackets.
    let bytes = authority.as_bytes();
    let colon = bytes.iter().rposition(|byte| matches!(byte, b':' | b']')).filter(|at| bytes.get(*at) == Some(&b':'));
    let (host, port) = match colon.map(|colon| authority.split_at(colon)) {
        Some((host, port)) => (host, port.get(1..)),
        None => (authority, None),
    };
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
