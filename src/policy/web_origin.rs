//! Page origins, as browsers send them in `Origin` (RFC 6454 §6.2), and the policy's patterns for them.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::route::host::is_host;

/// The page origins that may use a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebOrigins {
    /// All.
    Any,
    /// Those that match one of these.
    OneOf(Vec<OriginPattern>),
}

/// A page origin in the policy, in the spelling of browsers: lower case, without the scheme's default port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OriginPattern {
    /// This origin.
    Exact(String),
    /// Any subdomain of a host, at any depth; not the host itself.
    Below {
        /// The scheme, up to the host.
        scheme: String,
        /// What follows the subdomain, from its dot to the port.
        parent: String,
    },
}

impl WebOrigins {
    /// Whether pages of this origin are allowed. `null`, which sandboxed pages and local files send, never matches a
    /// list.
    #[must_use]
    pub fn allow(&self, origin: &str) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(patterns) => patterns.iter().any(|pattern| pattern.fits(origin)),
        }
    }
}

impl OriginPattern {
    /// Reads `scheme://host[:port]` or `scheme://*.host[:port]`.
    ///
    /// # Errors
    /// A message that says what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let expected = "expected \"*\" alone, or a page origin: scheme://host[:port] or scheme://*.host[:port]";
        let read = || {
            let lower = text.to_ascii_lowercase();
            let (scheme, authority) = lower.split_once("://").filter(|(scheme, _)| is_scheme(scheme))?;
            let (host, port) = match authority.rsplit_once(':').filter(|(_, port)| !port.contains(']')) {
                Some((host, port)) => (host, normal_port(scheme, port)?),
                None => (authority, String::new()),
            };
            if let Some(parent) = host.strip_prefix("*.") {
                let is_name = is_host(parent) && !parent.starts_with('[') && parent.parse::<Ipv4Addr>().is_err();
                let (scheme, parent) = (format!("{scheme}://"), format!(".{parent}{port}"));
                return is_name.then_some(Self::Below { scheme, parent });
            }
            is_host(host).then(|| Self::Exact(format!("{scheme}://{}{port}", normal_host(host))))
        };
        read().ok_or_else(|| format!("{expected}, found {text:?}"))
    }

    fn fits(&self, origin: &str) -> bool {
        match self {
            Self::Exact(known) => known == origin,
            Self::Below { scheme, parent } => {
                let subdomain =
                    origin.strip_prefix(scheme.as_str()).and_then(|rest| rest.strip_suffix(parent.as_str()));
                subdomain.is_some_and(|labels| labels.split('.').all(is_label))
            }
        }
    }
}

/// RFC 3986 §3.1, in lower case. Apps have schemes of their own, as in `capacitor://localhost`.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.'))
}

fn is_label(label: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
    !label.is_empty() && label.bytes().all(is_plain)
}

/// The port with its colon; empty for the scheme's default port.
fn normal_port(scheme: &str, port: &str) -> Option<String> {
    let number = port.bytes().all(|b| b.is_ascii_digit()).then(|| port.parse::<u16>().ok())??;
    let is_default = matches!((scheme, number), ("http", 80) | ("https", 443));
    Some(if is_default { String::new() } else { format!(":{number}") })
}

