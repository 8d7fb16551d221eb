//! How long a key set is fresh according to its issuer (RFC 9111 §4.2.1, §5.2.2), within the gate's limits.

/// Minimum freshness of a key set in seconds, whatever the issuer says, unless the policy's `jwks_ttl` is shorter.
pub const MIN_TTL: u64 = 60;

/// For how many seconds a set is fresh according to its `Cache-Control`; `None` if that does not say.
#[must_use]
pub fn fresh_for(cache_control: Option<&str>) -> Option<u64> {
    let directives = cache_control?.split(',').map(|directive| {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        (name.trim().to_ascii_lowercase(), value.trim().trim_matches('"'))
    });
    if directives.clone().any(|(name, _)| name == "no-store" || name == "no-cache") {
        return Some(0);
    }
    // The store is shared by all isolates, so the directive for shared caches takes precedence (§5.2.2.10).
    let seconds = |query: &str| delta_seconds(directives.clone().find(|(name, _)| name == query)?.1);
    seconds("s-maxage").or_else(|| seconds("max-age"))
}

/// RFC 9111 §1.2.2: digits; a number that is too large becomes the largest one.
fn delta_seconds(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

/// Brings the issuer's freshness lifetime into the gate's limits, in seconds. `configured` is the policy's `jwks_ttl`,
/// which an issuer can only shorten: it limits how long a withdrawn key still works.
#[must_use]
pub fn bounded(fresh_for: u64, configured: u64) -> u64 {
    fresh_for.clamp(configured.min(MIN_TTL), configured)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_cache_control() {
        for (text, expected) in [
            ("max-age=120", Some(120)),
            ("public, Max-Age=\"120\" , must-revalidate", Some(120)),
            ("max-age=120, s-maxage=7", Some(7)),
            ("max-age=120, no-cache", Some(0)),
            ("no-store", Some(0)),
            ("max-age=0", Some(0)),
            ("public", None),
            ("max-age", None),
            ("max-age=-1", None),
            ("max-age=+1", None),
            ("max-age=99999999999999999999", Some(u64::MAX)),
            ("max-age=1.5", None),
            ("", None),
        ] {
            assert_eq!(fresh_for(Some(text)), expected, "{text}");
        }
        assert_eq!(fresh_for(None), None);
    }

    #[test]
    fn the_issuers_word_has_bounds() {
        for (fresh_for, configured, expected) in [
            (120, 600, 120),
            (0, 600, 60),
            (86_400, 600, 600),
            (0, 59, 59),
            (60, 61, 60),
            (0, 1, 1),
            (30, 1, 1),
            (86_400, 2, 2),
            (86_400, 7200, 7200),
            (5000, 7200, 5000),
        ] {
            assert_eq!(bounded(fresh_for, configured), expected, "{fresh_for} {configured}");
        }
    }
}
