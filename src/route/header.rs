//! Names of request headers: which are the gate's own, which go no further than the gate, and which of them an origin may
//! take for one another.

/// The host that the client asked for.
pub const FORWARDED_HOST: &str = "x-forwarded-host";
/// The scheme by which it asked.
pub const FORWARDED_PROTO: &str = "x-forwarded-proto";
/// The part of the path that the origin does not see.
pub const FORWARDED_PREFIX: &str = "x-forwarded-prefix";

/// What the gate says to every origin by itself, beside the headers of the identity.
const FORWARDED: [&str; 3] = [FORWARDED_HOST, FORWARDED_PROTO, FORWARDED_PREFIX];

/// Headers between two neighbours, which a proxy does not pass on (RFC 9110 §7.6.1, and those of RFC 2616 §13.5.1).
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

/// Headers by which a caller asks an origin to take the request for one of another method: Rails and Laravel do by default,
/// others can be told to.
const METHOD_OVERRIDES: [&str; 3] = ["x-http-method", "x-http-method-override", "x-method-override"];

/// Headers that the platform writes anew for the origin.
const REWRITTEN: [&str; 5] =
    ["content-length", "host", "sec-websocket-extensions", "sec-websocket-key", "sec-websocket-version"];

/// Whether the origin gets a header of this lower-case name with another value than the caller gave it.
#[must_use]
pub fn is_rewritten(name: &str) -> bool {
    REWRITTEN.contains(&name)
}

/// Whether a header is one of those that the gate sets on every request, in any spelling.
#[must_use]
pub fn is_forwarded(name: &str) -> bool {
    is_one_of(name, &FORWARDED)
}

/// Whether the gate takes a header off every request, in any spelling that an origin may take for it: one for the next hop
/// only, whatever `Connection` says; one that would change the method that was checked; and those that are the gate's own
/// to set. `prefix` is that of the identity headers.
#[must_use]
pub fn is_removed(name: &str, prefix: &str) -> bool {
    is_one_of(name, &HOP_BY_HOP)
        || starts_with(name, prefix)
        || is_forwarded(name)
        || is_one_of(name, &METHOD_OVERRIDES)
}

/// Whether `Connection` names this header, which then goes no further (RFC 9110 §7.6.1).
#[must_use]
pub fn is_connection_option(connection: &str, header: &str) -> bool {
    connection.split(',').any(|name| name.trim_matches([' ', '\t']).eq_ignore_ascii_case(header))
}

/// Whether an origin may take one header for the other: CGI, WSGI and PHP name variables after headers and replace what
/// such a name cannot hold (RFC 3875 §4.1.18). So case does not count, and all that is no letter or digit is alike.
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
