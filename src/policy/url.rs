//! The URLs in a policy.

use std::fmt;

use http::Uri;
use http::uri::Scheme;

use crate::route::host::is_host;
use crate::route::path::RequestPath;

/// Where an allowed request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A server.
    Url {
        /// `http(s)://host[:port]`
        root: String,
        /// The prefix of all paths: empty, or with a slash at its start and none at its end.
        base: String,
    },
    /// The service binding with this name.
    Service(String),
    /// The request's own URL.
    Passthrough,
}

impl Origin {
    /// Reads an origin of the policy.
    ///
    /// # Errors
    /// A message that says what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == "passthrough" {
            return Ok(Self::Passthrough);
        }
        if let Some(binding) = text.strip_prefix("service:") {
            let expected = "expected the name of a binding after \"service:\"";
            return if is_binding(binding) { Ok(Self::Service(binding.to_owned())) } else { Err(expected.to_owned()) };
        }
        let expected = "expected http(s)://host[:port][/base], service:BINDING or passthrough";
        let uri = absolute(text).ok_or(expected)?;
        if text.contains('?') {
            return Err(format!("{expected}, without a query"));
        }
        // The base becomes the prefix of paths that were checked, so it must not undo the check.
        if RequestPath::parse(uri.path()).is_err() {
            return Err(format!("{expected}, the base without dot segments, empty segments and encoded separators"));
        }
        let base = uri.path().trim_end_matches('/');
        let root = text.trim_end_matches('/').strip_suffix(base).unwrap_or(text);
        Ok(Self::Url { root: root.to_owned(), base: base.to_owned() })
    }
}

/// As the policy writes it.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url { root, base } => write!(f, "{root}{base}"),
            Self::Service(binding) => write!(f, "service:{binding}"),
            Self::Passthrough => f.write_str("passthrough"),
        }
    }
}

/// Whether a text can be the name of a Worker's binding.
#[must_use]
pub fn is_binding(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic())
}

/// Checks the URL of an issuer's keys or of its discovery: `https`, or `http` on a loopback host.
///
/// # Errors
/// A message that says what was expected.
pub fn check_key_url(text: &str) -> Result<(), String> {
    let is_safe = |uri: &Uri| uri.scheme() == Some(&Scheme::HTTPS) || uri.host().is_some_and(is_loopback);
    match absolute(text) {
        Some(uri) if is_safe(&uri) => Ok(()),
        _ => Err("expected an absolute https URL (http only on a loopback host)".to_owned()),
    }
}

/// The URL of an issuer's metadata (OpenID Connect Discovery 1.0 §4: a slash at the end of the issuer is removed).
///
/// # Errors
/// A message that says what was expected of the issuer.
pub fn discovery_url(issuer: &str) -> Result<String, String> {
    check_key_url(issuer)?;
    if issuer.contains('?') {
        return Err("expected an issuer without a query, or a jwks_uri".to_owned());
    }
    Ok(format!("{}/.well-known/openid-configuration", issuer.strip_suffix('/').unwrap_or(issuer)))
}

/// The parts of a resource identifier (RFC 8707 §2, RFC 9728 §1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceUrl {
    /// `scheme://host[:port]`
    pub root: String,
    /// In lower case, without port.
    pub host: String,
    /// The path; empty for the root (RFC 9728 §3.1).
    pub path: String,
}

impl ResourceUrl {
    /// Reads a resource identifier: `https`, or `http` on a loopback host; without query and fragment. It must fit into
    /// a quoted string, and the path of its metadata must be unambiguous.
    ///
    /// # Errors
    /// A message that says what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        check_key_url(text)?;
        let expected = "expected a resource identifier without a query, and with an unambiguous path";
        let uri = absolute(text).ok_or(expected)?;
        let (authority, scheme) = uri.authority().zip(uri.scheme_str()).ok_or(expected)?;
        if text.contains(['?', '"', '{', '}']) || RequestPath::parse(uri.path()).is_err() {
            return Err(expected.to_owned());
        }
        let path = if uri.path() == "/" { "" } else { uri.path() };
        let root = format!("{scheme}://{authority}");
        Ok(Self { root, host: authority.host().to_ascii_lowercase(), path: path.to_owned() })
    }
}

/// Checks the URL of a web page, which may have a fragment.
///
/// # Errors
/// A message that says what was expected.
pub fn check_web_url(text: &str) -> Result<&str, String> {
    let page = text.split_once('#').map_or(text, |(page, _)| page);
    absolute(page).map(|_| text).ok_or_else(|| "expected an absolute http(s) URL".to_owned())
}

/// An absolute `http` or `https` URL in ASCII, without user information and fragment.
fn absolute(text: &str) -> Option<Uri> {
    let has_scheme = ["http://", "https://"].iter().any(|scheme| text.starts_with(scheme));
    if !has_scheme || text.contains(['#', '\\']) || !text.bytes().all(|b| b.is_ascii_graphic()) {
        return None;
    }
    let uri: Uri = text.parse().ok()?;
    let authority = uri.authority()?;
    let (host, port) = (authority.host(), authority.port_u16());
    // The authority contains nothing else: no user information, no empty or overlong port.
    let plain = port.map_or(host.to_owned(), |port| format!("{host}:{port}"));
    (is_host(host) && authority.as_str() == plain).then_some(uri)
}