fn normal_host(host: &str) -> String {
    let address = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let address = address.and_then(|address| address.parse::<Ipv6Addr>().ok());
    address.map_or_else(|| host.to_owned(), |address| format!("[{address}]"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fits(pattern: &str, origin: &str) -> bool {
        OriginPattern::parse(pattern).unwrap().fits(origin)
    }

    #[test]
    fn an_origin_is_read_as_browsers_write_it() {
        for (pattern, origin) in [
            ("https://app.example.com", "https://app.example.com"),
            ("HTTPS://App.Example.COM:443", "https://app.example.com"),
            ("http://a:80", "http://a"),
            ("http://a:443", "http://a:443"),
            ("https://a:08443", "https://a:8443"),
            ("http://localhost:5173", "http://localhost:5173"),
            ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
            ("http://[0:0::1]:3000", "http://[::1]:3000"),
            ("capacitor://localhost", "capacitor://localhost"),
        ] {
            assert_eq!(OriginPattern::parse(pattern), Ok(OriginPattern::Exact(origin.to_owned())), "{pattern}");
        }
        for text in [
            "",
            "null",
            "*",
            "app.example.com",
            "//a",
            "https://",
            "https://a/",
            "https://a/b",
            "https://a?",
            "https://a#",
            "https://u@a",
            "https://a:",
            "https://a:x",
            "https://a:+80",
            "https://a:65536",
            "https://a b",
            "https://b\u{fc}cher.de",
            "https://a,https://b",
            "https://*",
            "https://*.",
            "https://a.*.com",
            "https://*a.com",
            "https://*.*.com",
            "https://*.1.2.3.4",
            "https://*.[::1]",
            "*://a.com",
            "https://a.com.",
            "1https://a",
        ] {
            let message = OriginPattern::parse(text).unwrap_err();
            assert!(
                message.starts_with("expected \"*\" alone") && message.ends_with(&format!("{text:?}")),
                "{message}"
            );
        }
    }

    #[test]
    fn an_origin_fits_itself_and_nothing_like_it() {
        let pattern = "https://example.com";
        assert!(fits(pattern, "https://example.com"));
        for origin in [
            "",
            "null",
            "http://example.com",
            "https://example.com:443",
            "https://example.com:8443",
            "https://example.com/",
            "https://example.com.",
            "https://EXAMPLE.com",
            "https://example.com.evil.com",
            "https://evil-example.com",
            "https://app.example.com",
            "https://example.com, https://example.com",
            "https://example.com https://evil.com",
        ] {
            assert!(!fits(pattern, origin), "{origin:?}");
        }
    }

    #[test]
    fn a_subdomain_is_below_its_parent_only() {
        let pattern = "https://*.example.com";
        for origin in ["https://a.example.com", "https://a.b.example.com", "https://x_1-y.example.com"] {
            assert!(fits(pattern, origin), "{origin}");
        }
        for origin in [
            "https://example.com",
            "https://.example.com",
            "https://a..example.com",
            "https://evilexample.com",
            "https://a.example.com:8443",
            "https://a.example.com.evil.com",
            "http://a.example.com",
            "https://evil.com/.example.com",
            "https://evil.com#.example.com",
            "https://evil.com:1.example.com",
            "https://u@a.example.com",
            "https://evil.com, https://a.example.com",
            "https://A.example.com",
            "https://*.example.com",
            "https://a.example.com.",
        ] {
            assert!(!fits(pattern, origin), "{origin}");
        }
        assert!(fits("http://*.localhost:5173", "http://app.localhost:5173"));
        assert!(!fits("http://*.localhost:5173", "http://app.localhost"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_subdomain_that_fits_is_a_host_of_labels(
            subdomain in "[a-z0-9.:/@#?*, -]{0,12}", port in "(:[0-9]{1,5})?", parent in "(example\\.com|xample\\.com)",
        ) {
            let origin = format!("https://{subdomain}{parent}{port}");
            let labels: Vec<&str> = origin.strip_prefix("https://").unwrap().split('.').collect();
            let expected = labels.len() > 2 && labels.ends_with(&["example", "com"]) && labels.iter().all(|l| is_label(l));
            prop_assert_eq!(fits("https://*.example.com", &origin), expected, "{}", origin);
        }

        #[test]
        fn a_pattern_fits_what_it_was_written_as(host in "[a-z][a-z0-9-]{0,8}(\\.[a-z][a-z0-9]{0,4}){0,3}", port in 1u16..) {
            for scheme in ["http", "https"] {
                let origin = format!("{scheme}://{host}:{port}");
                let default = matches!((scheme, port), ("http", 80) | ("https", 443));
                prop_assert_eq!(fits(&origin, &origin), !default);
                let text = format!("{scheme}://{host}");
                prop_assert_eq!(fits(&origin, &text), default);
            }
        }
    }
}
