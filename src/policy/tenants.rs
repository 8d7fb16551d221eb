//! Issuers with tenants: one name and one key set for many values of `iss`, which differ in one segment of a path.

use super::reader::{Field, Table};

/// Stands for the tenant in an `issuer`.
const PLACEHOLDER: &str = "{tenant}";

/// Maximum number of tenants of an issuer. A policy of them has half a megabyte.
pub const MAX_TENANTS: usize = 10_000;

/// The values of `iss` of an issuer with tenants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenants {
    /// What stands before the tenant, and after it.
    around: (String, String),
    /// Sorted.
    values: Vec<String>,
}

impl Tenants {
    /// Reads the key `tenants` of an issuer, whose `issuer` must have the place for one of them; `Some(None)` if it has
    /// neither.
    pub(super) fn read(table: &Table<'_>, issuer: Option<(&str, &Field<'_>)>) -> Option<Option<Self>> {
        let field = table.field("tenants");
        let values = field.as_ref().map(read_values);
        let (text, issuer) = issuer?;
        match (values, text.contains(PLACEHOLDER)) {
            (None, false) => Some(None),
            (None, true) => {
                table.fail("tenants", format!("is required, since issuer contains {PLACEHOLDER}"));
                None
            }
            (Some(values), _) => {
                let around = around_tenant(text);
                if around.is_none() {
                    issuer
                        .fail::<()>(format!("expected {PLACEHOLDER} once, as a segment of the path, for the tenants"));
                }
                Some(Some(Self { around: around?, values: values? }))
            }
        }
    }

    /// Whether this is the `iss` of a tenant: byte for byte, at the cost of one lookup however many there are.
    #[must_use]
    pub fn have_iss(&self, iss: &str) -> bool {
        let (before, after) = &self.around;
        let tenant = iss.strip_prefix(before.as_str()).and_then(|rest| rest.strip_suffix(after.as_str()));
        tenant.is_some_and(|tenant| self.values.binary_search_by(|known| known.as_str().cmp(tenant)).is_ok())
    }

    /// The `iss` of each tenant.
    pub fn all_iss(&self) -> impl Iterator<Item = String> {
        let (before, after) = &self.around;
        self.values.iter().map(move |tenant| [before.as_str(), tenant, after].concat())
    }

    /// The number of tenants.
    #[must_use]
    pub fn count(&self) -> usize {
        self.values.len()
    }
}

/// Whether an `issuer` has the place for a tenant, whether or not there are any.
pub(super) fn names_tenant(issuer: &str) -> bool {
    issuer.contains(PLACEHOLDER)
}

/// What stands before the tenant and after it, which is a whole segment of the path.
fn around_tenant(issuer: &str) -> Option<(String, String)> {
    let (before, after) = issuer.split_once(PLACEHOLDER)?;
    let path = before.split_once("//").map_or(before, |(_, path)| path);
    let is_segment = path.ends_with('/') && !path.contains(['?', '#']) && (after.is_empty() || after.starts_with('/'));
    (is_segment && !after.contains(PLACEHOLDER)).then(|| (before.to_owned(), after.to_owned()))
}

fn read_values(field: &Field<'_>) -> Option<Vec<String>> {
    let elements = field.elements()?;
    if elements.len() > MAX_TENANTS {
        return field.fail(format!("expected at most {MAX_TENANTS} tenants, found {}", elements.len()));
    }
    let read: Vec<Option<String>> = elements.iter().map(|element| element.read(read_tenant)).collect();
    let values: Vec<String> = read.into_iter().collect::<Option<_>>()?;
    let mut sorted: Vec<&str> = values.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    let twice = sorted.iter().zip(sorted.iter().skip(1)).find(|(one, next)| one == next).map(|(one, _)| *one);
    let Some(twice) = twice else { return Some(sorted.into_iter().map(str::to_owned).collect()) };
    let is_twice = |element: &&Field<'_>| element.value.as_str() == Some(twice);
    elements.iter().rfind(is_twice).unwrap_or(field).fail("is listed twice")
}

/// A tenant is one segment of a path (RFC 3986 §3.3), so that none reaches beyond its place in `iss`.
fn read_tenant(text: &str) -> Result<String, String> {
    let is_char = |b: u8| b.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:@".contains(&b);
    if text.bytes().all(is_char) && !matches!(text, "" | "." | "..") {
        return Ok(text.to_owned());
    }
    Err("expected a segment of a path: letters, digits and -._~%!$&'()*+,;=:@, without a slash".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tenant_is_a_whole_segment_of_the_path() {
        for issuer in
            ["https://a.com/{tenant}", "https://a.com/{tenant}/v2.0", "https://a.com/x/{tenant}/", "a/{tenant}"]
        {
            assert!(around_tenant(issuer).is_some(), "{issuer}");
        }
        for issuer in [
            "https://a.com",
            "{tenant}",
            "urn:{tenant}",
            "https://{tenant}",
            "https://{tenant}/v2.0",
            "https://{tenant}.a.com/",
            "https://a.com/x{tenant}",
            "https://a.com/{tenant}x",
            "https://a.com/{tenant}?x",
            "https://a.com/?/{tenant}",
            "https://a.com/#/{tenant}",
            "https://a.com/{tenant}/{tenant}",
            "https://a.com/{Tenant}",
        ] {
            assert!(around_tenant(issuer).is_none(), "{issuer}");
        }
    }

    #[test]
    fn a_tenant_is_one_segment() {
        for tenant in ["a", "11111111-2222-3333-4444-555555555555", "contoso.com", "my%20realm", "a@b:c", "...", "*"] {
            assert!(read_tenant(tenant).is_ok(), "{tenant}");
        }
        for tenant in [".", "..", "a/b", "/", "a b", "a\n", "\u{0}", "{tenant}", "a?b", "a#b", "a\\b", "é", "\"", ""] {
            assert!(read_tenant(tenant).is_err(), "{tenant:?}");
        }
    }

    #[test]
    fn iss_is_that_of_a_tenant_byte_for_byte() {
        let around = around_tenant("https://a.com/{tenant}/v2.0").unwrap();
        let tenants = Tenants { around, values: vec!["a".to_owned(), "b".to_owned()] };
        for iss in ["https://a.com/a/v2.0", "https://a.com/b/v2.0"] {
            assert!(tenants.have_iss(iss), "{iss}");
        }
        for iss in [
            "https://a.com/c/v2.0",
            "https://a.com/{tenant}/v2.0",
            "https://a.com/A/v2.0",
            "https://a.com/a/v2.0/",
            "https://a.com/a/b/v2.0",
            "https://a.com//v2.0",
            "https://a.com/v2.0",
            "https://a.com/a",
            "x https://a.com/a/v2.0",
            "",
        ] {
            assert!(!tenants.have_iss(iss), "{iss}");
        }
        assert_eq!(tenants.all_iss().collect::<Vec<_>>(), ["https://a.com/a/v2.0", "https://a.com/b/v2.0"]);
    }
}
