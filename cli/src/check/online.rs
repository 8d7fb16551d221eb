//! `check --online`: the keys that the gate would use, found with its own code.

use futures_util::FutureExt;
use portcullis::jose::algorithm::Algorithm;
use portcullis::jose::json::Json;
use portcullis::jose::key_set::{MAX_SET_BYTES, usable_keys};
use portcullis::jose::public_key::{Material, PublicKey};
use portcullis::jwks::discovery::key_set_url;
use portcullis::platform::{Fault, Fetch, Fetched, Get};
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
    /// The number of entries in the set that are not usable keys.
    passed_over: usize,
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
    let (jwks_uri, keys, entries) = match &issuer.keys {
        KeySource::Static(keys) => (None, keys.clone(), keys.len()),
        KeySource::Discovery(_) | KeySource::Uri(_) => {
            let uri = key_set_url(issuer, &Web).await?;
            let (keys, entries) = fetch(issuer, &uri).await?;
            (Some(uri), keys, entries)
        }
    };
    Ok(IssuerReport {
        name: issuer.name.clone(),
        issuer: issuer.issuer.clone(),
        jwks_uri,
        passed_over: entries - keys.len(),
        keys: keys.iter().map(|key| KeyReport::new(key, &issuer.algorithms)).collect(),
    })
}

/// The usable keys of a set, and the number of its entries.
async fn fetch(issuer: &Issuer, url: &str) -> Result<(Vec<PublicKey>, usize), Fault> {
    let get = Get { url, etag: None, timeout_ms: issuer.timeout_ms, max_bytes: MAX_SET_BYTES };
    let Fetched::Document { body, .. } = Web.get(get).await? else {
        return Err(Fault(format!("GET {url}: 304 without a cached copy")));
    };
    let said = |problem: String| Fault(format!("the answer from {url}: {problem}"));
    let set = Json::parse(&body).map_err(|error| said(error.to_string()))?;
    let keys = usable_keys(&set).map_err(|error| said(error.to_string()))?;
    let entries = set.as_object().and_then(|set| set.get("keys")?.as_array()).map_or(0, <[Json<'_>]>::len);
    Ok((keys, entries))
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
        if issuer.passed_over > 0 {
            output.line(&format!(
                "  - {} skipped: not for signatures, too weak, or of an unknown type",
                issuer.passed_over
            ));
        }
        output.line("");
    }
}
