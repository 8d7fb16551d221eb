//! `check --online`: the keys that the gate would use, found with its own code. What the Worker would refuse is refused.

use futures_util::FutureExt;
use portcullis::jose::algorithm::Algorithm;
use portcullis::jose::key_set::MAX_SET_BYTES;
use portcullis::jose::passed_over::PassedOverEntry;
use portcullis::jose::public_key::{Material, PublicKey};
use portcullis::jwks::discovery::key_set_url;
use portcullis::jwks::set::KeySet;
use portcullis::native::NativeCrypto;
use portcullis::platform::{Crypto, Fault, Fetch, Fetched, Get};
use portcullis::policy::{Issuer, KeySource, Place, PlaceStep, Policy};
use serde::Serialize;

use crate::document::SourceValue;
use crate::finding::rule::{FindingRule, KEY_NOT_ALLOWED, KEYS};
use crate::finding::{Finding, Highlight};
use crate::output::{BOLD, Output, printable};
use crate::web::Web;

/// The keys of an issuer.
#[derive(Debug, Serialize)]
pub(super) struct IssuerReport {
    name: String,
    issuer: String,
    /// Absent for keys in the policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    jwks_uri: Option<String>,
    keys: Vec<KeyReport>,
    /// The entries in the set that are not usable keys.
    passed_over: Vec<PassedOverReport>,
}

/// An entry that the gate would not use.
#[derive(Debug, Serialize)]
struct PassedOverReport {
    /// Its index in `keys`.
    entry: usize,
    reason: String,
}

/// A key, and the algorithms that the gate would use it for.
#[derive(Debug, Serialize)]
struct KeyReport {
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    algorithms: Vec<&'static str>,
}

/// Fetches the keys of all issuers of a policy. Keys that cannot be fetched or used are findings.
pub(super) fn keys(policy: &Policy, value: &SourceValue, output: &Output) -> (Vec<IssuerReport>, Vec<Finding>) {
    let (mut all, mut findings) = (Vec::new(), Vec::new());
    for issuer in &policy.issuers {
        output.progress(&format!("{}: fetching keys", issuer.issuer));
        let finding = |rule, message: String| {
            let place = Place::at(&[PlaceStep::Key("issuers"), PlaceStep::Key(&issuer.name)]);
            let key = if value.locate(&place).value.get("jwks_uri").is_some() { "jwks_uri" } else { "issuer" };
            let shown = Place::at(&[PlaceStep::Key("issuers"), PlaceStep::Key(&issuer.name), PlaceStep::Key(key)]);
            Finding { place, ..Finding::new(rule, Highlight::Value.span(value, &shown), message) }
        };
        // The network call blocks, so the future is ready at the first poll.
        let found = keys_of(issuer).now_or_never().unwrap_or_else(|| Err(Fault("no answer".to_owned())));
        match found {
            Err(fault) => findings.push(finding(&KEYS, fault.to_string())),
            Ok(found) => {
                findings.extend(unfit(&found).map(|(rule, message)| finding(rule, message)));
                all.push(found);
            }
        }
    }
    (all, findings)
}

async fn keys_of(issuer: &Issuer) -> Result<IssuerReport, Fault> {
    let (jwks_uri, set) = match &issuer.keys {
        KeySource::Static(keys) => (None, KeySet::new(keys.clone()).importable(&Importer).await),
        KeySource::Discovery(_) | KeySource::Uri(_) => {
            let uri = key_set_url(issuer, &Web).await?;
            let set = match KeySet::parse(&fetch(issuer, &uri).await?) {
                Ok(set) => set.importable(&Importer).await,
                Err(error) => Err(error),
            };
            (Some(uri), set)
        }
    };
    let set = set.map_err(|error| match &jwks_uri {
        Some(uri) => Fault(format!("the answer from {uri}: {error}")),
        None => Fault(error.to_string()),
    })?;
    Ok(IssuerReport {
        name: issuer.name.clone(),
        issuer: issuer.issuer.clone(),
        jwks_uri,
        keys: set.keys().map(|key| KeyReport::new(key, &issuer.algorithms)).collect(),
        passed_over: set.passed_over().iter().map(PassedOverReport::new).collect(),
    })
}

