//! Claims that a caller's token has unless the user says otherwise.

use portcullis::time::UnixSeconds;
use serde_json::{Map, Value};

/// Claims that are added by default.
pub(crate) const DEFAULTS: [&str; 3] = ["iss", "iat", "exp"];

/// The lifetime of tokens whose claims have no `exp`, in seconds.
const LIFETIME: u64 = 3600;

/// The first of the claims to leave out that a caller with these claims does not have.
pub(crate) fn unknown<'n>(without: &'n [String], own: &Map<String, Value>) -> Option<&'n str> {
    without.iter().map(String::as_str).find(|name| !DEFAULTS.contains(name) && !own.contains_key(*name))
}

/// A caller's claims with the defaults: `iss` if the policy has one issuer, `iat`, and `exp`.
pub(crate) fn with_defaults(own: Map<String, Value>, iss: Option<&str>, now: UnixSeconds) -> Map<String, Value> {
    let mut claims = Map::new();
    if let Some(iss) = iss {
        claims.insert("iss".to_owned(), iss.into());
    }
    claims.insert("iat".to_owned(), now.0.into());
    claims.insert("exp".to_owned(), now.plus(LIFETIME).0.into());
    claims.extend(own);
    claims
}
