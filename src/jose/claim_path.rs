//! Where a claim is within the payload of a token.

use std::fmt;

use super::json::{Json, Object};

/// Where a claim is: a name, or names of nested objects joined by dots. A claim whose name holds the dots is found
/// first, since names like `https://example.com/roles` are common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPath(String);

/// As the policy writes it.
impl fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl ClaimPath {
    /// A path as the policy writes it.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The claim at this path, if there is one.
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
