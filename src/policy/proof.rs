//! How an origin can tell that a request came through the gate: assertions that the gate signs, or a shared secret.

use std::borrow::Cow;

use super::identity_header::identity_header;
use super::reader::Field;
use super::url::{Origin, is_binding};
use crate::jose::algorithm::Algorithm;
use crate::route::url::Url;

/// The path at which the gate publishes the keys of its assertions, on every host (RFC 8615).
pub const KEY_SET_PATH: &str = "/.well-known/portcullis/jwks.json";

/// One key signs; the previous or the next one is published with it.
const MAX_KEYS: usize = 2;

/// Short-lived JWTs about the caller, signed by the gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assertions {
    /// The header that carries the assertion, in lower case.
    pub header: String,
    /// Their `iss`.
    pub issuer: String,
    /// Names of Worker secrets, each a private JWK. The first one signs; the public keys of all are published.
    pub keys: Vec<String>,
    /// Their `aud`, unless it is the origin's name.
    audience: Option<String>,
    /// Their `alg`.
    pub algorithm: Algorithm,
    /// Maximum lifetime in seconds, from `iat` to `exp`.
    pub ttl: u64,
}

/// The secret that the gate and its origins share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedSecret {
    /// The header that carries it, in lower case.
    pub header: String,
    /// The name of the Worker secret.
    pub binding: String,
}

impl Assertions {
    pub(super) fn read(field: &Field<'_>, header: String) -> Option<Self> {
        let table = field.table()?;
        let issuer = table.required("issuer").and_then(|field| field.text());
        let keys = table.required("keys").and_then(|field| read_keys(&field));
        let audience = table.optional("audience", Field::text);
        let algorithm =
            table.or("algorithm", Algorithm::Es256, |field| field.one_of(&Algorithm::words_of_assertions()));
        let ttl = table.or("ttl", 300_u64, |field| field.integer(10..=3600));
        table.refuse_unknown_keys();
        Some(Self {
            header,
            issuer: issuer?.to_owned(),
            keys: keys?,
            audience: audience?.map(str::to_owned),
            algorithm: algorithm?,
            ttl: ttl?,
        })
    }

    /// The `aud` of an assertion that goes to this origin with a request to this URL.
    #[must_use]
    pub fn audience<'a>(&'a self, origin: &'a Origin, url: &Url<'_>) -> Cow<'a, str> {
        match (&self.audience, origin) {
            (Some(audience), _) => audience.into(),
            (None, Origin::Url { root, .. }) => root.into(),
            (None, Origin::Service(binding)) => format!("service:{binding}").into(),
            // Scheme and host are case-insensitive (RFC 3986 §6.2.2.1).
            (None, Origin::Passthrough) => format!("{}://{}", url.scheme, url.authority).to_ascii_lowercase().into(),
        }
    }

    /// Whether the audience of assertions for this origin is the same for all requests.
    #[must_use]
    pub fn has_one_audience(&self, origin: &Origin) -> bool {
        self.audience.is_some() || *origin != Origin::Passthrough
    }
}

fn read_keys(field: &Field<'_>) -> Option<Vec<String>> {
    let mut keys: Vec<String> = Vec::new();
    let read = field.list(|field| {
        let key = read_secret(&field)?;
        if keys.contains(&key) {
            return field.fail("appears twice");
        }
        keys.push(key);
        Some(())
    })?;
    if read.len() > MAX_KEYS {
        return field
            .fail(format!("expected at most {MAX_KEYS} keys: the one that signs, and the previous or next one"));
    }
    Some(keys)
}

impl SharedSecret {
    /// Reads it. `own` are the other headers that the gate sets, `keys` the secrets with its signing keys.
    pub(super) fn read(field: &Field<'_>, prefix: &str, own: &[String], keys: &[String]) -> Option<Self> {
        let table = field.table()?;
        let header = match table.field("header") {
            Some(field) => field.read(|text| identity_header(prefix, text, own)),
            None => Some(format!("{prefix}secret")),
        };
        let binding = table.required("binding").and_then(|field| {
            let binding = read_secret(&field)?;
            if keys.contains(&binding) {
                return field
                    .fail("expected a separate secret: it is sent to the origin, and this one is a key of assertions");
            }
            Some(binding)
        });
        table.refuse_unknown_keys();
        Some(Self { header: header?, binding: binding? })
    }
}

/// The name of a Worker secret.
pub(super) fn read_secret(field: &Field<'_>) -> Option<String> {
    read_binding(field, "a secret")
}

/// The name of a binding, of which `what` says what it is.
pub(super) fn read_binding(field: &Field<'_>, what: &str) -> Option<String> {
    field.read(|text| if is_binding(text) { Ok(text.to_owned()) } else { Err(format!("expected the name of {what}")) })
}
