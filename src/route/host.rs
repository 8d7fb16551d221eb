//! The syntax of hosts (RFC 3986 §3.2.2), in the policy and in requests.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Whether a text is a host: a name, an IPv4 address, or an IPv6 address in brackets; no port, no trailing dot.
///
/// Stricter than the RFC: a name has no percent-encoding, and its last label is not a number, since URL parsers read
/// `127.1` and `0x7f.1` as addresses and would connect to another host than the one that was checked.
#[must_use]
pub fn is_host(text: &str) -> bool {
    if let Some(address) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.parse::<Ipv6Addr>().is_ok();
    }
    (is_name(text.as_bytes()) && !is_number(last_label(text))) || text.parse::<Ipv4Addr>().is_ok()
}

/// A host in lower case, as routes are found by it.
#[must_use]
pub fn in_lower_case(host: &str) -> Cow<'_, str> {
    if host.bytes().any(|byte| byte.is_ascii_uppercase()) { host.to_ascii_lowercase().into() } else { host.into() }
}

/// Labels of letters, digits, `-` and `_`, separated by dots. Checked byte by byte, since every request has a host.
fn is_name(text: &[u8]) -> bool {
    let mut is_label_empty = true;
    for byte in text {
        match byte {
            b'.' if is_label_empty => return false,
            b'.' => is_label_empty = true,
            b'-' | b'_' => is_label_empty = false,
            byte if byte.is_ascii_alphanumeric() => is_label_empty = false,
            _ => return false,
        }
    }
    !is_label_empty
}

fn last_label(text: &str) -> &str {
    text.rsplit_once('.').map_or(text, |(_, label)| label)
}

fn is_number(label: &str) -> bool {
    let is_hex = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    label.bytes().all(|b| b.is_ascii_digit()) || is_hex.is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_hosts() {
        for text in ["a", "a.b-c.d_e", "xn--bcher-kva.de", "127.0.0.1", "[::1]", "[2001:db8::7]", "1.a", "A.B"] {
            assert!(is_host(text), "{text}");
        }
        for text in [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "a:80",
            "u@h",
            "a/b",
            "a b",
            "a%2eb",
            "b\u{fc}cher.de",
            "*",
            "[zz]",
            "[::1",
            "[::1]x",
            "127.1",
            "0x7f.1",
            "999.1.1.1",
            "1.2.3.4.5",
            "2130706433",
            "a.0x7f",
            "a.0X7F",
            "a.0x",
            "a$b",
        ] {
            assert!(!is_host(text), "{text}");
        }
    }
}