async fn fetch(issuer: &Issuer, url: &str) -> Result<String, Fault> {
    let get = Get { url, etag: None, timeout_ms: issuer.timeout_ms, max_bytes: MAX_SET_BYTES };
    match Web.get(get).await? {
        Fetched::Document { body, .. } => Ok(body),
        Fetched::NotModified { .. } => Err(Fault(format!("GET {url}: 304 without a cached copy"))),
    }
}

/// Imports what the Worker can import. The largest RSA keys are more than `RustCrypto` can use, but not WebCrypto.
struct Importer;

impl Crypto for Importer {
    type Key = ();

    async fn import(&self, key: &PublicKey, algorithm: Algorithm) -> Option<()> {
        match key.material {
            Material::Rsa { .. } => Some(()),
            Material::Ec { .. } | Material::Ed25519 { .. } => NativeCrypto.import(key, algorithm).await.map(drop),
        }
    }

    async fn verify(&self, _key: &(), _algorithm: Algorithm, _signature: &[u8], _signed: &[u8]) -> bool {
        false
    }
}

/// Findings about keys whose algorithms the policy does not allow.
fn unfit(found: &IssuerReport) -> impl Iterator<Item = (&'static FindingRule, String)> {
    let has_none = found.keys.iter().all(|key| key.algorithms.is_empty());
    let of_all = has_none.then(|| (&KEYS, "the policy allows none of the algorithms of this issuer's keys".to_owned()));
    let of_one = found.keys.iter().filter(move |key| !has_none && key.algorithms.is_empty()).map(|key| {
        let kid = key.kid.as_ref().map(|kid| format!(" {kid:?}")).unwrap_or_default();
        (&KEY_NOT_ALLOWED, format!("the policy allows none of the algorithms of the key{kid} ({})", key.kind))
    });
    of_all.into_iter().chain(of_one)
}

impl KeyReport {
    fn new(key: &PublicKey, allowed: &[Algorithm]) -> Self {
        let fitting = allowed.iter().filter(|algorithm| key.fits(**algorithm));
        Self { kid: key.kid.clone(), kind: kind(&key.material), algorithms: fitting.map(|fit| fit.name()).collect() }
    }
}

impl PassedOverReport {
    fn new(PassedOverEntry { index, reason }: &PassedOverEntry) -> Self {
        Self { entry: *index, reason: reason.to_string() }
    }
}

fn kind(material: &Material) -> String {
    let key_type = material.key_type();
    match material {
        Material::Rsa { n, .. } => format!("{key_type} {}", n.len() * 6 / 8 * 8),
        Material::Ec { .. } | Material::Ed25519 { .. } => key_type.to_string(),
    }
}

/// Lists the keys for people.
pub(super) fn write(all: &[IssuerReport], output: &Output) {
    for issuer in all {
        output.line(&format!("{} {}", output.paint(BOLD, &issuer.name), issuer.issuer));
        let from = issuer.jwks_uri.as_deref().map_or("in the policy".into(), printable);
        output.line(&format!("  keys {from}"));
        for KeyReport { kid, kind, algorithms } in &issuer.keys {
            let kid = kid.as_deref().map_or("(no kid)".into(), printable);
            let used = if algorithms.is_empty() { "not used".to_owned() } else { algorithms.join(" ") };
            output.line(&format!("  - {kid}: {kind}, {used}"));
        }
        for PassedOverReport { entry, reason } in &issuer.passed_over {
            output.line(&format!("  - keys[{entry}] skipped: {}", printable(reason)));
        }
        output.line("");
    }
}
