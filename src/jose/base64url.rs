//! Canonical base64url (RFC 7515 §2, RFC 4648 §3.5 and §5): no padding, no other alphabet, unused bits zero.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Decodes canonical base64url; `None` for any other text.
///
/// Only the canonical form is accepted, so that each value has one encoding (RFC 4648 §3.5).
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Encodes as base64url without padding.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_only_the_canonical_form() {
        assert_eq!(decode("AQ").unwrap(), [1]);
        assert_eq!(decode("-_-_").unwrap(), [0xfb, 0xff, 0xbf]);
        for text in ["AQ==", "AR", "+/+/", "A", "AQ ", "A Q", "AQ\n", "é"] {
            assert_eq!(decode(text), None, "{text:?}");
        }
    }
}
