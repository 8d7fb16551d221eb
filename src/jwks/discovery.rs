//! From an issuer to its key set: discovery (OpenID Connect Discovery 1.0 §4, RFC 8414 §3) and the fetch of the keys.

use super::caching::fresh_for;
use super::entry::is_entity_tag;
use super::set::KeySet;
use crate::jose::json::Json;
use crate::jose::key_set::MAX_SET_BYTES;
use crate::platform::{Fault, Fetch, Fetched, Get};
use crate::policy::url::check_key_url;
use crate::policy::{Issuer, KeySource};

/// Maximum size of an issuer's metadata in bytes.
const MAX_METADATA_BYTES: usize = 64 * 1024;

/// A key set from the issuer, unless the cached one is current.
pub(super) struct Download<K> {
    pub(super) jwks_uri: String,
    /// The set and its entity tag; `None` if the cached copy is current.
    pub(super) document: Option<(KeySet<K>, Option<String>)>,
    /// For how many seconds it is fresh, if the issuer says so.
    pub(super) fresh_for: Option<u64>,
}

/// Fetches an issuer's key set. `at_hand` is the URL of the cached copy, and its entity tag.
pub(super) async fn download<K>(
    issuer: &Issuer,
    at_hand: Option<(&str, &str)>,
    fetch: &impl Fetch,
) -> Result<Download<K>, Fault> {
    let jwks_uri = key_set_url(issuer, fetch).await?;
    let etag = at_hand.filter(|(uri, _)| *uri == jwks_uri).map(|(_, etag)| etag);
    let get = Get { url: &jwks_uri, etag, timeout_ms: issuer.timeout_ms, max_bytes: MAX_SET_BYTES };
    let (document, cache_control) = match fetch.get(get).await? {
        Fetched::NotModified { cache_control } if etag.is_some() => (None, cache_control),
        Fetched::NotModified { .. } => return Err(Fault("304 without a cached copy".to_owned())),
        Fetched::Document { body, etag, cache_control } => {
            let set = KeySet::parse(&body).map_err(|error| Fault(error.to_string()))?;
            (Some((set, etag.filter(|etag| is_entity_tag(etag)))), cache_control)
        }
    };
    Ok(Download { jwks_uri, document, fresh_for: fresh_for(cache_control.as_deref()) })
}

/// The URL of an issuer's key set, from the policy or from the issuer's metadata.
///
/// # Errors
/// The metadata cannot be fetched or is not this issuer's, or the keys are in the policy.
pub async fn key_set_url(issuer: &Issuer, fetch: &impl Fetch) -> Result<String, Fault> {
    match &issuer.keys {
        KeySource::Uri(uri) => Ok(uri.clone()),
        KeySource::Discovery(url) => discover(issuer, url, fetch).await,
        KeySource::Static(_) => Err(Fault("the keys are in the policy".to_owned())),
    }
}

async fn discover(issuer: &Issuer, url: &str, fetch: &impl Fetch) -> Result<String, Fault> {
    let get = Get { url, etag: None, timeout_ms: issuer.timeout_ms, max_bytes: MAX_METADATA_BYTES };
    let Fetched::Document { body, .. } = fetch.get(get).await? else {
        return Err(Fault("304 for the metadata, without a conditional request".to_owned()));
    };
    read_metadata(&body, &issuer.issuer).map_err(|problem| Fault(format!("the metadata at {url} {problem}")))
}

/// The `jwks_uri` of an issuer's metadata.
fn read_metadata(body: &str, issuer: &str) -> Result<String, &'static str> {
    let metadata = Json::parse(body).map_err(|_| "is not JSON")?;
    let text = |name| metadata.as_object().and_then(|metadata| metadata.get(name)?.as_str());
    // RFC 8414 §3.3: metadata that names another issuer must not be used.
    match text("issuer") {
        Some(named) if named == issuer => {}
        // Entra ID: {tenantid}.
        Some(named) if named.contains('{') => {
            return Err("names a template as its issuer: list the tenants in `tenants`, and set `jwks_uri`");
        }
        _ => return Err("names another issuer"),
    }
    let jwks_uri = text("jwks_uri").ok_or("names no jwks_uri")?;
    check_key_url(jwks_uri).map_err(|_| "names a jwks_uri that is not https")?;
    Ok(jwks_uri.to_owned())
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::policy::Policy;

    /// An issuer that records each fetch: URL, timeout and maximum size.
    #[derive(Default)]
    struct Notary(RefCell<Vec<(String, u32, usize)>>);

    impl Fetch for Notary {
        async fn get(&self, Get { url, timeout_ms, max_bytes, .. }: Get<'_>) -> Result<Fetched, Fault> {
            self.0.borrow_mut().push((url.to_owned(), timeout_ms, max_bytes));
            let body = r#"{"issuer":"https://i","jwks_uri":"https://i/jwks"}"#.to_owned();
            Ok(Fetched::Document { body, etag: None, cache_control: None })
        }
    }

    #[test]
    fn each_fetch_has_a_timeout_and_a_most_size() {
        let policy = r#"{"version":1,"issuers":{"i":{"issuer":"https://i","timeout_ms":7}},
            "routes":[{"path":"/","access":"deny"}]}"#;
        let (policy, notary) = (Policy::parse(policy).unwrap(), Notary::default());
        // The metadata is not a key set; only the fetches matter.
        let result = futures_executor::block_on(download::<()>(&policy.issuers[0], None, &notary));
        assert!(result.is_err());
        let expected = [("https://i/.well-known/openid-configuration", 65_536), ("https://i/jwks", 262_144)];
        assert_eq!(*notary.0.borrow(), expected.map(|(url, most)| (url.to_owned(), 7, most)));
    }

    #[test]
    fn metadata_must_name_this_issuer_and_a_safe_key_url() {
        let read = |body| read_metadata(body, "https://i");
        assert_eq!(read(r#"{"issuer":"https://i","jwks_uri":"https://i/jwks"}"#), Ok("https://i/jwks".to_owned()));
        for (problem, bodies) in [
            (
                "names another issuer",
                &[r#"{"issuer":"https://i/","jwks_uri":"https://i/jwks"}"#, r#"{"jwks_uri":"https://i/jwks"}"#, "[]"][..],
            ),
            (
                "names a template as its issuer: list the tenants in `tenants`, and set `jwks_uri`",
                &[r#"{"issuer":"https://i/{tenantid}/v2.0","jwks_uri":"https://i/jwks"}"#],
            ),
            (
                "names no jwks_uri",
                &[r#"{"issuer":"https://i"}"#, r#"{"issuer":"https://i","jwks_uri":["https://i/jwks"]}"#],
            ),
            (
                "names a jwks_uri that is not https",
                &[
                    r#"{"issuer":"https://i","jwks_uri":"http://i/jwks"}"#,
                    r#"{"issuer":"https://i","jwks_uri":"file:///etc/passwd"}"#,
                ],
            ),
            ("is not JSON", &["<html>"]),
        ] {
            for body in bodies {
                assert_eq!(read(body), Err(problem), "{body}");
            }
        }
    }
}
