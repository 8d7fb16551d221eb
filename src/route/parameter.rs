//! Names of query parameters that an origin may take for one another.

/// The number of parameters that every common origin reads: PHP (`max_input_vars`) and Express drop the rest.
pub const MOST: usize = 1000;

/// Whether an origin may take one query parameter for the other. Both names are decoded.
///
/// - ASP.NET compares names case-insensitively; Rack and PHP drop leading white space, `qs` (Express) leading brackets,
///   and `URLSearchParams` (Koa) the question mark of `??org`.
/// - Some parsers end a name at a NUL.
/// - PHP, Rack and `qs` read `org[]` and `org[x]` as `org`; PHP reads `org.id` and `org[id` as `org_id`.
#[must_use]
pub fn is_alike(one: &str, other: &str) -> bool {
    let (one, other) = (trimmed(one), trimmed(other));
    is_same(cut(one), cut(other)) || is_same(one, other)
}

/// Whether an encoded name contains an escape that only ASP.NET decodes: `%u` and four hex digits.
#[must_use]
pub fn has_foreign_escape(name: &str) -> bool {
    let is_escape = |rest: &str| {
        let digits = rest.strip_prefix(['u', 'U']).and_then(|rest| rest.get(..4));
        digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    name.split('%').skip(1).any(is_escape)
}

fn trimmed(name: &str) -> &str {
    let name = name.split('\0').next().unwrap_or_default();
    name.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '[' | ']' | '?'))
}

/// The part of a name before its first bracket: `org` of `org[]` and `org[0]`.
fn cut(name: &str) -> &str {
    name.split(['[', ']']).next().unwrap_or_default()
}

/// Whether two texts are equal if case is ignored and all ASCII characters other than letters and digits are equal. All
/// non-ASCII characters are equal too: origins disagree on which of them differ only by case.
fn is_same(one: &str, other: &str) -> bool {
    let folded = |c: char| match c {
        c if c.is_ascii_alphanumeric() => c.to_ascii_lowercase(),
        c if c.is_ascii() => '_',
        _ => char::MAX,
    };
    one.chars().map(folded).eq(other.chars().map(folded))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_alike_that_some_origin_takes_for_one() {
        for (name, others) in [
            (
                "org",
                &[
                    "org",
                    "Org",
                    "ORG",
                    " org",
                    "\torg",
                    "org[]",
                    "org[0]",
                    "org[a][b]",
                    "[org]",
                    "[org",
                    "?org",
                    "org\0x",
                ][..],
            ),
            ("org_id", &["org.id", "org[id", "org id", "org-id", "Org.Id", " org_id", "[org_id]", "org.id[]"]),
            ("org[id]", &["org", "org[]", "org[x]", "org_id_"]),
            ("org.id", &["org_id", "org.id[]"]),
            ("\u{e9}t\u{e9}", &["\u{c9}T\u{c9}"]),
        ] {
            for other in others {
                assert!(is_alike(other, name), "{other:?} {name}");
                assert!(is_alike(name, other), "{name} {other:?}");
            }
        }
        assert!(has_foreign_escape("%u006frg") && has_foreign_escape("o%U0072g"));
        assert!(!has_foreign_escape("%75org") && !has_foreign_escape("%u00") && !has_foreign_escape("u0072"));
        for other in ["organization", "or", "", "org1", "xorg", "\0org", "org_", "o rg"] {
            assert!(!is_alike(other, "org"), "{other:?}");
        }
    }
}
