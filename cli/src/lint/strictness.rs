//! Which of two routes requires less.

use portcullis::policy::{Audience, Organization, Requirement, Route, Scopes};

/// Whether a route requires less than another, as far as this can be determined.
pub(super) fn is_less_strict(one: &Route, other: &Route) -> bool {
    let [own, others] = [one, other].map(Route::access);
    match (one.requirement(), other.requirement()) {
        (Some(one), Some(other)) if own == others => is_met_by(one, other) && !is_met_by(other, one),
        _ => own < others,
    }
}

/// Whether every token that meets `other` also meets `one`.
fn is_met_by(one: &Requirement, other: &Requirement) -> bool {
    let audience = match (&one.audience, &other.audience) {
        (Audience::Unchecked, _) => true,
        (Audience::OneOf(own), Audience::OneOf(others)) => is_within(others, own),
        (Audience::OneOf(_), Audience::Unchecked) => false,
    };
    let organization = one.organization == Organization::Unchecked || one.organization == other.organization;
    let scopes = are_met_by(&one.scopes, &other.scopes);
    is_within(&other.issuers, &one.issuers)
        && audience
        && organization
        && scopes
        && is_within(&one.claims, &other.claims)
}

fn are_met_by(one: &Scopes, other: &Scopes) -> bool {
    let any = one.any.is_empty() || (!other.any.is_empty() && is_within(&other.any, &one.any));
    is_within(&one.all, &other.all) && any
}

fn is_within<T: PartialEq>(part: &[T], whole: &[T]) -> bool {
    part.iter().all(|item| whole.contains(item))
}

#[cfg(test)]
mod tests {
    use portcullis::policy::Policy;

    use super::*;

    /// The access of routes with these keys.
    fn accesses(routes: &[&str]) -> Vec<Route> {
        let routes: Vec<String> =
            routes.iter().enumerate().map(|(index, route)| format!(r#"{{"path": "/{index}", {route}}}"#)).collect();
        let issuers = r#"{"a": {"issuer": "https://a.com"}, "b": {"issuer": "https://b.com"}}"#;
        let routes = routes.join(", ");
        let policy =
            format!(r#"{{"version": 1, "origin": "https://o.com", "issuers": {issuers}, "routes": [{routes}]}}"#);
        Policy::parse(&policy).unwrap().routes
    }

    #[test]
    fn each_is_less_strict_than_the_next() {
        let chains: [&[&str]; 3] = [
            &[
                r#""access": "public""#,
                r#""access": "optional", "audience": "x""#,
                r#""audience": "x""#,
                r#""audience": "x", "scopes": ["a"]"#,
                r#""audience": "x", "scopes": ["a", "b"], "claims": {"k": 1}"#,
                r#""access": "deny""#,
            ],
            &[
                r#""audience": "*", "organization": "*""#,
                r#""audience": ["x", "y"], "organization": "*""#,
                r#""audience": "x", "organization": "*", "scopes": ["a"]"#,
                r#""audience": "x", "scopes": {"all": ["a"], "any": ["b", "c"]}, "organization": "*""#,
                r#""audience": "x", "scopes": {"all": ["a"], "any": ["b"]}, "organization": "*""#,
                r#""audience": "x", "scopes": {"all": ["a"], "any": ["b"]}, "organization": "*", "issuers": ["a"]"#,
            ],
            &[r#""audience": "x", "organization": "*""#, r#""audience": "x", "organization": "{header.x-org}""#],
        ];
        for chain in chains {
            let accesses = accesses(chain);
            for (index, one) in accesses.iter().enumerate() {
                for (position, other) in accesses.iter().enumerate() {
                    assert_eq!(is_less_strict(one, other), index < position, "{} {}", chain[index], chain[position]);
                }
            }
        }
    }

    #[test]
    fn what_requires_something_else_is_not_less_strict() {
        let pairs = [
            [r#""audience": "x""#, r#""audience": "y", "scopes": ["a"]"#],
            [r#""audience": "x", "scopes": ["a"]"#, r#""audience": "x", "scopes": ["b"]"#],
            [r#""audience": "x""#, r#""audience": "x", "organization": "{header.x-org}""#],
            [r#""audience": "x", "issuers": ["a"]"#, r#""audience": "x", "scopes": ["a"], "issuers": ["b"]"#],
            [r#""audience": "x", "scopes": {"any": ["a"]}"#, r#""audience": "x", "scopes": {"any": ["b"]}"#],
            [r#""access": "deny""#, r#""access": "deny""#],
        ];
        for pair in pairs {
            let accesses = accesses(&pair);
            assert!(
                !is_less_strict(&accesses[0], &accesses[1]) && !is_less_strict(&accesses[1], &accesses[0]),
                "{pair:?}"
            );
        }
    }
}
