//! Paths to claims in the payload of a token.

use std::fmt;

use super::json::{Json, Object};

/// The path to a claim: a name, or the names of nested objects joined by dots. A claim whose own name contains the dots
/// comes first, since names like `https://example.com/roles` are common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPath(String);

/// As written in the policy.
impl fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl ClaimPath {
    /// A path as written in the policy.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The claim at this path, if present.
    #[must_use]
    pub fn find<'c, 'j>(&self, claims: &'c Object<'j>) -> Option<&'c Json<'j>> {
        find(&self.0, claims)
    }
}

fn find<'c, 'j>(path: &str, claims: &'c Object<'j>) -> Option<&'c Json<'j>> {
    claims.get(path).or_else(|| {
        let (name, below) = path.split_once('.')?;
        find(below, claims.get(name)?.as_object()?)
    })
}
