//! The store entry of a key set, in Workers KV. Whatever is in the store is untrusted input: an invalid entry counts as
//! absent.

use crate::jose::json::{Json, Object};
use crate::jose::key_set::usable_keys;
use crate::jose::public_key::PublicKey;
use crate::platform::Stored;
use crate::policy::{Issuer, KeySource};
use crate::time::{UnixMillis, UnixSeconds};

/// The version of the format. An entry of another version counts as absent.
const VERSION: u64 = 1;

/// A key set as written to the store.
#[derive(Clone, Debug, PartialEq)]
pub struct StoreEntry {
    /// The URL that the set came from.
    pub jwks_uri: String,
    /// When it was fetched, by the clock of the isolate that wrote the entry.
    pub fetched_at: UnixSeconds,
    /// The entity tag that came with it.
    pub etag: Option<String>,
    /// The usable keys of the set, in the issuer's order.
    pub keys: Vec<PublicKey>,
    /// Hints for other isolates.
    pub notes: Notes,
}

/// The metadata of an entry: hints, without which the entry is still valid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// For how many seconds the set is fresh, if the issuer said so.
    pub fresh_for: Option<u64>,
    /// When an unknown `kid` or a failure last triggered a fetch.
    pub triggered_at: Option<UnixMillis>,
}

/// The store's key for an issuer.
#[must_use]
pub fn store_key(issuer: &str) -> String {
    format!("jwks:v{VERSION}:{issuer}")
}

impl StoreEntry {
    /// Parses a store entry; `None` if it is invalid or not of this issuer.
    #[must_use]
    pub fn parse(stored: &Stored, issuer: &str) -> Option<Self> {
        let entry = Json::parse(&stored.text).ok()?;
        let members = entry.as_object()?;
        let text = |name| members.get(name).and_then(Json::as_str);
        if number(members, "version")? != VERSION || text("issuer")? != issuer {
            return None;
        }
        Some(Self {
            jwks_uri: text("jwks_uri")?.to_owned(),
            fetched_at: UnixSeconds(number(members, "fetched_at")?),
            etag: text("etag").filter(|etag| is_entity_tag(etag)).map(str::to_owned),
            keys: usable_keys(&entry).ok()?,
            notes: Notes::parse(&stored.metadata),
        })
    }
}

/// Whether an entry came from the source that the policy names.
pub(super) fn is_from(entry: &StoreEntry, issuer: &Issuer) -> bool {
    match &issuer.keys {
        KeySource::Uri(uri) => entry.jwks_uri == *uri,
        KeySource::Discovery(_) => true,
        KeySource::Static(_) => false,
    }
}

impl Notes {
    /// Parses the valid hints and ignores everything else.
    fn parse(metadata: &str) -> Self {
        let Ok(Json::Object(notes)) = Json::parse(metadata) else {
            return Self::default();
        };
        Self { fresh_for: number(&notes, "fresh_for"), triggered_at: number(&notes, "triggered_at_ms").map(UnixMillis) }
    }
}

/// Whether an entity tag can be sent back. Servers send more than RFC 9110 §8.8.3 allows; it only has to be a valid
/// header value.
pub(super) fn is_entity_tag(text: &str) -> bool {
    !text.is_empty() && text.trim() == text && text.bytes().all(|b| b == b' ' || b.is_ascii_graphic())
}

fn number(members: &Object<'_>, name: &str) -> Option<u64> {
    match members.get(name) {
        Some(Json::Number(number)) => number.as_u64(),
        _ => None,
    }
}

/// Writes an entry for the store.
#[must_use]
pub fn write<'k>(
    issuer: &str,
    jwks_uri: &str,
    fetched_at: UnixSeconds,
    etag: Option<&str>,
    keys: impl Iterator<Item = &'k Object<'static>>,
    notes: Notes,
) -> Stored {
    let text = Json::object([
        ("version", Some(Json::number(VERSION))),
        ("issuer", Some(Json::text(issuer))),
        ("jwks_uri", Some(Json::text(jwks_uri))),
        ("fetched_at", Some(Json::number(fetched_at.0))),
        ("etag", etag.map(Json::text)),
        ("keys", Some(Json::Array(keys.cloned().map(Json::Object).collect()))),
    ]);
    let metadata = Json::object([
        ("fresh_for", notes.fresh_for.map(Json::number)),
        ("triggered_at_ms", notes.triggered_at.map(|at| Json::number(at.0))),
    ]);
    Stored { text: text.to_string(), metadata: metadata.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        r#"{"kid":"a","kty":"OKP","crv":"Ed25519","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","note":[1]}"#;

    fn text(more: &str) -> String {
        format!(r#"{{"version":1,"issuer":"i","jwks_uri":"https://i/jwks","fetched_at":1000,{more}"keys":[{KEY}]}}"#)
    }

    fn parse(text: &str) -> Option<StoreEntry> {
        StoreEntry::parse(&Stored { text: text.to_owned(), metadata: String::new() }, "i")
    }

    #[test]
    fn reads_what_it_writes() {
        for more in ["", r#""etag":"\"x\"","#] {
            let entry = parse(&text(more)).unwrap();
            assert_eq!(entry.etag.is_some(), !more.is_empty());
            let notes = Notes { fresh_for: Some(60), triggered_at: Some(UnixMillis(999_000)) };
            let keys = entry.keys.iter().map(PublicKey::source);
            let written = write("i", &entry.jwks_uri, entry.fetched_at, entry.etag.as_deref(), keys, notes);
            assert_eq!(written.text, text(more));
            assert_eq!(StoreEntry::parse(&written, "i").unwrap(), StoreEntry { notes, ..entry });
        }
    }

    #[test]
    fn what_is_not_an_entry_of_this_issuer_is_none() {
        let good = text("");
        assert!(parse(&good).is_some());
        let stored = Stored { text: good.clone(), metadata: String::new() };
        assert!(StoreEntry::parse(&stored, "j").is_none(), "another issuer's");
        for (from, to) in [
            ("\"version\":1", "\"version\":2"),
            ("\"version\":1", "\"version\":\"1\""),
            ("1000", "-1"),
            ("1000", "1.5"),
            ("\"kty\":\"OKP\"", "\"kty\":\"oct\""),
            ("\"jwks_uri\":\"https://i/jwks\",", ""),
            ("{", "["),
        ] {
            assert!(parse(&good.replacen(from, to, 1)).is_none(), "{from} -> {to}");
        }
        assert!(parse("garbage").is_none());
    }

    #[test]
    fn an_entity_tag_that_cannot_be_sent_back_is_none() {
        for (etag, is_kept) in [
            (r#"W/\"a, b\""#, true),
            ("bare", true),
            (r#"\"a\nb\""#, false),
            ("é", false),
            ("", false),
            (" a", false),
            ("a ", false),
        ] {
            let entry = parse(&text(&format!(r#""etag":"{etag}","#))).unwrap();
            assert_eq!(entry.etag.is_some(), is_kept, "{etag}");
        }
    }

    #[test]
    fn notes_are_only_hints() {
        for metadata in ["", "[]", "null", r#"{"fresh_for":-1,"triggered_at_ms":"x"}"#, r#"{"triggered_at_ms":1e999}"#]
        {
            let stored = Stored { text: text(""), metadata: metadata.to_owned() };
            assert_eq!(StoreEntry::parse(&stored, "i").unwrap().notes, Notes::default(), "{metadata}");
        }
    }
}