fn is_loopback(host: &str) -> bool {
    let is_ipv4 = host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback());
    let is_name = host.eq_ignore_ascii_case("localhost") || host.to_ascii_lowercase().ends_with(".localhost");
    is_ipv4 || host == "[::1]" || is_name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_by_https_or_from_loopback() {
        for url in [
            "https://a.com",
            "https://a.com:8443/x?y=1",
            "http://localhost:1",
            "http://127.0.0.9/x",
            "http://[::1]:80/",
            "http://a.localhost",
        ] {
            assert_eq!(check_key_url(url), Ok(()), "{url}");
        }
        for url in [
            "",
            "a.com",
            "//a.com",
            "http://a.com",
            "http://127.0.0.1.a.com",
            "http://localhost.a.com",
            "ftp://a.com",
            "https://",
            "https://u@a.com",
            "https://u:p@a.com",
            "https://a.com#f",
            "https://a .com",
            "https://a.com:x",
            "https://a.com:99999",
            "https://a.com:",
            "https:/a.com",
            "https://é.com",
            "https://a.com\\b",
            "HTTP://128.0.0.1",
        ] {
            assert_eq!(
                check_key_url(url).unwrap_err(),
                "expected an absolute https URL (http only on a loopback host)",
                "{url}"
            );
        }
    }

    #[test]
    fn discovery_is_below_the_issuer() {
        let at = |issuer| discovery_url(issuer).unwrap();
        assert_eq!(at("https://t.logto.app/oidc"), "https://t.logto.app/oidc/.well-known/openid-configuration");
        assert_eq!(at("https://a.auth0.com/"), "https://a.auth0.com/.well-known/openid-configuration");
        assert!(discovery_url("https://a.com/?x").unwrap_err().contains("without a query"));
        assert!(discovery_url("a.com").unwrap_err().contains("an absolute https URL"));
    }

    #[test]
    fn reads_resource_identifiers() {
        let parts = |text| ResourceUrl::parse(text).map(|url| (url.root, url.host, url.path)).unwrap();
        let own = |root: &str, host: &str, path: &str| (root.to_owned(), host.to_owned(), path.to_owned());
        assert_eq!(parts("https://a.com/mcp"), own("https://a.com", "a.com", "/mcp"));
        assert_eq!(parts("https://A.com:8443/a/"), own("https://A.com:8443", "a.com", "/a/"));
        assert_eq!(parts("https://a.com/"), own("https://a.com", "a.com", ""));
        assert_eq!(parts("https://a.com"), own("https://a.com", "a.com", ""));
        assert_eq!(parts("http://127.0.0.1:8787/mcp"), own("http://127.0.0.1:8787", "127.0.0.1", "/mcp"));
        for (reason, texts) in [
            (
                "an absolute https URL",
                &["", "a.com/mcp", "urn:x", "http://a.com/mcp", "https://a.com/mcp#x", "https://u@a.com/mcp"][..],
            ),
            (
                "without a query, and with an unambiguous path",
                &[
                    "https://a.com/mcp?x",
                    "https://a.com/mcp?",
                    "https://a.com?x",
                    "https://a.com//mcp",
                    "https://a.com/../mcp",
                    "https://a.com/%2e",
                    "https://a.com/\"x",
                    "https://a.com/a;b",
                    "https://a.com/{x}",
                ][..],
            ),
        ] {
            for text in texts {
                let message = ResourceUrl::parse(text).unwrap_err();
                assert!(message.contains(reason), "{text}: {message}");
            }
        }
    }

    #[test]
    fn a_page_may_have_a_fragment() {
        assert_eq!(check_web_url("https://a.com/docs?x#y"), Ok("https://a.com/docs?x#y"));
        for text in ["", "a.com", "javascript:alert(1)", "ftp://a.com", "https://"] {
            assert_eq!(check_web_url(text).unwrap_err(), "expected an absolute http(s) URL", "{text}");
        }
    }

    #[test]
    fn reads_origins() {
        let url = |root: &str, base: &str| Ok(Origin::Url { root: root.to_owned(), base: base.to_owned() });
        assert_eq!(Origin::parse("http://a.com:80/base/"), url("http://a.com:80", "/base"));
        assert_eq!(Origin::parse("https://a.com/a/b"), url("https://a.com", "/a/b"));
        assert_eq!(Origin::parse("https://a.com/"), url("https://a.com", ""));
        assert_eq!(Origin::parse("https://a.com"), url("https://a.com", ""));
        assert_eq!(Origin::parse("service:API_2"), Ok(Origin::Service("API_2".to_owned())));
        assert_eq!(Origin::parse("passthrough"), Ok(Origin::Passthrough));
        for (reason, texts) in [
            (
                "service:BINDING or passthrough",
                &[
                    "",
                    "a.com",
                    "http://[zz]",
                    "http://999.1.1.1",
                    "http://a$b",
                    "http://*",
                    "https://a.com:080",
                    "ftp://a.com",
                    "https://a.com/#f",
                    "https://u@a.com",
                    "Passthrough",
                ][..],
            ),
            ("the name of a binding", &["service:", "service:a b"][..]),
            ("without a query", &["https://a.com?x", "https://a.com/?x"][..]),
            ("the base without dot segments", &["https://a.com/../b", "https://a.com//b", "https://a.com/%2e"][..]),
        ] {
            for text in texts {
                let message = Origin::parse(text).unwrap_err();
                assert!(message.contains(reason), "{text}: {message}");
            }
        }
    }
}
