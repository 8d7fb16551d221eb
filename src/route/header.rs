//! Names of request headers: which ones the gate sets, which ones it does not forward, and which ones an origin may
//! take for one another.

/// The header with the bearer token, unless a route names another one.
pub const AUTHORIZATION: &str = "authorization";
/// The host that the caller requested.
pub const FORWARDED_HOST: &str = "x-forwarded-host";
/// The scheme of the caller's request.
pub const FORWARDED_PROTO: &str = "x-forwarded-proto";
/// The prefix of the path that was stripped, so that the origin does not see it.
pub const FORWARDED_PREFIX: &str = "x-forwarded-prefix";

/// Headers that the gate sets itself, besides the identity headers.
const FORWARDED: [&str; 3] = [FORWARDED_HOST, FORWARDED_PROTO, FORWARDED_PREFIX];

/// Hop-by-hop headers, which a proxy does not forward (RFC 9110 §7.6.1, and those of RFC 2616 §13.5.1).
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Headers that make an origin treat a request as one with another method. Rails and Laravel honour them by default,
/// other frameworks if configured to.
const METHOD_OVERRIDES: [&str; 3] = ["x-http-method", "x-http-method-override", "x-method-override"];

/// Headers that the platform rewrites for the origin.
const REWRITTEN: [&str; 5] =
    ["content-length", "host", "sec-websocket-extensions", "sec-websocket-key", "sec-websocket-version"];

/// Whether the origin receives the header of this lower-case name with another value than the caller sent.
#[must_use]
pub fn is_rewritten(name: &str) -> bool {
    REWRITTEN.contains(&name)
}

/// Whether a header is one of those that the gate sets itself, in any spelling that an origin may take for it.
#[must_use]
pub fn is_forwarded(name: &str) -> bool {
    is_one_of(name, &FORWARDED)
}

/// Whether the gate removes a header from every request, in any spelling that an origin may take for it: a hop-by-hop
/// header, whatever `Connection` says; one that would change the method that was checked; and one that only the gate
/// may set. `prefix` is that of the identity headers.
#[must_use]
pub fn is_removed(name: &str, prefix: &str) -> bool {
    is_one_of(name, &HOP_BY_HOP)
        || starts_with(name, prefix)
        || is_forwarded(name)
        || is_one_of(name, &METHOD_OVERRIDES)
}

/// Whether `Connection` names this header, which makes it hop-by-hop (RFC 9110 §7.6.1).
#[must_use]
pub fn is_connection_option(connection: &str, header: &str) -> bool {
    connection.split(',').any(|name| name.trim_matches([' ', '\t']).eq_ignore_ascii_case(header))
}

/// Whether an origin may take one header for the other. CGI, WSGI and PHP name variables after headers and replace the
/// characters that such a name cannot contain (RFC 3875 §4.1.18). So case is ignored, and all characters other than
/// letters and digits are equal.
#[must_use]
pub fn is_alike(one: &str, other: &str) -> bool {
    one.len() == other.len() && starts_with(one, other)
}

fn is_one_of(name: &str, known: &[&str]) -> bool {
    known.iter().any(|known| is_alike(name, known))
}

fn starts_with(name: &str, start: &str) -> bool {
    name.len() >= start.len() && name.bytes().zip(start.bytes()).all(|(one, other)| folded(one) == folded(other))
}

fn folded(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_alike_whatever_stands_between_their_words() {
        for separator in b"!#$%&'*+-.^_`|~".map(char::from) {
            let name = format!("X{separator}Auth{separator}Subject");
            assert!(is_alike(&name, "x-auth-subject"), "{name}");
            assert!(is_removed(&name, "x-auth-"), "{name}");
            assert!(is_removed(&format!("x{separator}Forwarded{separator}prefix"), "x-auth-"), "{separator}");
        }
        for name in ["x-auth-subjects", "xauth-subject", "x-auth-subjec", "y-auth-subject", "x--auth-subject"] {
            assert!(!is_alike(name, "x-auth-subject"), "{name}");
        }
        for name in ["x-authority", "x-auth", "x-forwarded-for", "x-forwarded-hosts", "x-forwarded"] {
            assert!(!is_removed(name, "x-auth-"), "{name}");
        }
    }

    #[test]
    fn what_stays_here_does_so_in_any_spelling() {
        for name in ["te", "connection", "transfer-encoding", "Transfer_Encoding", "keep.alive"] {
            assert!(is_removed(name, "x-auth-"), "{name}");
        }
        for name in ["x-http-method-override", "X_HTTP_Method_Override", "x-method-override", "x.http.method"] {
            assert!(is_removed(name, "x-auth-"), "{name}");
        }
        for name in ["accept", "x-http-methods", "transferencoding", "host"] {
            assert!(!is_removed(name, "x-auth-"), "{name}");
        }
    }

    #[test]
    fn connection_names_headers_in_a_list() {
        for connection in ["x-org", "close, X-Org", "close,x-org,te", " x-org\t"] {
            assert!(is_connection_option(connection, "x-org"), "{connection}");
        }
        for connection in ["", "close", "x-org2", "x_org", "x -org"] {
            assert!(!is_connection_option(connection, "x-org"), "{connection}");
        }
    }
}
