//! The status of the gate, for operators: which policy is in force, and the state of its keys. It holds no secret and
//! nothing of any token.

use crate::jose::json::Json;
use crate::jwks::keyring::{IssuerKeys, Keyring};
use crate::platform::Surroundings;
use crate::policy::Policy;
use crate::time::UnixMillis;

/// The path of the status, on every host (RFC 8615).
pub const STATUS_PATH: &str = "/.well-known/portcullis/status";

/// The status in JSON. It has the number of verified tokens in memory, their size in bytes, and the state of the list of
/// revocations, if there is one.
#[must_use]
pub fn status<K: 'static>(
    policy: &Policy,
    keyring: &Keyring<K>,
    (kept, bytes): (usize, usize),
    revocations: Option<Json<'static>>,
    surroundings: &Surroundings,
    now: UnixMillis,
) -> String {
    let Surroundings { digest, source, candidate, waiting } = surroundings;
    let digest_of = |digest: &'_ String| Json::object([("digest", Some(Json::text(digest.clone())))]);
    let policy = Json::object([
        ("digest", digest.as_deref().map(Json::text)),
        ("source", source.map(Json::text)),
        ("routes", Some(count(policy.routes.len()))),
        ("candidate", candidate.as_ref().map(digest_of)),
    ]);
    let issuers = keyring.issuers().map(|keys: &IssuerKeys<K>| {
        let issuer = keys.issuer();
        let own = [("name", Some(Json::text(&issuer.name))), ("issuer", Some(Json::text(&issuer.issuer)))];
        Json::members(own.into_iter().chain(keys.state(now).members()).collect())
    });
    let tokens = Json::object([("kept", Some(count(kept))), ("bytes", Some(count(bytes)))]);
    let status = Json::object([
        ("version", Some(Json::text(env!("CARGO_PKG_VERSION")))),
        ("policy", Some(policy)),
        ("issuers", Some(Json::Array(issuers.collect()))),
        ("waiting", Some(count(*waiting))),
        ("tokens", Some(tokens)),
        ("revocations", revocations),
    ]);
    status.to_string()
}

fn count(number: usize) -> Json<'static> {
    Json::Number(number.into())
}
