//! Request methods (RFC 9110 §9).

/// The methods in common use (RFC 9110 §9.3, RFC 5789), without those that no route accepts.
pub const USUAL: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

/// The methods that no route accepts. An origin that answers `TRACE` or `TRACK` shows the caller what the gate added to
/// the request, including secrets (RFC 9110 §9.3.8); `CONNECT` asks for a tunnel, not for a resource.
pub const REFUSED: [&str; 3] = ["CONNECT", "TRACE", "TRACK"];

/// Whether no route accepts this method. Methods are case-sensitive (RFC 9110 §9.1); here case is ignored, since some
/// servers ignore it.
#[must_use]
pub fn is_refused(method: &str) -> bool {
    REFUSED.iter().any(|refused| refused.eq_ignore_ascii_case(method))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_is_refused_in_any_case() {
        for method in ["TRACE", "trace", "Track", "CONNECT"] {
            assert!(is_refused(method), "{method}");
        }
        for method in ["GET", "OPTIONS", "TRACES", ""] {
            assert!(!is_refused(method), "{method}");
        }
    }
}
