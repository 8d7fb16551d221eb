//! The entry of a key set in Workers KV. Whatever is in the store is input: an entry that is not right is no entry.

use serde::Serialize;

use super::key::PublicKey;
use super::set::usable_keys;
use crate::json::{Json, Object};

/// The layout of the entry. An entry of another version is no entry.
const VERSION: u64 = 1;

/// Seconds by which the clock of who wrote the entry may be ahead.
const MAX_CLOCK_SKEW: u64 = 60;

/// A key set as it is kept in the store.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Where the set came from.
    pub jwks_uri: String,
    /// When, in seconds since 1970.
    pub fetched_at: u64,
    /// The entity tag that came along.
    pub etag: Option<String>,
    /// The keys.
    pub keys: Vec<PublicKey>,
}

/// The store's key for an issuer.
#[must_use]
pub fn store_key(issuer: &str) -> String {
    format!("jwks:v{VERSION}:{issuer}")
}

impl Entry {
    /// Reads an entry of the store; `None` if it is not one of this issuer, or claims to be from the future.
    #[must_use]
    pub fn parse(text: &str, issuer: &str, now: u64) -> Option<Self> {
        let entry = Json::parse(text).ok()?;
        let members = entry.as_object()?;
        let text = |name| members.get(name).and_then(Json::as_str);
        let number = |name| match members.get(name) {
            Some(Json::Number(number)) => number.as_u64(),
            _ => None,
        };
        if number("version")? != VERSION || text("issuer")? != issuer {
            return None;
        }
        let fetched_at = number("fetched_at").filter(|at| *at <= now.saturating_add(MAX_CLOCK_SKEW))?;
        let keys = usable_keys(&entry).ok()?;
        Some(Self { jwks_uri: text("jwks_uri")?.to_owned(), fetched_at, etag: text("etag").map(str::to_owned), keys })
    }
}

/// Writes an entry for the store.
#[must_use]
pub fn write<'k>(
    issuer: &str,
    jwks_uri: &str,
    fetched_at: u64,
    etag: Option<&str>,
    keys: impl Iterator<Item = &'k Object<'static>>,
) -> String {
    #[derive(Serialize)]
    struct Document<'a> {
        version: u64,
        issuer: &'a str,
        jwks_uri: &'a str,
        fetched_at: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        etag: Option<&'a str>,
        keys: Vec<&'a Object<'static>>,
    }
    let document = Document { version: VERSION, issuer, jwks_uri, fetched_at, etag, keys: keys.collect() };
    // Strings and JSON values always serialize.
    serde_json::to_string(&document).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        r#"{"kid":"a","kty":"OKP","crv":"Ed25519","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","note":[1]}"#;

    fn text(more: &str) -> String {
        format!(r#"{{"version":1,"issuer":"i","jwks_uri":"https://i/jwks","fetched_at":1000,{more}"keys":[{KEY}]}}"#)
    }

    #[test]
    fn reads_what_it_writes() {
        for more in ["", r#""etag":"\"x\"","#] {
            let entry = Entry::parse(&text(more), "i", 1000).unwrap();
            assert_eq!(entry.etag.is_some(), !more.is_empty());
            let written = write(
                "i",
                &entry.jwks_uri,
                entry.fetched_at,
                entry.etag.as_deref(),
                entry.keys.iter().map(PublicKey::source),
            );
            assert_eq!(written, text(more));
        }
    }

    #[test]
    fn what_is_not_an_entry_of_this_issuer_is_none() {
        let good = text("");
        assert!(Entry::parse(&good, "i", 940).is_some());
        assert!(Entry::parse(&good, "j", 1000).is_none(), "another issuer's");
        assert!(Entry::parse(&good, "i", 939).is_none(), "from the future");
        for (from, to) in [
            ("\"version\":1", "\"version\":2"),
            ("\"version\":1", "\"version\":\"1\""),
            ("1000", "-1"),
            ("1000", "1.5"),
            ("\"kty\":\"OKP\"", "\"kty\":\"oct\""),
            ("\"jwks_uri\":\"https://i/jwks\",", ""),
            ("{", "["),
        ] {
            assert!(Entry::parse(&good.replacen(from, to, 1), "i", 1000).is_none(), "{from} -> {to}");
        }
        assert!(Entry::parse("garbage", "i", 1000).is_none());
    }
}
